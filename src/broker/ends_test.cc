// Requests that come again after their guaranteed jobs have ended, and after the broker has forgotten the replies.
#include "src/broker/test_broker.h"
#include "testing/store_model.h"

namespace eventmq {
namespace {

class EndsTest : public ::testing::Test {
 protected:
  EndsTest() {
    broker_->worker("w1");
    broker_->ready("w1");
  }
  void run_job(const std::string& id, const std::string& headers, Outcome outcome = Outcome::kOk) {
    broker_->request("c1", id, headers);
    broker_->settle("w1", id, 1, outcome, R"({"value": "of )" + id + R"("})");
  }
  // The next life knows the ids, and no replies, as of jobs that ended longer ago.
  void forget_replies() {
    disk_.apply(broker_->records());
    const BrokerSettings settings = broker_->settings();
    const Instant now = broker_->now();
    StoredState state = disk_.state(now);
    for (StoredEnd& end : state.ended) {
      end.reply_wanted = false;
      end.result = Bytes();
    }
    broker_.emplace(settings, 2, now);
    broker_->step(StoreRecovered{std::move(state)});
  }
  std::vector<std::string> said_after_the_store() {
    for (const StoreQuestion& question : broker_->questions()) broker_->step(disk_.answer(question));
    return broker_->sent();
  }

  std::optional<TestBroker> broker_{test_settings([](BrokerSettings& s) { s.store_durable = true; })};
  StoreModel disk_;
};

TEST_F(EndsTest, ARequestThatComesAgainIsAnsweredAsItsJobEnded) {
  run_job("good", "guarantee,reply-requested");
  run_job("bad", "guarantee,reply-requested", Outcome::kError);
  forget_replies();
  for (const char* id : {"good", "bad"}) broker_->request("c2", id, "guarantee,reply-requested");
  EXPECT_THAT(broker_->sent(), ElementsAre("c2 ACK good", "c2 ACK bad"));
  EXPECT_THAT(said_after_the_store(), ElementsAre(R"(c2 REPLY good ok {"value": "of good"})"));
  EXPECT_THAT(said_after_the_store(), ElementsAre(R"(c2 REPLY bad error {"value": "of bad"})"));
}

TEST_F(EndsTest, ManyAreLookedForAtOnce) {
  for (int i = 0; i < 5; ++i) run_job("j" + std::to_string(i), "guarantee,reply-requested");
  forget_replies();
  for (int i = 0; i < 5; ++i) broker_->request("c2", "j" + std::to_string(i), "guarantee,reply-requested");
  std::vector<StoreQuestion> questions = broker_->questions();
  ASSERT_EQ(questions.size(), 1u) << "one at a time";
  broker_->forget();
  broker_->step(disk_.answer(questions[0]));
  questions = broker_->questions();
  ASSERT_EQ(questions.size(), 1u);
  EXPECT_EQ(questions[0].ends.size(), 4u);
  broker_->step(disk_.answer(questions[0]));
  EXPECT_EQ(broker_->sent().size(), 5u);
  EXPECT_THAT(broker_->questions(), IsEmpty());
}

TEST_F(EndsTest, WhatIsNotKnownIsNotCalledLost) {
  run_job("quiet", "guarantee");
  run_job("gone", "guarantee,reply-requested");
  forget_replies();
  broker_->request("c2", "quiet", "guarantee,reply-requested");
  EXPECT_THAT(said_after_the_store(), ElementsAre("c2 ACK quiet", "c2 ERROR unknown-job quiet"));
  disk_ = StoreModel();
  broker_->request("c2", "gone", "guarantee,reply-requested");
  EXPECT_THAT(said_after_the_store(), ElementsAre("c2 ACK gone", "c2 ERROR unknown-job gone"));
}

TEST_F(EndsTest, WhileTheStoreIsAwayTheyWait) {
  run_job("j1", "guarantee,reply-requested");
  forget_replies();
  broker_->step(StoreChanged{false, "the disk is full"});
  broker_->request("c2", "j1", "guarantee,reply-requested");
  EXPECT_THAT(said_after_the_store(), ElementsAre("c2 ACK j1"));
  broker_->step(StoreChanged{true, ""});
  EXPECT_THAT(said_after_the_store(), ElementsAre(R"(c2 REPLY j1 ok {"value": "of j1"})"));
}

TEST_F(EndsTest, OneThatCannotBeReadIsNotAnsweredFalsely) {
  run_job("j1", "guarantee,reply-requested");
  forget_replies();
  broker_->request("c2", "j1", "guarantee,reply-requested");
  broker_->forget();
  const StoreQuestion question = broker_->questions().at(0);
  broker_->step(StoreAnswer{.number = question.number, .error = Error{ErrorCode::kStoreUnavailable, "no"}});
  EXPECT_THAT(broker_->sent(), ElementsAre("c2 ERROR store-unavailable j1"));
}

}  // namespace
}  // namespace eventmq
