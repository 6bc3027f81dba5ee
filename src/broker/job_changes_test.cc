// Jobs that people have run now or removed, wherever they are. A model stands for the store.
#include "src/broker/test_broker.h"
#include "testing/store_model.h"

namespace eventmq {
namespace {

class JobChangesTest : public ::testing::Test {
 protected:
  JobChangesTest() { broker_->worker("w1"); }
  // The store keeps what it is given, and answers claims and questions.
  void serve() {
    for (int round = 0; round < 4; ++round) {
      disk_.apply(broker_->records());
      for (const StoreQuestion& question : broker_->questions()) broker_->step(disk_.answer(question));
      for (const BacklogClaim& claim : broker_->claims()) broker_->step(disk_.claim(claim));
    }
    disk_.apply(broker_->records());
  }
  // What the administrator is told; others' messages go by.
  std::string change(const std::string& what, const std::string& id) {
    serve();
    broker_->forget();
    broker_->query(what, R"({"id": ")" + id + R"("})");
    serve();
    told_.clear();
    std::string answer = "nothing";
    for (const std::string& text : broker_->sent()) {
      if (text.starts_with("admin ")) {
        answer = text.substr(6);
      } else {
        told_.push_back(text);
      }
    }
    return answer;
  }
  std::string retry(const std::string& id) { return change("jobs-retry", id); }
  std::string remove(const std::string& id) { return change("jobs-delete", id); }
  void keep_in_memory(uint64_t jobs) {
    BrokerSettings settings = broker_->settings();
    settings.window_jobs = jobs;
    broker_->change_settings(settings);
  }
  void kill(const std::string& id, const std::string& headers = "guarantee") {
    broker_->request("c1", id, headers);
    broker_->ready("w1");
    broker_->settle("w1", id, 1, Outcome::kError, R"({"error": {"message": "no"}})");
  }

