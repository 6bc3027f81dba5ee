#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

#include "src/codec/codec.h"
#include "src/codec/frame_reader.h"
#include "src/codec/inform_queues.h"
#include "src/codec/resume_frame.h"
#include "src/wire/names.h"
#include "src/wire/text.h"

namespace eventmq {
namespace {

constexpr size_t kFirst = 4;  // the first frame after the id
constexpr std::string_view kVersionPrefix = "eMQP/1.";

bool decode_ack(FrameReader& in, Body& body) {
  Ack& ack = body.emplace<Ack>();
  if (!in.ids(kFirst, "acknowledged id", ack.acknowledged)) return false;
  return !in.has(kFirst + 1) || in.text(kFirst + 1, "capabilities", limits::kCapabilitiesBytes, ack.capabilities);
}

bool decode_heartbeat(FrameReader& in, Body& body) {
  Heartbeat& heartbeat = body.emplace<Heartbeat>();
  return !in.has(kFirst) || in.text(kFirst, "time", limits::kWordBytes, heartbeat.time);
}

// Commands without frames of their own.
template <class T>
bool decode_bare(FrameReader&, Body& body) {
  body.emplace<T>();
  return true;
}

bool decode_request(FrameReader& in, Body& body) {
  Request& request = body.emplace<Request>();
  return in.queue(kFirst, request.queue) && in.headers(kFirst + 1, request.headers) &&
         in.payload(kFirst + 2, "message", request.payload) &&
         (!in.has(kFirst + 3) || in.attempt(kFirst + 3, request.attempt));
}

// One frame: payload. Two: and the request's id. Three: and the outcome. Four: the attempt before the outcome.
bool decode_reply(FrameReader& in, Body& body) {
  Reply& reply = body.emplace<Reply>();
  if (!in.payload(kFirst, "message", reply.payload)) return false;
  if (!in.has(kFirst + 1)) return true;
  if (!in.id(kFirst + 1, "request id", reply.request_id, limits::kAttemptIdBytes)) return false;
  if (!in.has(kFirst + 2)) return true;
  reply.has_outcome = true;
  if (!in.has(kFirst + 3)) return in.outcome(kFirst + 2, reply.outcome);
  return in.attempt(kFirst + 2, reply.attempt) && in.outcome(kFirst + 3, reply.outcome);
}

bool read_interval(FrameReader& in, Bytes& interval) {
  constexpr size_t kIndex = kFirst + 2;
  if (!in.text(kIndex, "interval", limits::kWordBytes, interval)) return false;
  Duration ignored;
  if (interval == "-1") return true;
  if (parse_seconds(interval.view(), limits::kHeaderDuration, ignored) == NumberFault::kNone) return true;
  return in.refuse(kIndex, "interval", ErrorCode::kBadMessage,
                   fmt::format("is -1 or seconds from 0 to {}, not {}", limits::kHeaderDuration.us / 1'000'000,
                               in_quotes(interval.view())));
}

template <class T>
bool decode_schedule(FrameReader& in, Body& body) {
  ScheduleFields& schedule = body.emplace<T>();
  if (!in.queue(kFirst, schedule.queue) || !in.headers(kFirst + 1, schedule.headers) ||
      !read_interval(in, schedule.interval) || !in.payload(kFirst + 3, "message", schedule.payload)) {
    return false;
  }
  schedule.has_cron = in.has(kFirst + 4);
  if (schedule.has_cron && !in.text(kFirst + 4, "cron", limits::kCronBytes, schedule.cron)) return false;
  // It would never be due. To name one that is to end, it is enough.
  const bool is_never = std::is_same_v<T, Schedule> && schedule.interval == "-1" && schedule.cron.empty();
  return !is_never ||
         in.refuse(kFirst + 2, "interval", ErrorCode::kBadMessage, "is -1 and there is no cron expression");
}

bool decode_publish(FrameReader& in, Body& body) {
  Publish& publish = body.emplace<Publish>();
  if (!in.text(kFirst, "topic", limits::kTopicBytes, publish.topic)) return false;
  publish.has_headers = in.has(kFirst + 2);
  if (!publish.has_headers) return in.payload(kFirst + 1, "message", publish.payload);
  return in.text(kFirst + 1, "headers", limits::kHeadersBytes, publish.headers) &&
         in.payload(kFirst + 2, "message", publish.payload);
}

bool read_peer_kind(FrameReader& in, PeerKind& kind) {
  constexpr size_t kIndex = kFirst + 1;
  Bytes word;
  if (!in.text(kIndex, "type", limits::kWordBytes, word)) return false;
  for (const PeerKind candidate : {PeerKind::kWorker, PeerKind::kScheduler, PeerKind::kClient}) {
    if (word != peer_kind_word(candidate)) continue;
    kind = candidate;
    return true;
  }
  return in.refuse(kIndex, "type", ErrorCode::kBadMessage,
                   fmt::format("is worker, scheduler or client, not {}", in_quotes(word.view())));
}

bool read_queues(FrameReader& in, Inform& inform) {
  Bytes text;
  if (!in.payload(kFirst, "queues", text)) return false;
  Result<std::vector<QueueWeight>> queues = parse_inform_queues(text);
  if (!queues) return in.refuse(kFirst, "queues", queues.error().code, "is refused: " + queues.error().text);
  inform.queues = std::move(*queues);
  return true;
}

bool read_resume(FrameReader& in, Inform& inform) {
  Bytes text;
  if (!in.payload(kFirst + 3, "resume", text)) return false;
  const std::optional<Error> fault = parse_resume(text, inform);
  return !fault || in.refuse(kFirst + 3, "resume", fault->code, fault->text);
}

bool decode_inform(FrameReader& in, Body& body) {
  Inform& inform = body.emplace<Inform>();
  if (!read_queues(in, inform) || !read_peer_kind(in, inform.kind)) return false;
  if (inform.kind != PeerKind::kWorker && !inform.queues.empty()) {
    return in.refuse(kFirst, "queues", ErrorCode::kBadMessage, "is not empty, and only a worker has queues");
  }
  inform.has_capabilities = in.has(kFirst + 2);
  if (!inform.has_capabilities) return true;
  Bytes words;
  if (!in.text(kFirst + 2, "capabilities", limits::kCapabilitiesBytes, words)) return false;
  inform.capabilities = parse_capabilities(words);
  const bool resumes = inform.kind == PeerKind::kWorker && inform.capabilities.resume;
  return !resumes || !in.has_content(kFirst + 3) || read_resume(in, inform);
}

bool decode_error(FrameReader& in, Body& body) {
  ErrorMessage& message = body.emplace<ErrorMessage>();
  Bytes code;
  Bytes text;
  if (!in.text(kFirst, "code", limits::kWordBytes, code) ||
      !in.cut_text(kFirst + 1, "text", limits::kErrorTextBytes, text)) {
    return false;
  }
  message.error = Error{error_code_from_word(code.view()), text.str()};
  return !in.has_content(kFirst + 2) || in.id(kFirst + 2, "offending id", message.offending_id);
}

bool decode_cancel(FrameReader& in, Body& body) {
  return in.id(kFirst, "request id", body.emplace<Cancel>().request_id);
}

bool read_fraction(FrameReader& in, double& fraction) {
  constexpr size_t kIndex = kFirst + 1;
  Bytes text;
  if (!in.text(kIndex, "fraction", limits::kWordBytes, text)) return false;
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, value);
  if (fault != std::errc() || stop != end || !(value >= 0 && value <= 1)) {
    return in.refuse(kIndex, "fraction", ErrorCode::kBadMessage,
                     fmt::format("is a number from 0 to 1, not {}", in_quotes(text.view())));
  }
  fraction = std::abs(value);  // no negative zero
  return true;
}

bool decode_progress(FrameReader& in, Body& body) {
  Progress& progress = body.emplace<Progress>();
  return in.id(kFirst, "request id", progress.request_id) && read_fraction(in, progress.fraction) &&
         in.text(kFirst + 2, "text", limits::kProgressTextBytes, progress.text);
}

bool decode_query(FrameReader& in, Body& body) {
  Query& query = body.emplace<Query>();
  return in.text(kFirst, "view", limits::kWordBytes, query.what) &&
         (!in.has(kFirst + 1) || in.text(kFirst + 1, "arguments", limits::kQueryBytes, query.arguments));
}

struct Command {
  std::string_view word;
  bool (*decode)(FrameReader&, Body&);
};
// The most frequent first.
constexpr auto kCommands = std::to_array<Command>({
    {"REQUEST", decode_request},
    {"REPLY", decode_reply},
    {"READY", decode_bare<Ready>},
    {"ACK", decode_ack},
    {"HEARTBEAT", decode_heartbeat},
    {"PROGRESS", decode_progress},
    {"PUBLISH", decode_publish},
    {"ERROR", decode_error},
    {"CANCEL", decode_cancel},
    {"SCHEDULE", decode_schedule<Schedule>},
    {"UNSCHEDULE", decode_schedule<Unschedule>},
    {"INFORM", decode_inform},
    {"DISCONNECT", decode_bare<Disconnect>},
    {"KBYE", decode_bare<Goodbye>},
    {"KBAI", decode_bare<Goodbye>},
    {"QUERY", decode_query},
    {"STATUS", decode_bare<StatusQuery>},
    {"ROUTER_SHOW_WORKERS", decode_bare<ShowWorkers>},
    {"ROUTER_SHOW_SCHEDULERS", decode_bare<ShowSchedulers>},
    {"HELLO", decode_bare<Hello>},
});

const Command* find_command(std::string_view word) {
  for (const Command& command : kCommands) {
    if (command.word == word) return &command;
  }
  return nullptr;
}

// Frames 0 to 3: those that every message has.
bool read_envelope(FrameReader& in, const Frames& frames, const Command*& command, Bytes& id) {
  Bytes frame;
  if (frames.overflow()) {
    return in.refuse(limits::kFramesPerMessage, "extension", ErrorCode::kBadMessage,
                     fmt::format("is over the limit of {} frames", limits::kFramesPerMessage));
  }
  if (const auto& large = frames.too_large()) {
    return in.refuse(large->index, "too large", ErrorCode::kTooLarge,
                     fmt::format("has {} bytes; at most {} are taken", large->bytes, large->bytes_max));
  }
  if (!in.payload(0, "empty", frame)) return false;
  if (!frame.empty()) return in.refuse(0, "empty", ErrorCode::kBadMessage, "is not empty");
  if (!in.payload(1, "version", frame)) return false;
  if (!frame.view().starts_with(kVersionPrefix)) {
    return in.refuse(1, "version", ErrorCode::kUnsupportedVersion,
                     fmt::format("is {}; eMQP/1.0 is spoken here", in_quotes(frame.view())));
  }
  if (!in.payload(2, "command", frame)) return false;
  command = find_command(frame.view());
  if (command) return in.id(3, "id", id);
  return in.refuse(2, "command", ErrorCode::kUnknownCommand,
                   fmt::format("is none that is known: {}", in_quotes(frame.view())));
}

// Whether the frames are an INFORM whose capabilities can be read and name `errors`.
bool says_errors(const Frames& frames) {
  constexpr size_t kIndex = kFirst + 2;
  if (frames.size() <= kIndex || !(frames[2] == "INFORM")) return false;
  FrameReader in(frames);
  Bytes words;
  return in.text(kIndex, "capabilities", limits::kCapabilitiesBytes, words) && parse_capabilities(words).errors;
}

[[gnu::cold]] tl::unexpected<DecodeError> refused(const Frames& frames, FrameReader& in) {
  DecodeError error{in.take_error(), Bytes(), says_errors(frames)};
  if (frames.size() > 3 && is_id(frames[3].view())) error.offending_id = frames[3];
  return tl::unexpected<DecodeError>(std::move(error));
}

}  // namespace

tl::expected<Message, DecodeError> decode(const Frames& frames) {
  tl::expected<Message, DecodeError> message;
  FrameReader in(frames);
  const Command* command = nullptr;
  if (!read_envelope(in, frames, command, message->id)) return refused(frames, in);
  if (!command->decode(in, message->body)) return refused(frames, in);
  return message;
}

}  // namespace eventmq
