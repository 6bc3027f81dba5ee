// Dead letters: what is recorded of them, and what people ask. A model stands for the store.
#include <nlohmann/json.hpp>

#include "src/broker/test_broker.h"
#include "testing/store_model.h"

namespace eventmq {
namespace {

using Json = nlohmann::json;

class DeadLettersTest : public ::testing::Test {
 protected:
  static constexpr const char* kMessage = R"(["run", {"path": "reports", "callable": "build"}])";

  DeadLettersTest() {
    broker_.worker("w1");
    broker_.ready("w1");
  }
  void keep() { disk_.apply(broker_.records()); }
  void send_job(const std::string& id, const std::string& headers = "guarantee", std::string_view queue = "default") {
    broker_.request("c1", id, headers, queue, kMessage);
  }
  // The job's only attempt fails.
  void kill(const std::string& id, std::string_view queue = "default") {
    send_job(id, "guarantee", queue);
    broker_.settle("w1", id, 1, Outcome::kError, R"({"value": "x", "error": {"type": "T", "message": "it broke"}})");
    keep();
  }
  // The store answers the questions that are open.
  void answer() {
    for (const StoreQuestion& question : broker_.questions()) broker_.step(disk_.answer(question));
  }
  // The JSON that answers; the error's word if it is refused.
  std::string ask(const std::string& what, const std::string& arguments = "") {
    broker_.forget();
    broker_.query(what, arguments);
    answer();
    const std::vector<Send> sends = broker_.sends();
    for (const Send& send : sends) {
      if (send.peer != "admin") continue;
      if (const auto* reply = std::get_if<Reply>(&send.message.body)) {
        answered_after_ = send.after;
        return reply->payload.str();
      }
      return std::string(error_word(std::get<ErrorMessage>(send.message.body).error.code));
    }
    return "nothing";
  }
  Json ask_json(const std::string& what, const std::string& arguments = "") {
    return Json::parse(ask(what, arguments));
  }
  std::vector<std::string> ids(const std::string& arguments = "") {
    std::vector<std::string> all;
    const Json answer = ask_json("dead", arguments);
    for (const Json& letter : answer["dead"]) all.push_back(letter["id"]);
    return all;
  }

