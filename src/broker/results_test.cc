// Results that are kept: of guaranteed jobs by the store, for which a model stands; of plain ones in memory.
#include <nlohmann/json.hpp>

#include "src/broker/test_broker.h"
#include "testing/store_model.h"

namespace eventmq {
namespace {

using Json = nlohmann::json;

class ResultsTest : public ::testing::Test {
 protected:
  static constexpr const char* kMessage = R"(["run", {"path": "reports", "callable": "build"}])";

  ResultsTest() {
    broker_->worker("w1");
    broker_->ready("w1");
  }
  void send_job(const std::string& id, const std::string& headers) {
    broker_->request("c1", id, headers, "default", kMessage);
  }
  void keep() { disk_.apply(broker_->records()); }
  void answer() {
    keep();
    for (const StoreQuestion& question : broker_->questions()) broker_->step(disk_.answer(question));
  }
  // What a client or administrator is told.
  std::string result(const std::string& id, const std::string& who = "c2") {
    broker_->forget();
    broker_->say(who, Query{Bytes("result"), Bytes(R"({"id": ")" + id + R"("})")}, "query");
    answer();
    const std::vector<std::string> sent = broker_->sent_to(who);
    return sent.empty() ? "nothing" : sent.back();
  }
  Json shown(const std::string& id) {
    broker_->forget();
    broker_->query("job", R"({"id": ")" + id + R"("})");
    answer();
    const std::vector<Send> sends = broker_->sends();
    const auto* reply = sends.empty() ? nullptr : std::get_if<Reply>(&sends.back().message.body);
    return reply ? Json::parse(reply->payload.view()) : Json();
  }
  // The next life of the router, which has what was stored.
  void restart() {
    keep();
    const BrokerSettings settings = broker_->settings();
    const Instant now = broker_->now();
    broker_.emplace(settings, 2, now);
    broker_->step(StoreRecovered{disk_.state(broker_->now())});
    broker_->worker("w1");
    broker_->ready("w1");
  }
  size_t kept_records() {
    const std::vector<JobRecord> records = broker_->records();
    disk_.apply(records);
    return static_cast<size_t>(std::ranges::count_if(
        records, [](const JobRecord& record) { return std::holds_alternative<ResultKept>(record); }));
  }

