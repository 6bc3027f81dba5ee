#include "src/store/batch_changes.h"

#include <gtest/gtest.h>

namespace eventmq {
namespace {

JobAccepted accepted(JobKey key, const char* queue = "q") {
  JobAccepted job;
  job.key = key;
  job.queue = Bytes::literal(queue);
  return job;
}
JobEnded end_of(JobKey key, Outcome outcome, const char* queue = "q") {
  return {key, Bytes::literal("id"), Bytes::literal(queue), outcome, 1, Instant{5}, false, Bytes::literal("unwanted")};
}

class BatchChangesTest : public testing::Test {
 protected:
  void add(JobRecord record) { changes_.add(records_.emplace_back(std::move(record))); }

  std::vector<JobRecord> records_ = [] {
    std::vector<JobRecord> room;
    room.reserve(100);  // changes point into it
    return room;
  }();
  BatchChanges changes_;
};

TEST_F(BatchChangesTest, TheLastAttemptAndTheLastRequeueingOfAJobCount) {
  add(AttemptStarted{7, Bytes(), 1, 0, Bytes::literal("a")});
  add(JobRequeued{7, Bytes(), 1, 1, 0, Instant{10}});
  add(AttemptStarted{7, Bytes(), 2, 1, Bytes::literal("b")});
  ASSERT_EQ(changes_.jobs().size(), 1u);
  const JobChange& change = changes_.jobs()[0];
  EXPECT_TRUE(change.running);
  EXPECT_EQ(change.attempt, 2u);
  EXPECT_EQ(change.losses, 1u);
  EXPECT_EQ(change.started->worker, "b");
  EXPECT_EQ(change.requeued->retries_used, 1u);
  EXPECT_EQ(change.accepted, nullptr);
}

TEST_F(BatchChangesTest, AQueuesCountsAreSummedByOutcome) {
  add(accepted(1));
  add(accepted(2));
  add(accepted(3, "other"));
  for (const Outcome outcome : {Outcome::kOk, Outcome::kExpired, Outcome::kCancelled, Outcome::kError,
                                Outcome::kTimeout, Outcome::kKilled, Outcome::kUnknownJob, Outcome::kLost}) {
    add(end_of(10 + static_cast<JobKey>(outcome), outcome));
  }
  ASSERT_EQ(changes_.queues().size(), 2u);
  const QueueChange& queue = changes_.queues()[0];
  EXPECT_EQ(queue.name, "q");
  EXPECT_EQ(queue.accepted, 2);
  EXPECT_EQ(queue.done, 1);
  EXPECT_EQ(queue.expired, 1);
  EXPECT_EQ(queue.cancelled, 1);
  EXPECT_EQ(queue.dead, 5);
  EXPECT_EQ(changes_.queues()[1].accepted, 1);
  EXPECT_EQ(changes_.last_key(), 3u);
}

TEST_F(BatchChangesTest, AResultThatNobodyWantsIsNotKept) {
  add(end_of(1, Outcome::kOk));
  add(IdRemembered{Bytes::literal("other"), Outcome::kOk, Instant{6}, true, Bytes::literal("wanted")});
  ASSERT_EQ(changes_.ended().size(), 2u);
  EXPECT_EQ(changes_.ended()[0].result, "");
  EXPECT_EQ(changes_.ended()[1].result, "wanted");
}

using BatchChangesDeathTest = BatchChangesTest;

TEST_F(BatchChangesDeathTest, AJobThatGoesOnAfterItsEndIsABug) {
  add(end_of(1, Outcome::kOk));
  EXPECT_DEATH(add(JobRequeued{.key = 1}), "job 1 goes on after its end");
}

TEST_F(BatchChangesDeathTest, AJobThatIsAcceptedTwiceIsABug) {
  add(accepted(1));
  EXPECT_DEATH(add(accepted(1)), "job 1 is accepted twice");
}

}  // namespace
}  // namespace eventmq
