// Random events from a seed against a small world: few peers, few ids, few queues, so that everything meets
// everything. Nothing here knows what is right; the invariants and assertions of the core do, and one rule is
// checked from outside: what is said about a guaranteed job waits for the record that says the same.
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <memory>
#include <vector>

#include "src/base/prng.h"
#include "src/broker/broker.h"

namespace eventmq {
namespace {

constexpr auto kPeers = std::to_array<std::string_view>({"c1", "c2", "w1", "w2", "w3", "s1", "x"});
constexpr auto kIds = std::to_array<std::string_view>(
    {"j1", "j2", "j3", "j4", "j5", "j6", "j7", "j8", "j1~2", "j2~2", "j1~3", "j1~2~2", "~2", "x~"});
constexpr auto kQueues = std::to_array<std::string_view>({"", "default", "q1", "q2", "q3"});
constexpr auto kHeaders = std::to_array<std::string_view>(
    {"", "reply-requested", "guarantee", "guarantee,reply-requested", "retry-count:2", "retry-count:1,guarantee",
     "delay:2", "expires:1", "expires:0", "priority:9", "priority:0", "unique:k1,reply-requested", "unique:k1",
     "unique:k1,guarantee", "timeout:1", "backoff:0,retry-count:3", "delay:1,expires:1", "guarantee,expires:2",
     "retry-count:1,expires:1,unique:k2"});
constexpr auto kWords = std::to_array<std::string_view>(
    {"", "settle", "settle,resume", "settle,errors,cancel,progress,resume", "resume,cancel", "errors", "cancel"});
constexpr auto kViews = std::to_array<std::string_view>({"status", "queues", "workers", "schedulers", "jobs", "no"});

// What was recorded of guaranteed jobs, and whether sends waited for it.
class CommitRule {
 public:
  void check(const Effects& effects) {
    for (const JobRecord& record : effects.records) {
      std::visit([&](const auto& r) { note(r, effects.commit); }, record);
    }
    for (const Send& send : effects.sends) std::visit([&](const auto& body) { check(send, body); }, send.message.body);
  }

 private:
  template <class T>
  void note(const T& record, CommitNumber commit) {
    last_[record.id.str()] = commit;
  }
  void note(const ResultKept&, CommitNumber) {}
  void note(const ResultRemoved&, CommitNumber) {}
  void note(const DeadLetterRemoved&, CommitNumber) {}  // nothing waits for it but the answer to whoever wanted that

  void check(const Send& send, const Request& request) {
    const std::string id = send.message.id.str();
    expect_waits(send, request.attempt > 0 || !id.ends_with("~2") ? id : id.substr(0, id.size() - 2));
  }
  void check(const Send& send, const Reply& reply) { expect_waits(send, reply.request_id.str()); }
  // A duplicate's ACK may come while a later record of the job is on its way: the acceptance is what it waits for.
  template <class T>
  void check(const Send&, const T&) {}

  void expect_waits(const Send& send, const std::string& id) {
    const auto found = last_.find(id);
    if (found == last_.end()) return;
    // An id that was guaranteed once may come again for a plain job, whose sends wait for nothing.
    if (send.after != 0) {
      EXPECT_GE(send.after, found->second) << id;
    }
  }
  std::map<std::string, CommitNumber> last_;
};

class BrokerFuzz {
 public:
  explicit BrokerFuzz(uint64_t seed) : prng_(seed) { restart(); }

  void run(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      effects_.clear();
      broker_->step(event(), now_, effects_);
      broker_->check_invariants();
      rule_.check(effects_);
      for (const Send& send : effects_.sends) keep(send);
      events_ += effects_.sends.size();
      if (effects_.stop) restart();
    }
  }
  uint64_t sends() const { return events_; }

 private:
  template <class List>
  Bytes any(const List& list) {
    return Bytes::literal(list[prng_.below(list.size())]);
  }
  Side any_side() { return prng_.chance(90) ? Side::kBackend : static_cast<Side>(prng_.below(3)); }

  BrokerSettings settings() {
    BrokerSettings settings;
    settings.jobs_per_queue = 6;
    settings.memory_bytes = 20'000;
    settings.dedupe_window = seconds(3);
    settings.dedupe_ids = 4;
    settings.max_deliveries = 3;
    settings.drain_timeout = seconds(4);
    settings.leave_grace = seconds(6);
    settings.heartbeats_enabled = prng_.chance(90);
    settings.unknown_queue = static_cast<UnknownQueue>(prng_.below(3));
    settings.pick_policy = static_cast<PickPolicy>(prng_.below(2));
    return settings;
  }