  std::optional<TestBroker> broker_{test_settings([](BrokerSettings& s) { s.store_durable = true; })};
  StoreModel disk_;
  std::vector<std::string> told_;
};

constexpr const char* kRetried = R"(REPLY query {"retried": 1})";
constexpr const char* kDeleted = R"(REPLY query {"deleted": 1})";

TEST_F(JobChangesTest, AJobThatHasEndedIsToldFromOneThatNeverWas) {
  broker_->request("c1", "j1", "guarantee");
  broker_->ready("w1");
  broker_->settle("w1", "j1", 1);
  const auto told = [this](const char* query, const std::string& id) {
    serve();
    broker_->forget();
    broker_->query(query, R"({"id": ")" + id + R"("})");
    serve();
    return broker_->error_text();
  };
  EXPECT_EQ(told("jobs-retry", "j1"), "the job has ended: only dead letters can be run again, with emq dead retry");
  EXPECT_EQ(told("jobs-delete", "j1"), "the job has ended, and left nothing that could be deleted");
  for (const char* query : {"jobs-retry", "jobs-delete"}) {
    EXPECT_EQ(told(query, "j2"), "no such job, and nothing is left of one");
  }
}

TEST_F(JobChangesTest, ADelayedJobRunsNow) {
  broker_->ready("w1", 2);
  broker_->request("c1", "plain", "delay:100");
  broker_->request("c1", "kept", "guarantee,delay:100");
  EXPECT_EQ(retry("plain"), kRetried);
  EXPECT_THAT(told_, ElementsAre("w1 REQUEST plain #1"));
  EXPECT_EQ(retry("kept"), kRetried);
  EXPECT_THAT(told_, ElementsAre("w1 REQUEST kept #1"));
}

TEST_F(JobChangesTest, OneThatWaitsOutItsBackoffRunsItsNextAttemptNow) {
  broker_->request("c1", "j1", "guarantee,retry-count:3,backoff:100");
  broker_->ready("w1");
  broker_->settle("w1", "j1", 1, Outcome::kError);
  EXPECT_EQ(retry("j1"), kRetried);
  EXPECT_THAT(told_, ElementsAre("w1 REQUEST j1 #2"));
}

TEST_F(JobChangesTest, ItIsDueAfterARestartToo) {
  broker_->request("c1", "j1", "guarantee,delay:1000");
  EXPECT_EQ(retry("j1"), kRetried);
  const std::vector<StoredJob> jobs = disk_.state(broker_->now()).jobs;
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_EQ(jobs[0].due_at, broker_->now());
  EXPECT_EQ(jobs[0].attempt, 0u);
}

TEST_F(JobChangesTest, OneThatIsDueOrRunsIsLeftAlone) {
  broker_->request("c1", "j1", "guarantee");
  EXPECT_EQ(retry("j1"), R"(REPLY query {"retried": 0, "waits": true})");
  broker_->ready("w1");
  EXPECT_EQ(retry("j1"), "ERROR forbidden query");
  EXPECT_EQ(remove("j1"), "ERROR forbidden query");
  EXPECT_EQ(retry("nobody"), "ERROR unknown-job query");
  EXPECT_EQ(remove("nobody"), "ERROR unknown-job query");
  EXPECT_EQ(change("jobs-retry", ""), "ERROR bad-value query");
}

TEST_F(JobChangesTest, OneThatMayStillRunAfterARestartIsLeftAlone) {
  broker_->request("c1", "j1", "guarantee");
  broker_->ready("w1");
  serve();
  const BrokerSettings settings = broker_->settings();
  const Instant now = broker_->now();
  broker_.emplace(settings, 2, now);
  broker_->step(StoreRecovered{disk_.state(now)});
  EXPECT_EQ(retry("j1"), "ERROR forbidden query");
  EXPECT_EQ(remove("j1"), "ERROR forbidden query");
}

TEST_F(JobChangesTest, WhoWaitsForARemovedJobIsToldThatItWasCancelled) {
  broker_->request("c1", "waiting", "reply-requested");
  broker_->request("c1", "delayed", "guarantee,reply-requested,delay:5");
  for (const char* id : {"waiting", "delayed"}) {
    EXPECT_EQ(remove(id), kDeleted);
    EXPECT_THAT(told_, ElementsAre(HasSubstr(fmt::format("c1 REPLY {} cancelled ", id))));
  }
  EXPECT_TRUE(disk_.state(broker_->now()).jobs.empty());
  EXPECT_TRUE(disk_.dead({}).letters.empty());
}

TEST_F(JobChangesTest, JobsInTheStoreAloneAreReached) {
  broker_->request("c1", "first", "guarantee,delay:100");
  keep_in_memory(0);
  for (const char* id : {"a", "b"}) broker_->request("c1", id, "guarantee,reply-requested,delay:100");
  serve();
  ASSERT_EQ(disk_.backlog().size(), 2u);
  EXPECT_EQ(remove("a"), kDeleted);
  EXPECT_THAT(told_, ElementsAre(HasSubstr("c1 REPLY a cancelled ")));
  broker_->ready("w1");
  keep_in_memory(10);
  EXPECT_EQ(retry("b"), kRetried);
  EXPECT_THAT(told_, ElementsAre("w1 REQUEST b #1"));
  EXPECT_TRUE(disk_.backlog().empty());
}

TEST_F(JobChangesTest, ADeadLetterIsRunAgainAsByItsOwnCommand) {
  kill("j1", "guarantee,result-ttl:600");
  EXPECT_THAT(retry("j1"), HasSubstr(R"({"retried":1})"));
  EXPECT_TRUE(disk_.dead({}).letters.empty());
  EXPECT_THAT(told_, ElementsAre("w1 REQUEST j1 #1"));
}

TEST_F(JobChangesTest, WhatAJobLeftIsRemoved) {
  kill("j1", "guarantee,result-ttl:600");
  serve();
  ASSERT_EQ(disk_.results().size(), 1u);
  EXPECT_EQ(remove("j1"), kDeleted);
  EXPECT_TRUE(disk_.results().empty());
  EXPECT_TRUE(disk_.dead({}).letters.empty());
  EXPECT_EQ(remove("j1"), "ERROR unknown-job query");
  kill("plain", "result-ttl:600");
  EXPECT_EQ(remove("plain"), kDeleted);
  EXPECT_EQ(remove("plain"), "ERROR unknown-job query");
}

TEST_F(JobChangesTest, WhileTheStoreIsAwayOnlyWhatIsInMemoryIsChanged) {
  broker_->request("c1", "plain", "delay:100");
  broker_->step(StoreChanged{false, "the disk is full"});
  EXPECT_EQ(retry("plain"), kRetried);
  EXPECT_EQ(retry("j1"), "ERROR store-unavailable query");
}

TEST_F(JobChangesTest, AGuaranteedJobInMemoryIsNotChangedWhileTheStoreIsAway) {
  broker_->request("c1", "j1", "guarantee,delay:100");
  broker_->step(StoreChanged{false, "the disk is full"});
  EXPECT_EQ(retry("j1"), "ERROR store-unavailable query");
  EXPECT_EQ(remove("j1"), "ERROR store-unavailable query");
}

}  // namespace
}  // namespace eventmq
