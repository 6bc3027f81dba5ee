// links: eventmq_broker
// The broker on any sequence of events among few peers, ids and queues, so that everything meets everything:
// its invariants hold after each, its assertions stay silent, and what it sends is well formed. The input is
// read as small numbers, each from one byte; where it ends there are zeros.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "src/base/assert.h"
#include "src/broker/broker.h"
#include "src/codec/codec.h"

namespace {

using namespace eventmq;

constexpr size_t kEventsMax = 500;

constexpr auto kPeers = std::to_array<std::string_view>({"a", "b", "c", "d"});
constexpr auto kIds = std::to_array<std::string_view>({"j1", "j2", "j3", "j4", "j1~2", "j2~2", "~2"});
constexpr auto kQueues = std::to_array<std::string_view>({"", "default", "q1", "q2"});
constexpr auto kHeaders = std::to_array<std::string_view>(
    {"", "reply-requested", "guarantee", "guarantee,reply-requested,retry-count:1", "retry-count:2,backoff:1",
     "delay:2", "expires:1", "delay:1,expires:2,priority:9", "priority:0", "unique:k,reply-requested",
     "unique:k,guarantee", "timeout:1,reply-requested", "guarantee,expires:1", "retry-count:1,expires:0"});
constexpr auto kCapabilities =
    std::to_array<std::string_view>({"", "settle", "settle,resume", "settle,errors,cancel,progress,resume",
                                     "resume,cancel", "errors,progress,multi-ack"});
constexpr auto kPayloads = std::to_array<std::string_view>(
    {R"({"value": 1})", R"({"value": "TimeoutError"})", "", R"(["run", {"path": "p", "callable": "c"}])"});
constexpr auto kViews =
    std::to_array<std::string_view>({"status", "queues", "workers", "schedulers", "jobs", "job", "cancel", "jobs-retry",
                                     "jobs-delete", "dead", "dead-retry", "no"});
constexpr auto kArguments =
    std::to_array<std::string_view>({"", "{}", R"({"id": "j1"})", R"({"queue": "q1", "limit": 1})",
                                     R"({"after": "m2"})", "[", R"({"state": "running"})", R"({"all": true})"});

class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  bool ended() const { return at_ >= size_; }
  uint32_t below(uint32_t bound) { return ended() ? 0 : data_[at_++] % bound; }
  bool flag() { return below(2) == 1; }
  template <class Choices>
  Bytes pick(const Choices& choices) {
    return Bytes::literal(choices[below(static_cast<uint32_t>(choices.size()))]);
  }

 private:
  const uint8_t* data_;
  size_t size_;
  size_t at_ = 0;
};

BrokerSettings draw_settings(Input& in) {
  BrokerSettings settings;
  settings.unknown_queue = static_cast<UnknownQueue>(in.below(3));
  settings.pick_policy = in.flag() ? PickPolicy::kStrict : PickPolicy::kWeighted;
  settings.heartbeats_enabled = in.below(4) != 0;
  settings.leave_grace = seconds(10);
  settings.drain_timeout = seconds(4);
  settings.jobs_per_queue = in.flag() ? 3 : 1000;
  settings.memory_bytes = in.below(8) == 1 ? 4096 : 1'000'000;
  settings.dedupe_window = in.flag() ? seconds(2) : seconds(600);
  settings.dedupe_ids = in.flag() ? 2 : 1000;
  settings.max_deliveries = 1 + in.below(3);
  return settings;
}

Request draw_request(Input& in) {
  Request request;
  request.queue = in.pick(kQueues);
  auto headers = parse_headers(in.pick(kHeaders));
  EMQ_ASSERT(headers.has_value());
  request.headers = std::move(*headers);
  request.payload = in.pick(kPayloads);
  return request;
}

Reply draw_reply(Input& in) {
  Reply reply;
  reply.payload = in.pick(kPayloads);
  reply.request_id = in.pick(kIds);
  reply.attempt = in.below(4);
  reply.has_outcome = in.below(4) != 0;
  if (reply.has_outcome) reply.outcome = static_cast<Outcome>(in.below(9));
  return reply;
}

