#include "src/broker/queue.h"

#include <gtest/gtest.h>

#include <deque>

namespace eventmq {
namespace {

class QueueTest : public ::testing::Test {
 protected:
  ~QueueTest() override {
    while (Job* job = queue_.peek()) take(*job);
  }
  Job& add(const std::string& id, uint8_t priority = limits::kPriorityDefault) {
    Job& job = make(id, priority);
    queue_.push(job);
    return job;
  }
  Job& hand_back(const std::string& id, uint64_t sequence, uint8_t priority = limits::kPriorityDefault) {
    Job& job = make(id, priority);
    job.sequence = sequence;
    queue_.push_handed_back(job);
    return job;
  }
  std::string next() {
    Job* job = queue_.peek();
    if (!job) return "none";
    const std::string id = job->id.str();
    take(*job);
    return id;
  }

  Queue queue_{Bytes("q"), 1};

 private:
  Job& make(const std::string& id, uint8_t priority) {
    Job& job = jobs_.emplace_back();
    job.id = Bytes(id);
    job.headers.priority = priority;
    job.sequence = sequence_++;
    ++queue_.counters.waiting;
    return job;
  }
  void take(Job& job) {
    queue_.pop(job);
    --queue_.counters.waiting;
  }
  std::deque<Job> jobs_;
  uint64_t sequence_ = 100;
};

TEST_F(QueueTest, AnEmptyQueueHasNoTurn) { EXPECT_EQ(queue_.peek(), nullptr); }

TEST_F(QueueTest, TheOldestOfTheHighestPriorityIsNext) {
  add("a");
  add("b", 9);
  add("c", 9);
  add("d", 0);
  EXPECT_EQ(next(), "b");
  EXPECT_EQ(next(), "c");
  EXPECT_EQ(next(), "a");
  EXPECT_EQ(next(), "d");
}

TEST_F(QueueTest, PeekingIsNoPick) {
  add("a");
  for (uint32_t i = 0; i < 2 * limits::kOldestFirstEvery; ++i) EXPECT_EQ(queue_.peek()->id.str(), "a");
  add("b", 9);
  EXPECT_EQ(next(), "b");
}

TEST_F(QueueTest, EveryNthPickIsTheOldest) {
  for (int i = 0; i < 20; ++i) add("low", 0);
  for (int i = 0; i < 40; ++i) add("high", 9);
  for (uint32_t pick = 1; pick <= 48; ++pick) {
    EXPECT_EQ(next(), pick % limits::kOldestFirstEvery == 0 ? "low" : pick > 42 ? "low" : "high") << "pick " << pick;
  }
}

TEST_F(QueueTest, JobsHandedBackAreInOrderAndFirst) {
  add("new");
  hand_back("second", 8);
  hand_back("first", 7);
  EXPECT_EQ(next(), "first");
  EXPECT_EQ(next(), "second");
  EXPECT_EQ(next(), "new");
}

TEST_F(QueueTest, APriorityStandsAboveHavingBeenHandedBack) {
  hand_back("back", 7, 4);
  add("new", 5);
  EXPECT_EQ(next(), "new");
  EXPECT_EQ(next(), "back");
}

TEST_F(QueueTest, RemovesFromAnywhere) {
  Job& a = add("a");
  Job& b = hand_back("b", 7);
  add("c");
  queue_.remove(a);
  queue_.remove(b);
  queue_.counters.waiting -= 2;
  EXPECT_FALSE(b.handed_back);
  EXPECT_EQ(queue_.count_waiting(), 1u);
  EXPECT_EQ(next(), "c");
}

TEST_F(QueueTest, IsIdleWhenItHoldsNothingAndNobodyServesIt) {
  EXPECT_TRUE(queue_.idle());
  add("a");
  EXPECT_FALSE(queue_.idle());
  next();
  queue_.workers = 1;
  EXPECT_FALSE(queue_.idle());
}

TEST(QueueCountersTest, AreAddedUp) {
  QueueCounters a{.accepted = 3, .done = 1, .waiting = 2, .latency_ms_max = 5};
  const QueueCounters b{.accepted = 2, .dead = 1, .running = 1, .latency_ms_max = 9};
  EXPECT_TRUE(a.conserved());
  a += b;
  EXPECT_EQ(a.accepted, 5u);
  EXPECT_EQ(a.latency_ms_max, 9u);
  EXPECT_TRUE(a.conserved());
  ++a.done;
  EXPECT_FALSE(a.conserved());
}

TEST(WorkerRankTest, WeightThenUseThenAge) {
  const WorkerRank heavy{20, 9, 9, nullptr};
  const WorkerRank idle{10, 1, 9, nullptr};
  const WorkerRank used{10, 2, 1, nullptr};
  const WorkerRank younger{10, 2, 2, nullptr};
  EXPECT_LT(heavy, idle);
  EXPECT_LT(idle, used);
  EXPECT_LT(used, younger);
  EXPECT_FALSE(younger < used);
}

}  // namespace
}  // namespace eventmq
