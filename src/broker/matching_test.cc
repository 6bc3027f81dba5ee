// Which worker gets a job, and which job a free slot gets.
#include <map>

#include "src/base/prng.h"
#include "src/broker/test_broker.h"

namespace eventmq {
namespace {

// How many REQUESTs each worker or each queue got, from lines such as "w1 REQUEST q1.7 #1".
std::map<std::string, int> requests_by_worker(const std::vector<std::string>& lines) {
  std::map<std::string, int> counts;
  for (const std::string& line : lines) {
    if (line.find(" REQUEST ") != std::string::npos) ++counts[line.substr(0, line.find(' '))];
  }
  return counts;
}
std::vector<std::string> requested_ids(const std::vector<std::string>& lines) {
  std::vector<std::string> ids;
  for (const std::string& line : lines) {
    const size_t at = line.find(" REQUEST ");
    if (at != std::string::npos) ids.push_back(line.substr(at + 9, line.find(' ', at + 9) - at - 9));
  }
  return ids;
}
std::map<std::string, int> requests_by_queue(const std::vector<std::string>& lines) {
  std::map<std::string, int> counts;
  for (const std::string& id : requested_ids(lines)) ++counts[id.substr(0, id.find('.'))];
  return counts;
}

TEST(WorkerChoiceTest, TheHighestWeightForTheQueueWins) {
  TestBroker broker;
  broker.worker("w1", {{10, "q"}});
  broker.worker("w2", {{20, "q"}, {1, "other"}});
  broker.worker("w3", {{15, "q"}});
  for (const char* name : {"w1", "w2", "w3"}) broker.ready(name);
  broker.forget();
  for (int i = 0; i < 3; ++i) broker.request("c1", fmt::format("j{}", i), "", "q");
  EXPECT_THAT(broker.sent(), ElementsAre("c1 ACK j0", "w2 REQUEST j0 #1", "c1 ACK j1", "w3 REQUEST j1 #1", "c1 ACK j2",
                                         "w1 REQUEST j2 #1"));
}

TEST(WorkerChoiceTest, ByTheWeightOfThatQueueAndNoOther) {
  TestBroker broker;
  broker.worker("w1", {{30, "a"}, {10, "b"}});
  broker.worker("w2", {{10, "a"}, {30, "b"}});
  broker.ready("w1");
  broker.ready("w2");
  broker.forget();
  broker.request("c1", "j1", "", "b");
  EXPECT_THAT(broker.sent(), Contains("w2 REQUEST j1 #1"));
}

TEST(WorkerChoiceTest, EqualsTakeTurns) {
  TestBroker broker;
  for (const char* name : {"w1", "w2", "w3"}) {
    broker.worker(name);
    broker.ready(name, 3);
  }
  broker.forget();
  std::vector<std::string> order;
  for (int i = 0; i < 9; ++i) {
    broker.request("c1", fmt::format("j{}", i));
    order.push_back(broker.sent().back().substr(0, 2));
  }
  EXPECT_THAT(order, ElementsAre("w1", "w2", "w3", "w1", "w2", "w3", "w1", "w2", "w3"));
}

TEST(WorkerChoiceTest, TheLeastRecentlyUsedIsNotTheLastToBecomeFree) {
  TestBroker broker;
  broker.worker("w1");
  broker.worker("w2");
  broker.ready("w1");
  broker.ready("w2");
  broker.request("c1", "j1");  // w1
  broker.request("c1", "j2");  // w2
  broker.settle("w2", "j2", 1);
  broker.settle("w1", "j1", 1);
  broker.forget();
  broker.request("c1", "j3");
  EXPECT_THAT(broker.sent(), Contains("w1 REQUEST j3 #1"));
}

// The weight rule at the size of the acceptance test: 10,000 jobs, weights 20 and 10, four slots each.
TEST(WorkerChoiceTest, ALighterWorkerOnlyGetsWhatTheHeavierHasNoSlotFor) {
  TestBroker broker;
  broker.worker("w1", {{20, "q"}});
  broker.worker("w2", {{10, "q"}});
  broker.ready("w1", 4);
  broker.ready("w2", 4);
  std::vector<std::string> lines;
  for (int i = 0; i < 100; ++i) {
    // Bursts of six: the heavier takes four of each, the lighter the rest, and all are settled.
    broker.forget();
    for (int j = 0; j < 6; ++j) broker.request("c1", fmt::format("j{}.{}", i, j), "", "q");
    for (const Send& send : broker.sends()) {
      if (!std::holds_alternative<Request>(send.message.body)) continue;
      lines.push_back(text_of(send));
      broker.settle(send.peer.str(), send.message.id.str(), 1);
    }
  }
  EXPECT_THAT(requests_by_worker(lines), UnorderedElementsAre(std::pair("w1", 400), std::pair("w2", 200)));
}

// Under a load that comes and goes, sometimes more than both can run.
TEST(WorkerChoiceTest, OfTenThousandJobsTheLighterWorkerGetsThoseThatTheHeavierHasNoSlotFor) {
  constexpr int kJobs = 10'000;
  TestBroker broker;
  broker.worker("heavy", {{20, "q"}});
  broker.worker("light", {{10, "q"}});
  std::map<std::string, size_t> free = {{"heavy", 4}, {"light", 4}};
  for (const auto& [name, slots] : free) broker.ready(name, static_cast<int>(slots));
  std::map<std::string, int> taken;
  std::vector<std::pair<std::string, std::string>> running;  // worker and id
  Prng prng(7);
  for (int sent = 0, ended = 0; ended < kJobs;) {
    broker.forget();
    const uint64_t pressure = 1 + sent / 1'000 % 10;  // in tenths
    if (sent < kJobs && (running.empty() || prng.below(10) < pressure)) {
      broker.request("c1", fmt::format("j{}", sent++), "", "q");
    } else {
      std::swap(running[prng.below(running.size())], running.back());
      const auto [worker, id] = running.back();
      running.pop_back();
      ++free[worker];
      ++ended;
      broker.settle(worker, id, 1);
    }
    for (const std::string& line : broker.sent()) {
      const size_t at = line.find(" REQUEST ");
      if (at == std::string::npos) continue;
      const std::string worker = line.substr(0, at);
      ASSERT_TRUE(worker == "heavy" || free["heavy"] == 0) << line;
      ASSERT_GT(free[worker]--, 0u) << line;
      ++taken[worker];
      running.emplace_back(worker, line.substr(at + 9, line.find(' ', at + 9) - at - 9));
    }
  }
  EXPECT_EQ(taken["heavy"] + taken["light"], kJobs);
  EXPECT_GT(taken["heavy"], taken["light"]);
  EXPECT_GT(taken["light"], kJobs / 100);
}

class QueueChoiceTest : public ::testing::Test {
 protected:
  void fill(const std::string& queue, int count) {
    for (int i = 0; i < count; ++i) broker_.request("c1", fmt::format("{}.{}", queue, i), "", queue);
  }
  std::vector<std::string> take(int count) {
    broker_.forget();
    broker_.ready("w1", count);
    return broker_.sent();
  }
  void use(PickPolicy policy) {
    BrokerSettings settings;
    settings.pick_policy = policy;
    broker_.change_settings(settings);
  }
  TestBroker broker_;
};

TEST_F(QueueChoiceTest, WeightedPicksAreInProportion) {
  for (const char* queue : {"a", "b", "c"}) fill(queue, 210);
  broker_.worker("w1", {{40, "a"}, {20, "b"}, {10, "c"}});
  EXPECT_THAT(requests_by_queue(take(210)),
              UnorderedElementsAre(std::pair("a", 120), std::pair("b", 60), std::pair("c", 30)));
}

TEST_F(QueueChoiceTest, WeightedPicksAreSpreadAndNotInBlocks) {
  for (const char* queue : {"a", "b"}) fill(queue, 10);
  broker_.worker("w1", {{20, "a"}, {10, "b"}});
  EXPECT_THAT(requested_ids(take(6)), ElementsAre("a.0", "b.0", "a.1", "a.2", "b.1", "a.3"));
}

TEST_F(QueueChoiceTest, AQueueWithoutWorkTakesNoTurns) {
  fill("b", 5);
  broker_.worker("w1", {{1'000'000, "a"}, {1, "b"}});
  EXPECT_EQ(requests_by_queue(take(5))["b"], 5);
  fill("a", 3);
  EXPECT_EQ(requests_by_queue(take(3))["a"], 3);
}

TEST_F(QueueChoiceTest, AWeightOfZeroStillGetsItsTurn) {
  fill("a", 30);
  fill("b", 30);
  broker_.worker("w1", {{9, "a"}, {0, "b"}});
  EXPECT_EQ(requests_by_queue(take(10))["b"], 1);
}

TEST_F(QueueChoiceTest, StrictPicksTakeTheHighestWeightFirst) {
  use(PickPolicy::kStrict);
  for (const char* queue : {"a", "b", "c"}) fill(queue, 3);
  broker_.worker("w1", {{10, "a"}, {30, "b"}, {20, "c"}});
  EXPECT_THAT(requested_ids(take(9)), ElementsAre("b.0", "b.1", "b.2", "c.0", "c.1", "c.2", "a.0", "a.1", "a.2"));
}

TEST_F(QueueChoiceTest, StrictPicksAlternateBetweenEquals) {
  use(PickPolicy::kStrict);
  for (const char* queue : {"a", "b"}) fill(queue, 50);
  broker_.worker("w1", {{10, "a"}, {10, "b"}});
  EXPECT_THAT(requests_by_queue(take(50)), UnorderedElementsAre(std::pair("a", 25), std::pair("b", 25)));
}

TEST_F(QueueChoiceTest, StrictTimesAreNoDebtInWeightedTimes) {
  use(PickPolicy::kStrict);
  fill("a", 130);
  fill("b", 130);
  broker_.worker("w1", {{20, "a"}, {10, "b"}});
  EXPECT_EQ(requests_by_queue(take(100))["a"], 100);
  use(PickPolicy::kWeighted);
  EXPECT_THAT(requests_by_queue(take(30)), UnorderedElementsAre(std::pair("a", 20), std::pair("b", 10)));
}

// --- Priorities ---

TEST_F(QueueChoiceTest, HigherPrioritiesComeFirst) {
  broker_.request("c1", "low", "priority:0", "q");
  broker_.request("c1", "usual", "", "q");
  broker_.request("c1", "high", "priority:9", "q");
  broker_.request("c1", "usual2", "priority:4", "q");
  broker_.worker("w1", {{10, "q"}});
  EXPECT_THAT(requested_ids(take(4)), ElementsAre("high", "usual", "usual2", "low"));
}

TEST_F(QueueChoiceTest, EverySixteenthPickIsTheOldestWhateverItsPriority) {
  for (int i = 0; i < 3; ++i) broker_.request("c1", fmt::format("low.{}", i), "priority:0", "q");
  for (int i = 0; i < 100; ++i) broker_.request("c1", fmt::format("high.{}", i), "priority:9", "q");
  broker_.worker("w1", {{10, "q"}});
  const std::vector<std::string> ids = requested_ids(take(64));
  for (size_t pick = 0; pick < ids.size(); ++pick) {
    const bool oldest = (pick + 1) % limits::kOldestFirstEvery == 0 && pick < 48;
    EXPECT_EQ(ids[pick].substr(0, 4) == "low.", oldest) << "pick " << pick + 1 << " took " << ids[pick];
  }
}

// The bound that limits.h states: a job with k older jobs before it waits for at most (k + 1) * n picks.
TEST_F(QueueChoiceTest, NoJobWaitsLongerThanItsBound) {
  for (int i = 0; i < 5; ++i) broker_.request("c1", fmt::format("low.{}", i), "priority:0", "q");
  broker_.worker("w1", {{10, "q"}});
  std::map<std::string, size_t> picked_at;
  size_t pick = 0;
  for (int round = 0; picked_at.size() < 5 && round < 200; ++round) {
    broker_.request("c1", fmt::format("high.{}", round), "priority:9", "q");  // always something better
    for (const std::string& id : requested_ids(take(1))) {
      ++pick;
      if (id.starts_with("low.")) picked_at[id] = pick;
    }
  }
  for (size_t k = 0; k < 5; ++k) {
    EXPECT_LE(picked_at.at(fmt::format("low.{}", k)), (k + 1) * limits::kOldestFirstEvery);
  }
}

// --- What the worker is told ---

TEST(RequestFormTest, AWorkerThatSettlesGetsTheHeadersAsTheyAreAndTheAttempt) {
  TestBroker broker;
  broker.worker("w1");
  broker.ready("w1");
  broker.request("c1", "j1", "retry-count:2,trace:00-abc-01,x-mine:1", "", "payload");
  const std::vector<Send> sends = broker.sends();
  const auto& request = std::get<Request>(sends.back().message.body);
  EXPECT_EQ(request.headers.text.str(), "retry-count:2,trace:00-abc-01,x-mine:1");
  EXPECT_EQ(request.attempt, 1u);
  EXPECT_EQ(request.queue.str(), "default");
  EXPECT_EQ(request.payload.str(), "payload");
}

TEST(RequestFormTest, APublishedWorkerGetsThePublishedHeadersOnly) {
  TestBroker broker;
  broker.published_worker("w1");
  broker.ready("w1");
  broker.request("c1", "j1", "retry-count:2,timeout:1.5,guarantee,priority:3,delay:0,expires:9,x-mine:1");
  EXPECT_THAT(broker.sent(), Contains("w1 REQUEST j1 [reply-requested,guarantee,retry-count:2,timeout:2]"));
}

TEST(RequestFormTest, LaterAttemptsAtAPublishedWorkerHaveIdsOfTheirOwn) {
  TestBroker broker;
  broker.published_worker("w1");
  broker.ready("w1", 3);
  broker.request("c1", "j1", "guarantee");
  broker.published_worker("w2");
  broker.ready("w2", 3);
  broker.lose("w1");
  EXPECT_THAT(broker.sent(), Contains("w2 REQUEST j1~2 [reply-requested,guarantee]"));
  broker.lose("w2");
  broker.published_worker("w3");
  broker.ready("w3");
  EXPECT_THAT(broker.sent(), Contains("w3 REQUEST j1~3 [reply-requested,guarantee]"));
}

// --- Queues that nobody serves ---

TEST(UnknownQueueTest, HoldKeepsTheJobsUntilAWorkerComes) {
  TestBroker broker;
  broker.request("c1", "j1", "", "q");
  EXPECT_THAT(broker.sent(), ElementsAre("c1 ACK j1"));
  broker.worker("w1", {{10, "q"}});
  broker.ready("w1");
  EXPECT_THAT(broker.sent(), Contains("w1 REQUEST j1 #1"));
}

TEST(UnknownQueueTest, DefaultPutsThemOnTheDefaultQueue) {
  TestBroker broker(test_settings([](BrokerSettings& s) { s.unknown_queue = UnknownQueue::kDefault; }));
  broker.worker("w1");
  broker.ready("w1", 2);
  broker.forget();
  broker.request("c1", "j1", "", "q");
  EXPECT_THAT(broker.sent(), ElementsAre("c1 ACK j1", "w1 REQUEST j1 #1"));
  EXPECT_THAT(broker.view("queues"), Not(HasSubstr(R"("name":"q")")));
}

TEST(UnknownQueueTest, DefaultLeavesQueuesThatAreServedAlone) {
  TestBroker broker(test_settings([](BrokerSettings& s) { s.unknown_queue = UnknownQueue::kDefault; }));
  broker.worker("w1", {{10, "q"}});
  broker.request("c1", "j1", "", "q");
  EXPECT_THAT(broker.view("jobs"), HasSubstr(R"("queue":"q")"));
}

TEST(UnknownQueueTest, RejectRefusesThem) {
  TestBroker broker(test_settings([](BrokerSettings& s) { s.unknown_queue = UnknownQueue::kReject; }));
  broker.request("c1", "j1", "", "q");
  EXPECT_THAT(broker.sent(), ElementsAre("c1 ERROR unknown-queue j1"));
  EXPECT_THAT(broker.view("queues"), HasSubstr(R"("queues":[])"));  // and makes no queue for them
  broker.worker("w1", {{10, "q"}});
  broker.forget();
  broker.request("c1", "j1", "", "q");
  EXPECT_THAT(broker.sent(), ElementsAre("c1 ACK j1"));
}

TEST(UnknownQueueTest, TheEmptyNameIsTheDefaultQueue) {
  TestBroker broker(test_settings([](BrokerSettings& s) { s.default_queue_name = "main"; }));
  broker.worker("w1", {});
  broker.ready("w1");
  broker.request("c1", "j1", "", "");
  EXPECT_THAT(broker.view("jobs"), HasSubstr(R"("queue":"main","name":"","state":"running")"));
}

}  // namespace
}  // namespace eventmq