  std::optional<TestBroker> broker_{test_settings([](BrokerSettings& s) { s.store_durable = true; })};
  StoreModel disk_;
};

constexpr const char* kUnknown = "c2 ERROR unknown-job query";

TEST_F(ResultsTest, AGuaranteedJobsResultIsThereUntilItsTimeIsOverAcrossRestarts) {
  send_job("j1", "guarantee,result-ttl:60");
  EXPECT_EQ(result("j1"), R"(c2 REPLY query {"state": "running"})");
  broker_->settle("w1", "j1", 1, Outcome::kOk, R"({"value": 42})");
  EXPECT_EQ(result("j1"), R"(c2 REPLY query ok {"value": 42})");
  restart();
  EXPECT_EQ(result("j1"), R"(c2 REPLY query ok {"value": 42})");
  EXPECT_EQ(result("j1", "admin"), R"(admin REPLY query ok {"value": 42})");
  broker_->wait(seconds(59));
  EXPECT_EQ(result("j1"), R"(c2 REPLY query ok {"value": 42})");
  broker_->wait(seconds(1));
  EXPECT_EQ(result("j1"), kUnknown);
}

TEST_F(ResultsTest, TheResultIsInTheCommitOfTheEnd) {
  send_job("j1", "guarantee,result-ttl:60,reply-requested");
  broker_->records();
  broker_->commits();
  broker_->forget();
  broker_->settle("w1", "j1", 1);
  const std::vector<CommitNumber> commits = broker_->commits();
  ASSERT_EQ(commits.size(), 1u);
  EXPECT_EQ(broker_->sends().at(0).after, commits[0]) << "the REPLY waits for both";
  const std::vector<JobRecord> records = broker_->records();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<JobEnded>(records[0]));
  EXPECT_EQ(std::get<ResultKept>(records[1]).until, broker_->now() + seconds(60));
}

TEST_F(ResultsTest, APlainJobsResultIsInMemoryAndItsReplyWaitsForNothing) {
  send_job("j1", "result-ttl:60,reply-requested");
  broker_->forget();
  broker_->settle("w1", "j1", 1, Outcome::kError, R"({"value": "x", "error": {"message": "broken"}})");
  EXPECT_EQ(broker_->sends().at(0).after, 0u);
  EXPECT_TRUE(broker_->records().empty());
  EXPECT_EQ(result("j1"), R"(c2 REPLY query error {"value": "x", "error": {"message": "broken"}})");
  broker_->wait(seconds(60));
  EXPECT_EQ(result("j1"), kUnknown);
  send_job("j2", "result-ttl:60");
  broker_->settle("w1", "j2", 1);
  restart();
  EXPECT_EQ(result("j2"), kUnknown);
}

TEST_F(ResultsTest, EveryEndIsKept) {
  send_job("cancelled", "guarantee,result-ttl:600,delay:100");
  broker_->cancel("c1", "cancelled");
  send_job("expired", "guarantee,result-ttl:600,delay:5,expires:1");
  broker_->wait(seconds(2));
  const std::pair<const char*, Outcome> ends[] = {
      {"error", Outcome::kError}, {"timeout", Outcome::kTimeout}, {"unknown-job", Outcome::kUnknownJob}};
  for (const auto& [id, outcome] : ends) {
    send_job(id, "guarantee,result-ttl:600");
    broker_->settle("w1", id, 1, outcome);
  }
  send_job("killed", "result-ttl:600");
  broker_->settle("w1", "killed", 1, Outcome::kKilled);
  send_job("lost", "result-ttl:600");
  broker_->lose("w1");
  for (const char* id : {"cancelled", "expired", "error", "timeout", "unknown-job", "killed", "lost"}) {
    EXPECT_THAT(result(id), testing::StartsWith(fmt::format("c2 REPLY query {} ", id)));
  }
}

TEST_F(ResultsTest, WithoutTheHeaderNothingIsKept) {
  send_job("j1", "guarantee");
  broker_->settle("w1", "j1", 1);
  send_job("j2", "guarantee,result-ttl:0");
  broker_->settle("w1", "j2", 1);
  EXPECT_EQ(kept_records(), 0u);
  EXPECT_EQ(result("j1"), kUnknown);
}

TEST_F(ResultsTest, WithoutADurableStoreAllAreInMemory) {
  broker_.emplace();
  broker_->worker("w1");
  broker_->ready("w1");
  send_job("j1", "guarantee,result-ttl:60");
  broker_->settle("w1", "j1", 1);
  EXPECT_EQ(kept_records(), 0u);
  EXPECT_EQ(result("j1"), R"(c2 REPLY query ok {"value": 1})");
  EXPECT_EQ(result("j2"), kUnknown);
}

TEST_F(ResultsTest, InMemoryTheyAreBoundedAndCounted) {
  BrokerSettings settings = broker_->settings();
  settings.results = 2;
  broker_->change_settings(settings);
  for (const char* id : {"j1", "j2", "j3"}) {
    send_job(id, "result-ttl:60");
    broker_->settle("w1", id, 1);
  }
  EXPECT_EQ(result("j1"), kUnknown);
  EXPECT_EQ(result("j2"), R"(c2 REPLY query ok {"value": 1})");
  EXPECT_EQ(Json::parse(broker_->view("status"))["counters"]["results_dropped"], 1);
}

TEST_F(ResultsTest, ARequestThatSharesAJobHasItsOwnResult) {
  send_job("j1", "guarantee,unique:key,delay:1");
  send_job("j2", "guarantee,unique:key,result-ttl:60");
  broker_->wait(seconds(1));
  broker_->forget();
  broker_->settle("w1", "j1", 1, Outcome::kOk, R"({"value": 7})");
  EXPECT_THAT(broker_->sent(), IsEmpty()) << "nobody asked for a reply";
  EXPECT_EQ(result("j2"), R"(c2 REPLY query ok {"value": 7})");
  EXPECT_EQ(result("j1"), kUnknown);
  EXPECT_EQ(disk_.state(broker_->now()).ended.size(), 2u) << "its id is known, too";
}

TEST_F(ResultsTest, AJobInTheStoreAloneIsNotUnknown) {
  BrokerSettings settings = broker_->settings();
  settings.window_jobs = 0;
  broker_->change_settings(settings);
  send_job("j1", "guarantee,result-ttl:60,delay:50");
  EXPECT_EQ(result("j1"), R"(c2 REPLY query {"state": "delayed"})");
  send_job("j2", "guarantee,result-ttl:60,delay:1");
  EXPECT_EQ(result("nobody"), kUnknown);
}

TEST_F(ResultsTest, AJobThatIsRunAgainHasNoResultMeanwhile) {
  send_job("j1", "guarantee,result-ttl:600");
  broker_->settle("w1", "j1", 1, Outcome::kError);
  EXPECT_THAT(result("j1"), HasSubstr("REPLY query error"));
  broker_->silence("w1");
  broker_->wait(seconds(10));
  broker_->query("dead-retry", R"({"id": "j1"})");
  answer();
  EXPECT_EQ(result("j1"), R"(c2 REPLY query {"state": "waiting"})");
  restart();
  broker_->settle("w1", "j1", 1);
  EXPECT_EQ(result("j1"), R"(c2 REPLY query ok {"value": 1})");
}

TEST_F(ResultsTest, PeopleSeeItsEndAndItsHistory) {
  send_job("j1", "guarantee,result-ttl:60,retry-count:1,backoff:0");
  broker_->settle("w1", "j1", 1, Outcome::kError, R"({"error": {"message": "first"}})");
  broker_->wait(seconds(1));
  EXPECT_EQ(shown("j1")["history"].size(), 1u) << "while it lives";
  broker_->settle("w1", "j1", 2, Outcome::kOk, R"({"value": 42})");
  for (const bool restarted : {false, true}) {
    if (restarted) restart();
    const Json job = shown("j1");
    EXPECT_EQ(job["state"], "ended");
    EXPECT_EQ(job["outcome"], "ok");
    EXPECT_EQ(job["attempts"], 2);
    EXPECT_EQ(job["value_bytes"], 13);
    EXPECT_GT(job["kept_until"], job["ended_at"]);
    EXPECT_EQ(job["history"][0]["error"], "first");
    if (restarted) {
      EXPECT_EQ(job["name"], "reports.build");
    }
  }
}

TEST_F(ResultsTest, WhileTheStoreIsAwayPlainResultsAreStillThere) {
  send_job("j1", "result-ttl:60");
  broker_->settle("w1", "j1", 1);
  broker_->step(StoreChanged{false, "the disk is full"});
  EXPECT_EQ(result("j1"), R"(c2 REPLY query ok {"value": 1})");
  EXPECT_EQ(result("j2"), "c2 ERROR store-unavailable query");
}

TEST_F(ResultsTest, OnlyAResultMayBeAskedForByAnyone) {
  broker_->forget();
  broker_->say("c2", Query{Bytes("status"), Bytes()}, "query");
  EXPECT_THAT(broker_->sent(), ElementsAre("c2 ERROR forbidden query"));
  broker_->say("w1", Query{Bytes("result"), Bytes(R"({"id": "j1"})")}, "query");
  EXPECT_THAT(broker_->sent(), ElementsAre("w1 ERROR forbidden query"));
  broker_->say("c2", Query{Bytes("result"), Bytes()}, "query");
  EXPECT_THAT(broker_->sent(), ElementsAre("c2 ERROR bad-value query"));
}

TEST_F(ResultsTest, ClientsCannotKeepPeopleFromAsking) {
  for (size_t i = 0; i <= limits::kOpenResultQuestions; ++i) {
    broker_->say("c2", Query{Bytes("result"), Bytes(R"({"id": "j1"})")}, "query");
  }
  EXPECT_THAT(broker_->sent_to("c2"), ElementsAre("c2 ERROR queue-full query"));
  EXPECT_EQ(result("j1", "admin"), "admin ERROR unknown-job query");
}

}  // namespace
}  // namespace eventmq
