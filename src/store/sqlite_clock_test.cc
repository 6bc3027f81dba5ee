// The clock of a later life is behind that of an earlier one.
#include "src/store/testing/sqlite_store_fixture.h"

namespace eventmq {
namespace {

using testing::ElementsAre;

constexpr Instant kNow{1'800'000'000'000'000};
constexpr Duration kAhead = seconds(3600);

JobAccepted accepted_at(JobKey key, Instant when, Duration delay = {}) {
  JobAccepted job = accepted(key);
  job.accepted_at = when;
  job.due_at = when + delay;
  return job;
}

JobAccepted in_backlog(JobAccepted job) {
  job.backlog = true;
  return job;
}

class SqliteClockTest : public SqliteStoreTest {
 protected:
  StoredState restart(Instant now) {
    open();
    store_->set_retention({.window = seconds(3600), .ids = 100});
    Result<StoredState> state = store_->recover(now);
    EXPECT_TRUE(state) << state.error().text;
    return state ? *std::move(state) : StoredState();
  }
  BacklogClaimed claim_due(Instant now) {
    store_->claim(
        {.queue = Bytes("default"), .priority = JobHeaders().priority, .now = now, .jobs = 10, .bytes = 1000});
    std::vector<BacklogClaimed> claimed;
    EXPECT_TRUE(wait_until([&] { return !(claimed = store_->take_claimed()).empty(); }));
    return claimed.empty() ? BacklogClaimed() : claimed.front();
  }
};

TEST_F(SqliteClockTest, WhatWaitedStillWaitsAndDelaysAreAsLongAsTheyWere) {
  const Instant then = kNow + kAhead;
  open();
  JobAccepted expiring = accepted_at(2, then - seconds(60));
  expiring.expires_at = then + seconds(5);
  commit({accepted_at(1, kNow - seconds(10)), expiring, accepted_at(3, then - seconds(1), seconds(30)),
          accepted_at(4, then)});
  const std::vector<StoredJob> jobs = restart(kNow).jobs;
  ASSERT_EQ(jobs.size(), 4u);
  EXPECT_EQ(jobs[0].due_at, kNow - seconds(10)) << "it was taken with the right clock";
  EXPECT_EQ(jobs[1].due_at, kNow - seconds(60));
  EXPECT_EQ(jobs[1].accepted.expires_at, kNow + seconds(5));
  EXPECT_EQ(jobs[2].due_at, kNow + seconds(29));
  EXPECT_EQ(jobs[3].accepted.accepted_at, kNow);
  EXPECT_EQ(jobs[3].due_at, kNow);
  EXPECT_EQ(jobs[3].accepted.expires_at, Instant::never());
}

TEST_F(SqliteClockTest, SoItIsInTheBacklogAndItsLanesAreThoseOfTheNewTimes) {
  const Instant then = kNow + kAhead;
  open();
  JobAccepted expiring = in_backlog(accepted_at(2, then - seconds(3)));
  expiring.expires_at = then + seconds(5);
  commit({in_backlog(accepted_at(1, then - seconds(4), seconds(20))), expiring,
          in_backlog(accepted_at(3, then - seconds(2))), in_backlog(accepted_at(4, then))});
  const StoredState state = restart(kNow);
  ASSERT_EQ(state.queues.size(), 1u);
  EXPECT_EQ(state.queues[0].next_expiry, kNow + seconds(5));
  ASSERT_EQ(state.queues[0].lanes.size(), 1u);
  const StoredLane lane = state.queues[0].lanes[0];
  EXPECT_EQ(lane.waiting, 3u);
  EXPECT_EQ(lane.delayed, 1u);
  EXPECT_EQ(lane.next_due, kNow - seconds(3));
  ASSERT_EQ(state.backlog.size(), 4u);
  EXPECT_EQ(state.backlog.back().accepted_at, kNow);
  const BacklogClaimed claimed = claim_due(kNow);
  std::vector<JobKey> due;
  for (const StoredJob& job : claimed.jobs) due.push_back(job.accepted.key);
  EXPECT_THAT(due, ElementsAre(2, 3, 4)) << "in the order of their acceptance";
  EXPECT_EQ(claimed.next_due, kNow + seconds(16));
}

TEST_F(SqliteClockTest, AJobWithRetriesBehindItWaitsNoLongerThanItsRetryHad) {
  const Instant then = kNow + kAhead;
  open();
  commit({accepted_at(1, then - seconds(600)), accepted_at(2, then)});
  commit({AttemptStarted{1, Bytes("job-1"), 1, 0, Bytes("w")}});
  commit({JobRequeued{.key = 1, .id = Bytes("job-1"), .retries_used = 1, .due_at = then + seconds(7)}});
  EXPECT_EQ(restart(kNow).jobs[0].due_at, kNow + seconds(7));
}

AttemptStarted started(JobKey key) { return {key, Bytes("job-" + std::to_string(key)), 1, 0, Bytes("w")}; }

JobRequeued requeued(JobKey key, Instant due_at, uint32_t attempt = 1, uint32_t retries = 0) {
  return {.key = key,
          .id = Bytes("job-" + std::to_string(key)),
          .attempt = attempt,
          .retries_used = retries,
          .due_at = due_at};
}

JobAccepted delayed(JobKey key, Instant when, int delay) {
  JobAccepted job = accepted_at(key, when, seconds(delay));
  job.headers.text = Bytes("guarantee,delay:" + std::to_string(delay));
  return job;
}

TEST_F(SqliteClockTest, WhatWasTakenWithTheRightClockAndPutBackAheadOfTimeIsDueToo) {
  const Instant before = kNow - seconds(600), then = kNow + kAhead;
  open();
  commit({accepted_at(1, before), started(1), requeued(1, then)});
  commit({delayed(2, before, 60), started(2), requeued(2, then - seconds(5), 0)});
  commit({in_backlog(accepted_at(3, before)), accepted_at(4, then)});
  JobRequeued to_backlog = requeued(5, then);
  to_backlog.backlog = true;
  to_backlog.priority = JobHeaders().priority;
  commit({accepted_at(5, before), started(5)});
  commit({to_backlog});
  const StoredState state = restart(kNow);
  ASSERT_EQ(state.jobs.size(), 3u);
  EXPECT_EQ(state.jobs[0].due_at, kNow) << "its worker was lost";
  EXPECT_EQ(state.jobs[0].accepted.accepted_at, before);
  EXPECT_EQ(state.jobs[1].due_at, kNow) << "its worker gave it back";
  EXPECT_EQ(claim_due(kNow).jobs.size(), 2u) << "one of the backlog too";
}

TEST_F(SqliteClockTest, ItsDelayAndTheWaitBeforeItsRetryAreAsLongAsTheyWere) {
  const Instant before = kNow - seconds(600), then = kNow + kAhead;
  open();
  commit({delayed(1, before, 7200), accepted_at(2, before), accepted_at(3, before), accepted_at(4, then)});
  commit({started(2), requeued(2, kNow + seconds(300), 1, 1), started(3), requeued(3, then + seconds(7), 1, 1)});
  const std::vector<StoredJob> jobs = restart(kNow).jobs;
  ASSERT_EQ(jobs.size(), 4u);
  EXPECT_EQ(jobs[0].due_at, before + seconds(7200));
  EXPECT_EQ(jobs[1].due_at, kNow + seconds(300));
  EXPECT_EQ(jobs[2].due_at, kNow + seconds(7));
}

TEST_F(SqliteClockTest, AJobThatWasPutBackTellsOfTheClockWhenNoOtherIsLeft) {
  open();
  commit({accepted_at(1, kNow - seconds(600)), started(1), requeued(1, kNow + kAhead)});
  EXPECT_EQ(restart(kNow).jobs[0].due_at, kNow);
}

TEST_F(SqliteClockTest, AJobThatOnlyWaitsForItsRetryTellsNothing) {
  const Instant due_at = kNow + seconds(40'000);
  open();
  commit({accepted_at(1, kNow - seconds(600)), started(1), requeued(1, due_at, 1, 1)});
  EXPECT_EQ(restart(kNow).jobs[0].due_at, due_at);
}

// Its key is that of the moment in which another request asked for the guarantee.
TEST_F(SqliteClockTest, TheNewestJobIsNotTheOneWithTheYoungestKey) {
  const Instant then = kNow + kAhead;
  open();
  commit({accepted_at(1, then), accepted_at(2, then - seconds(3000))});
  const std::vector<StoredJob> jobs = restart(kNow).jobs;
  ASSERT_EQ(jobs.size(), 2u);
  EXPECT_EQ(jobs[0].due_at, kNow);
  EXPECT_EQ(jobs[1].due_at, kNow - seconds(3000));
}

TEST_F(SqliteClockTest, IdsThatEndedInTheFutureAreStillKnown) {
  open();
  JobEnded end = ended(1);
  end.ended_at = kNow + kAhead;
  commit({accepted_at(1, kNow + kAhead), accepted_at(2, kNow + kAhead)});
  commit({end});
  const StoredState state = restart(kNow);
  EXPECT_EQ(state.jobs.size(), 1u);
  EXPECT_EQ(state.ended.size(), 1u);
}

TEST_F(SqliteClockTest, AJobThatWasAcceptedAgainAfterItsEndStaysLaterThanThat) {
  const Instant then = kNow + kAhead;
  open();
  JobEnded end = ended(1);
  end.ended_at = then - seconds(50);
  JobAccepted again = in_backlog(accepted_at(2, then - seconds(40)));
  again.id = Bytes("job-1");
  commit({accepted_at(1, then - seconds(60)), end, again});
  JobEnded last = ended(3);
  last.ended_at = then;
  commit({accepted_at(3, then - seconds(1)), last});
  const StoredState state = restart(kNow);
  ASSERT_EQ(state.backlog.size(), 1u);
  ASSERT_EQ(state.ended.size(), 2u);
  EXPECT_EQ(state.ended[0].ended_at, kNow - seconds(50));
  EXPECT_EQ(state.backlog[0].accepted_at, kNow - seconds(40));
  EXPECT_EQ(state.ended[1].ended_at, kNow);
}

TEST_F(SqliteClockTest, WithASecondOrNoneNothingIsWritten) {
  open();
  commit({accepted_at(1, kNow + seconds(1)), in_backlog(accepted_at(2, kNow - kAhead))});
  EXPECT_EQ(restart(kNow).jobs[0].due_at, kNow + seconds(1));
}

// One that stood still while another took its file.
TEST_F(SqliteClockTest, OnceAnotherRouterHasTheFileNothingIsMoved) {
  open();
  commit({accepted_at(1, kNow + kAhead)});
  open();
  fs::remove(folder_.file("eventmq.lock"));
  auto younger = SqliteStore::open(options());
  ASSERT_TRUE(younger) << younger.error().text;
  ASSERT_TRUE(store_->recover(kNow));
  EXPECT_EQ(Reader(folder_.path()).integer("SELECT accepted_at FROM jobs"), (kNow + kAhead).us);
}

}  // namespace
}  // namespace eventmq
