// Which scheduler a schedule goes to, and what it is told.
#include <map>

#include "src/broker/test_broker.h"

namespace eventmq {
namespace {

class ScheduleTest : public ::testing::Test {
 protected:
  void schedule(const std::string& id, std::string_view headers = "") {
    Schedule schedule;
    schedule.headers = parse_headers(Bytes(headers)).value();
    broker_.say("c1", std::move(schedule), id);
  }
  // The scheduler that the schedule of this job is given to.
  std::string taker(int job, std::string_view lists = R"("args": [])") {
    Schedule schedule;
    schedule.payload = Bytes(fmt::format(R"(["run", {{"path": "p", "callable": "job{}", {}}}])", job, lists));
    broker_.forget();
    broker_.say("c1", std::move(schedule), "m");
    const std::vector<Send> sent = broker_.sends();
    EXPECT_EQ(sent.size(), 2u);
    return sent.at(0).peer.str();
  }
  TestBroker broker_;
};

TEST_F(ScheduleTest, WithoutASchedulerIsAnError) {
  schedule("m1");
  broker_.say("c1", Unschedule{}, "m2");
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 ERROR no-scheduler m1", "c1 ERROR no-scheduler m2"));
}

// It would be run by two.
TEST_F(ScheduleTest, ARepeatedScheduleGoesToTheSchedulerThatHasIt) {
  for (const char* name : {"s1", "s2", "s3"}) broker_.scheduler(name);
  for (int job = 0; job < 30; ++job) {
    const std::string first = taker(job, R"("kwargs": {"a": 1, "b": 2})");
    EXPECT_EQ(taker(job, R"("kwargs":   {"b": 2, "a": 1}, "args": [])"), first) << job;
    EXPECT_EQ(taker(job, R"("kwargs": {"a": 1, "b": 2})"), first) << job;
  }
}

TEST_F(ScheduleTest, SchedulesAreSharedOut) {
  for (const char* name : {"s1", "s2", "s3"}) broker_.scheduler(name);
  std::map<std::string, int> share;
  for (int job = 0; job < 300; ++job) ++share[taker(job)];
  for (const char* name : {"s1", "s2", "s3"}) EXPECT_GT(share[name], 50) << name;
}

TEST_F(ScheduleTest, WhenASchedulerComesOrGoesOnlyItsShareMoves) {
  broker_.scheduler("s1");
  broker_.scheduler("s2");
  std::map<int, std::string> before;
  for (int job = 0; job < 100; ++job) before[job] = taker(job);
  broker_.scheduler("s3");
  for (int job = 0; job < 100; ++job) {
    const std::string now = taker(job);
    EXPECT_TRUE(now == before[job] || now == "s3") << job << " " << now;
  }
  broker_.say("s3", Disconnect{});
  for (int job = 0; job < 100; ++job) EXPECT_EQ(taker(job), before[job]) << job;
}

TEST_F(ScheduleTest, OneThatLeftIsPassedOver) {
  broker_.scheduler("s1");
  broker_.scheduler("s2");
  broker_.say("s1", Disconnect{});
  broker_.forget();
  schedule("m1");
  schedule("m2");
  EXPECT_THAT(broker_.sent(), ElementsAre("s2 SCHEDULE m1 []", "c1 ACK m1", "s2 SCHEDULE m2 []", "c1 ACK m2"));
}

TEST_F(ScheduleTest, UnscheduleGoesToAll) {
  broker_.scheduler("s1");
  broker_.scheduler("s2");
  broker_.forget();
  broker_.say("c1", Unschedule{}, "m1");
  EXPECT_THAT(broker_.sent(), ElementsAre("s1 UNSCHEDULE m1 []", "s2 UNSCHEDULE m1 []", "c1 ACK m1"));
}

TEST_F(ScheduleTest, APublishedSchedulerSeesPublishedHeadersOnly) {
  broker_.scheduler("s1");
  broker_.forget();
  schedule("m1", "nohaste,priority:9,run_count:3,x-mine:1,guarantee");
  EXPECT_THAT(broker_.sent(), Contains("s1 SCHEDULE m1 [guarantee,nohaste,run_count:3]"));
}

TEST_F(ScheduleTest, ANewSchedulerSeesThemAsTheyAre) {
  broker_.scheduler("s1", "errors");
  broker_.forget();
  schedule("m1", "nohaste,x-mine:1");
  EXPECT_THAT(broker_.sent(), Contains("s1 SCHEDULE m1 [nohaste,x-mine:1]"));
}

TEST_F(ScheduleTest, WorkersGetNoSchedules) {
  broker_.worker("w1");
  broker_.forget();
  schedule("m1");
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 ERROR no-scheduler m1"));
}

TEST_F(ScheduleTest, PublishGoesElsewhere) {
  broker_.say("c1", Publish{}, "m1");
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 ERROR unknown-command m1"));
}

}  // namespace
}  // namespace eventmq