Inform draw_inform(Input& in) {
  Inform inform;
  inform.kind = static_cast<PeerKind>(in.below(3));
  const uint32_t queues = inform.kind == PeerKind::kWorker ? in.below(4) : 0;
  for (uint32_t i = 0; i < queues; ++i)
    inform.queues.push_back({in.below(4), in.pick(std::to_array<std::string_view>({"default", "q1", "q2"}))});
  inform.has_capabilities = in.below(4) != 0;
  if (!inform.has_capabilities) return inform;
  inform.capabilities = parse_capabilities(in.pick(kCapabilities));
  if (inform.kind != PeerKind::kWorker || !inform.capabilities.resume || !in.flag()) return inform;
  inform.previous_id = in.pick(kPeers);
  for (uint32_t i = in.below(4); i > 0; --i) {
    const Bytes id = in.pick(kIds);
    inform.held.push_back({id, 1 + in.below(3)});
  }
  return inform;
}

template <class Command>
Command draw_schedule(Input& in) {
  Command command;
  command.queue = in.pick(kQueues);
  command.interval = Bytes::literal("5");
  command.payload = in.pick(kPayloads);
  return command;
}

Body draw_body(Input& in) {
  switch (in.below(20)) {
    case 0:
    case 1:
    case 2:
      return draw_request(in);
    case 3:
    case 4:
    case 5:
      return draw_reply(in);
    case 6:
    case 7:
      return draw_inform(in);
    case 8:
    case 9:
    case 10:
      return Ready{};
    case 11:
      return Heartbeat{Bytes::literal("1")};
    case 12:
      return Disconnect{};
    case 13:
      return Goodbye{};
    case 14:
    case 15:
      return Cancel{in.pick(kIds)};
    case 16:
      return Progress{in.pick(kIds), 0.5, Bytes::literal("half")};
    case 17:
      return in.flag() ? Body(draw_schedule<Schedule>(in)) : Body(draw_schedule<Unschedule>(in));
    case 18: {
      const Bytes what = in.pick(kViews);
      return Query{what, in.pick(kArguments)};
    }
    default:
      switch (in.below(6)) {
        case 0:
          return StatusQuery{};
        case 1:
          return ShowWorkers{};
        case 2:
          return ShowSchedulers{};
        case 3:
          return Ack{in.pick(kIds), Bytes()};
        case 4:
          return ErrorMessage{{ErrorCode::kBadMessage, "so"}, Bytes()};
        default:
          return Hello{};
      }
  }
}

Event draw_event(Input& in, const Effects& last, BrokerSettings& settings) {
  const auto side = static_cast<Side>(in.below(8) == 1 ? 2 : in.below(2));
  const Bytes peer = in.pick(kPeers);
  switch (in.below(12)) {
    case 0:
    case 1:
      return Tick{};
    case 2:
      if (!last.sends.empty()) {
        const Send& send = last.sends[in.below(static_cast<uint32_t>(last.sends.size()))];
        return SendFailed{send.side, send.peer, in.flag(), send.message};
      }
      return Tick{};
    case 3:
      if (in.below(8) == 1)
        return BadMessageArrived{side, peer, {ErrorCode::kTooLarge, "too large"}, in.flag() ? in.pick(kIds) : Bytes()};
      if (in.below(16) == 1) return ShutdownRequested{};
      if (in.below(8) != 1) return Tick{};
      settings = draw_settings(in);
      return SettingsChanged{settings};
    default: {
      const Bytes id = in.pick(kIds);
      return MessageArrived{side, peer, {id, draw_body(in)}};
    }
  }
}

void check(const Effects& effects, CommitNumber& last_commit) {
  EMQ_ASSERT((effects.commit == 0) == effects.records.empty());
  if (effects.commit != 0) EMQ_ASSERT(effects.commit == ++last_commit);
  for (const Send& send : effects.sends) {
    EMQ_ASSERT(send.after <= last_commit);
    const auto again = decode(encode(send.message));
    EMQ_ASSERT(again, "the broker sends what the codec refuses: {}", again.error().error.text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input in(data, size);
  BrokerSettings settings = draw_settings(in);
  Instant now{1'000'000};
  Broker broker(settings, 1, "fuzz", now);
  Effects effects;
  Effects last;
  CommitNumber last_commit = 0;
  for (size_t count = 0; count < kEventsMax && !in.ended() && !last.stop; ++count) {
    const uint32_t pause = in.below(16);
    now = now + (pause < 10 ? Duration{} : pause < 15 ? milliseconds(400) : seconds(6));
    effects.clear();
    broker.step(draw_event(in, last, settings), now, effects);
    broker.check_invariants();
    check(effects, last_commit);
    std::swap(effects, last);
  }
  return 0;
}