  void restart() {
    broker_ = std::make_unique<Broker>(settings(), prng_.next(), "instance", now_);
    rule_ = CommitRule();
    recent_.clear();
  }

  void keep(const Send& send) {
    if (recent_.size() < 16) {
      recent_.push_back(send);
    } else {
      recent_[prng_.below(recent_.size())] = send;
    }
  }

  Event event() {
    const uint64_t dice = prng_.below(1000);
    if (dice < 100) return pass_time();
    if (dice < 150) return failed_send();
    if (dice < 160) return BadMessageArrived{any_side(), any(kPeers), {ErrorCode::kBadMessage, "bad"}, any(kIds)};
    if (dice < 164) return SettingsChanged{settings()};
    if (dice < 165) return ShutdownRequested{};
    return MessageArrived{any_side(), any(kPeers), message()};
  }

  Event pass_time() {
    now_ = now_ + microseconds(static_cast<int64_t>(prng_.below(prng_.chance(10) ? 7'000'000 : 700'000)));
    return Tick{};
  }

  Event failed_send() {
    if (recent_.empty() || prng_.chance(20)) {
      return SendFailed{any_side(), any(kPeers), prng_.chance(50), message()};
    }
    const Send& send = recent_[prng_.below(recent_.size())];
    return SendFailed{send.side, send.peer, prng_.chance(50), send.message};
  }

  Message message() { return {any(kIds), body()}; }

  Body body() {
    const uint64_t dice = prng_.below(100);
    if (dice < 30) return request();
    if (dice < 45) return Ready{};
    if (dice < 68) return reply();
    if (dice < 82) return inform();
    if (dice < 86) return Cancel{any(kIds)};
    if (dice < 90) return Heartbeat{};
    if (dice < 91) return Progress{any(kIds), 0.5, Bytes()};
    if (dice < 93) return Goodbye{};
    if (dice < 94) return Schedule{};
    if (dice < 95) return Unschedule{};
    if (dice < 96) return Query{any(kViews), Bytes()};
    if (dice < 97) return StatusQuery{};
    if (dice < 98) return ErrorMessage{{ErrorCode::kBadMessage, "no"}, any(kIds)};
    if (dice < 99) return prng_.chance(90) ? Body(ShowWorkers{}) : Body(Disconnect{});
    return Disconnect{};
  }

  Request request() {
    return {any(kQueues), parse_headers(any(kHeaders)).value(), Bytes(std::string(prng_.below(300), 'x'))};
  }

  // Mostly the answer to a REQUEST that went out, from whoever.
  Reply reply() {
    Reply reply;
    reply.payload = Bytes::literal(prng_.chance(10) ? R"({"value": "TimeoutError"})" : "1");
    reply.request_id = any(kIds);
    reply.attempt = static_cast<uint32_t>(prng_.below(4));
    reply.has_outcome = prng_.chance(90);
    reply.outcome = static_cast<Outcome>(prng_.below(static_cast<uint64_t>(Outcome::kExpired) + 1));
    return reply;
  }

  Inform inform() {
    Inform inform;
    inform.kind = prng_.chance(80) ? PeerKind::kWorker : static_cast<PeerKind>(prng_.below(3));
    for (uint64_t i = prng_.below(4); i > 0; --i) {
      const Bytes name = any(kQueues);
      if (!name.empty()) inform.queues.push_back({static_cast<uint32_t>(prng_.below(3) * 10), name});
    }
    inform.has_capabilities = prng_.chance(80);
    if (inform.has_capabilities) inform.capabilities = parse_capabilities(any(kWords));
    if (prng_.chance(60)) inform.previous_id = any(kPeers);
    for (uint64_t i = prng_.below(6); i > 0; --i) {
      inform.held.push_back({any(kIds), static_cast<uint32_t>(prng_.below(4))});
    }
    return inform;
  }

  Prng prng_;
  Instant now_{1'000'000'000};
  std::unique_ptr<Broker> broker_;
  Effects effects_;
  CommitRule rule_;
  std::vector<Send> recent_;
  uint64_t events_ = 0;
};

class BrokerFuzzTest : public ::testing::TestWithParam<uint64_t> {};

TEST_P(BrokerFuzzTest, NothingThatPeersSayBreaksAnInvariant) {
  BrokerFuzz fuzz(GetParam());
  fuzz.run(20'000);
  EXPECT_GT(fuzz.sends(), 1'000u) << "the world is too quiet to show anything";
}

INSTANTIATE_TEST_SUITE_P(Seeds, BrokerFuzzTest, ::testing::Range<uint64_t>(1, 11));

}  // namespace
}  // namespace eventmq