  TestBroker broker_{test_settings([](BrokerSettings& s) { s.store_durable = true; })};
  StoreModel disk_;
  CommitNumber answered_after_ = 0;
};

TEST_F(DeadLettersTest, AJobThatFailedForGoodIsKeptWithItsMessageAndCause) {
  kill("j1");
  const Json letter = ask_json("dead-show", R"({"id": "j1"})");
  EXPECT_EQ(letter["queue"], "default");
  EXPECT_EQ(letter["name"], "reports.build");
  EXPECT_EQ(letter["cause"], "error");
  EXPECT_EQ(letter["error"], "it broke");
  EXPECT_EQ(letter["attempts"], 1);
  EXPECT_EQ(letter["losses"], 0);
  EXPECT_EQ(letter["headers"], "guarantee");
  EXPECT_EQ(letter["message"], kMessage);
  ASSERT_EQ(letter["history"].size(), 1u);
  EXPECT_EQ(letter["history"][0]["worker"], "w1");
}

TEST_F(DeadLettersTest, ItsHistoryHasEveryAttemptAcrossRestarts) {
  send_job("j1", "guarantee,retry-count:1,backoff:0");
  broker_.settle("w1", "j1", 1, Outcome::kError, R"({"error": {"message": "first"}})");
  broker_.wait(seconds(1));
  broker_.settle("w1", "j1", 2, Outcome::kKilled, R"({"error": {"message": "killed by SIGSEGV"}})");
  keep();
  TestBroker next(broker_.settings(), 2, broker_.now());
  next.step(StoreRecovered{disk_.state(next.now())});
  next.wait(seconds(20));
  next.worker("w2");
  next.ready("w2");
  next.settle("w2", "j1", 4, Outcome::kTimeout, R"({"error": {"message": "too slow"}})");
  disk_.apply(next.records());
  const DeadLetters dead = disk_.dead({});
  ASSERT_EQ(dead.letters.size(), 1u);
  EXPECT_EQ(dead.letters[0].losses, 2u);
  const std::string history = dead.letters[0].history.str();
  EXPECT_THAT(history, HasSubstr("error\tw1\tfirst\n"));
  EXPECT_THAT(history, HasSubstr("killed\tw1\tkilled by SIGSEGV\n"));
  EXPECT_THAT(history, HasSubstr("lost\tw1\tits worker did not come back after a restart of the router\n"));
  EXPECT_THAT(history, HasSubstr("timeout\tw2\ttoo slow\n"));
}

TEST_F(DeadLettersTest, AJobThatTakesDownItsWorkersIsDeadAndOthersRunOn) {
  send_job("poison", "guarantee");
  for (uint32_t attempt = 1; attempt <= 5; ++attempt) {
    send_job(fmt::format("other-{}", attempt));
    broker_.settle("w1", "poison", attempt, Outcome::kKilled, R"({"error": {"message": "killed by SIGSEGV"}})");
  }
  keep();
  const Json letter = ask_json("dead-show", R"({"id": "poison"})");
  EXPECT_EQ(letter["cause"], "killed");
  EXPECT_EQ(letter["losses"], 5);
  EXPECT_EQ(letter["history"].size(), 5u);
  EXPECT_EQ(letter["error"], "killed by SIGSEGV");
  for (uint32_t other = 1; other <= 5; ++other) broker_.settle("w1", fmt::format("other-{}", other), 1);
  EXPECT_EQ(Json::parse(broker_.view("status"))["totals"]["done"], 5);
}

TEST_F(DeadLettersTest, WhatEndedOtherwiseOrWasNotGuaranteedIsNotKept) {
  send_job("ok");
  broker_.settle("w1", "ok", 1);
  send_job("plain", "");
  broker_.settle("w1", "plain", 1, Outcome::kError);
  send_job("cancelled", "guarantee,delay:5");
  broker_.cancel("c1", "cancelled");
  send_job("expired", "guarantee,delay:5,expires:1");
  broker_.wait(seconds(2));
  keep();
  EXPECT_THAT(ids(), IsEmpty());
}

TEST_F(DeadLettersTest, AreListedByFilterAndPageByPage) {
  kill("a");
  broker_.wait(seconds(100));
  kill("b");
  kill("c");
  EXPECT_THAT(ids(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(ids(R"({"queue": "default", "name": "reports.build", "cause": "error"})"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(ids(R"({"queue": "other"})"), IsEmpty());
  EXPECT_THAT(ids(R"({"cause": "killed"})"), IsEmpty());
  EXPECT_THAT(ids(R"({"older_than": 50})"), ElementsAre("a"));
  EXPECT_THAT(ids(R"({"newer_than": 50})"), ElementsAre("b", "c"));
  const Json first = ask_json("dead", R"({"limit": 2})");
  EXPECT_EQ(first["dead"].size(), 2u);
  EXPECT_THAT(ids(fmt::format(R"({{"after": {}}})", first["next"].dump())), ElementsAre("c"));
}

TEST_F(DeadLettersTest, ARetriedJobIsAcceptedAnewAndItsLetterIsGone) {
  kill("j1");
  broker_.commits();
  EXPECT_EQ(ask("dead-retry", R"({"id": "j1"})"), R"({"retried":1})");
  EXPECT_THAT(broker_.commits(), ElementsAre(answered_after_)) << "the answer waits for the commit";
  keep();
  EXPECT_THAT(ids(), IsEmpty());
  const Json totals = Json::parse(broker_.view("status"))["totals"];
  EXPECT_EQ(totals["accepted"], 2);
  EXPECT_EQ(totals["dead"], 1);
  broker_.ready("w1");
  broker_.settle("w1", "j1", 1);
  keep();
  EXPECT_EQ(Json::parse(broker_.view("status"))["totals"]["done"], 1);
}

TEST_F(DeadLettersTest, WhatIsRetriedTwiceAtOnceRunsOnce) {
  kill("j1");
  broker_.query("dead-retry", R"({"all": true})");
  broker_.query("dead-retry", R"({"all": true})");
  const std::vector<StoreQuestion> questions = broker_.questions();
  ASSERT_EQ(questions.size(), 2u);
  const StoreAnswer second = disk_.answer(questions[1]);
  broker_.step(disk_.answer(questions[0]));
  broker_.ready("w1");
  broker_.settle("w1", "j1", 1);  // and has ended before the other answer comes
  broker_.forget();
  broker_.step(second);
  EXPECT_THAT(broker_.sent(), ElementsAre(R"(admin REPLY query {"retried":0,"skipped":1})"));
}

TEST_F(DeadLettersTest, AJobThatIsThereAgainIsNotRetried) {
  kill("j1");
  broker_.wait(broker_.settings().dedupe_window + seconds(1));
  send_job("j1", "guarantee,delay:5");  // its id is forgotten
  EXPECT_EQ(ask("dead-retry", R"({"id": "j1"})"), R"({"retried":0,"skipped":1})");
  keep();
  EXPECT_THAT(ids(), ElementsAre("j1"));
}

TEST_F(DeadLettersTest, ManyThatAreRetriedGoToTheBacklog) {
  for (int i = 0; i < 20; ++i) kill(fmt::format("j{}", i));
  BrokerSettings settings = broker_.settings();
  settings.window_jobs = 5;
  broker_.change_settings(settings);
  EXPECT_EQ(ask("dead-retry", R"({"all": true})"), R"({"retried":20})");
  keep();
  EXPECT_THAT(ids(), IsEmpty());
  EXPECT_EQ(disk_.backlog().size(), 15u);
}

TEST_F(DeadLettersTest, AreDeletedById) {
  kill("a");
  kill("b");
  EXPECT_EQ(ask("dead-delete", R"({"id": "a"})"), R"({"deleted":1})");
  keep();
  EXPECT_THAT(ids(), ElementsAre("b"));
  EXPECT_EQ(ask("dead-delete", R"({"id": "a"})"), R"({"deleted":0})");
}

TEST_F(DeadLettersTest, QuestionsThatMakeNoSenseAreRefused) {
  for (const char* arguments : {"5", "{", R"({"colour": "red"})", R"({"cause": "ok"})", R"({"id": ""})",
                                R"({"older_than": -1})", R"({"limit": "x"})", R"({"all": 1})"}) {
    EXPECT_EQ(ask("dead", arguments), "bad-value") << arguments;
  }
  EXPECT_EQ(ask("dead-show"), "bad-value");
  EXPECT_EQ(ask("dead-show", R"({"id": "none"})"), "unknown-job");
  EXPECT_EQ(ask("dead-retry"), "bad-value") << "neither a filter nor all";
  EXPECT_EQ(ask("dead-delete", R"({"limit": 5})"), "bad-value");
}

TEST_F(DeadLettersTest, WithoutItsStoreNothingIsChanged) {
  kill("j1");
  broker_.query("dead-retry", R"({"id": "j1"})");
  broker_.step(StoreChanged{false, "no space"});
  broker_.forget();
  answer();
  EXPECT_THAT(broker_.sent(), ElementsAre("admin ERROR store-unavailable query"));
  EXPECT_EQ(ask("dead"), "store-unavailable");
  keep();
  broker_.step(StoreChanged{true, ""});
  EXPECT_THAT(ids(), ElementsAre("j1"));
  BrokerSettings memory = broker_.settings();
  memory.store_durable = false;
  broker_.change_settings(memory);
  EXPECT_EQ(ask("dead"), "store-unavailable");
}

}  // namespace
}  // namespace eventmq
