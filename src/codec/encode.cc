#include <fmt/format.h>

#include <array>
#include <charconv>

#include "src/base/assert.h"
#include "src/codec/codec.h"
#include "src/codec/inform_queues.h"
#include "src/codec/resume_frame.h"
#include "src/wire/text.h"

namespace eventmq {
namespace {

constexpr std::string_view kVersion = "eMQP/1.0";

// A number as decimal text; the small ones, which attempts mostly are, without allocating.
Bytes number_bytes(uint32_t value) {
  static constexpr std::string_view kDigits = "0123456789";
  if (value < kDigits.size()) return Bytes::literal(kDigits.substr(value, 1));
  return Bytes(std::to_string(value));
}

// In decimal notation, with no exponent. Less than a millionth is nothing.
Bytes fraction_bytes(double fraction) {
  if (fraction < 1e-6) return Bytes::literal("0");
  std::array<char, 32> text;
  const auto result = std::to_chars(text.data(), text.data() + text.size(), fraction, std::chars_format::fixed);
  EMQ_ASSERT(result.ec == std::errc());
  return Bytes(std::string_view(text.data(), static_cast<size_t>(result.ptr - text.data())));
}

// Adds the frames from 4 on.
class BodyEncoder {
 public:
  explicit BodyEncoder(Frames& frames) : frames_(frames) {}

  void operator()(const Ack& ack) {
    frames_.push(ack.acknowledged);
    if (!ack.capabilities.empty()) frames_.push(ack.capabilities);
  }
  void operator()(const Heartbeat& heartbeat) { frames_.push(heartbeat.time); }
  void operator()(const Request& request) {
    frames_.push(request.queue);
    frames_.push(request.headers.text);
    frames_.push(request.payload);
    if (request.attempt > 0) frames_.push(number_bytes(request.attempt));
  }
  void operator()(const Reply& reply) {
    EMQ_ASSERT(!reply.has_outcome || !reply.request_id.empty(), "an outcome needs the id of its request");
    EMQ_ASSERT(reply.has_outcome || reply.attempt == 0, "an attempt needs an outcome");
    frames_.push(reply.payload);
    if (!reply.request_id.empty()) frames_.push(reply.request_id);
    if (reply.attempt > 0) frames_.push(number_bytes(reply.attempt));
    if (reply.has_outcome) frames_.push(Bytes::literal(outcome_word(reply.outcome)));
  }
  void operator()(const ScheduleFields& schedule) {
    frames_.push(schedule.queue);
    frames_.push(schedule.headers.text);
    frames_.push(schedule.interval);
    frames_.push(schedule.payload);
    if (schedule.has_cron) frames_.push(schedule.cron);
  }
  void operator()(const Publish& publish) {
    frames_.push(publish.topic);
    if (publish.has_headers) frames_.push(publish.headers);
    frames_.push(publish.payload);
  }
  void operator()(const Inform& inform) {
    EMQ_ASSERT(inform.held.empty() || !inform.previous_id.empty(), "held jobs need the routing id they were given to");
    frames_.push(Bytes(inform_queues_text(inform.queues)));
    frames_.push(Bytes::literal(peer_kind_word(inform.kind)));
    if (!inform.has_capabilities) return;
    frames_.push(Bytes(capabilities_text(inform.capabilities)));
    if (inform.capabilities.resume && !inform.previous_id.empty()) frames_.push(Bytes(resume_text(inform)));
  }
  void operator()(const ErrorMessage& message) {
    const std::string text = repaired_utf8(message.error.text);
    frames_.push(Bytes::literal(error_word(message.error.code)));
    frames_.push(Bytes(utf8_prefix(text, limits::kErrorTextBytes)));
    frames_.push(message.offending_id);
  }
  void operator()(const Cancel& cancel) { frames_.push(cancel.request_id); }
  void operator()(const Progress& progress) {
    frames_.push(progress.request_id);
    frames_.push(fraction_bytes(progress.fraction));
    frames_.push(progress.text);
  }
  void operator()(const Query& query) {
    frames_.push(query.what);
    frames_.push(query.arguments);
  }
  // Commands without frames of their own.
  void operator()(const Disconnect&) {}
  void operator()(const Goodbye&) {}
  void operator()(const Ready&) {}
  void operator()(const Hello&) {}
  void operator()(const StatusQuery&) {}
  void operator()(const ShowWorkers&) {}
  void operator()(const ShowSchedulers&) {}

 private:
  Frames& frames_;
};

}  // namespace

Frames encode(const Message& message) {
  Frames frames;
  frames.push(Bytes());
  frames.push(Bytes::literal(kVersion));
  frames.push(Bytes::literal(command_word(message.body)));
  frames.push(message.id);
  std::visit(BodyEncoder(frames), message.body);
  return frames;
}

}  // namespace eventmq
