// A broker ends, and another takes up what it left in the store.
#include "src/broker/test_broker.h"
#include "testing/store_model.h"

namespace eventmq {
namespace {

class RecoveryTest : public ::testing::Test {
 protected:
  // Ends the broker as a crash does, everything durable, and starts the next one later.
  void restart(Duration later = seconds(1)) {
    for (const JobRecord& record : broker_->records()) store_.apply(record);
    const Instant now = broker_->now() + later;
    broker_ = std::make_unique<TestBroker>(settings_, 2, now);
    broker_->step(StoreRecovered{store_.state(now)});
  }
  std::vector<std::string> run_all(int slots = 10) {
    broker_->forget();
    broker_->worker("w9");
    broker_->ready("w9", slots);
    std::vector<std::string> requests;
    for (std::string& text : broker_->sent()) {
      if (text.find(" REQUEST ") != std::string::npos) requests.push_back(std::move(text));
    }
    return requests;
  }
  // With a worker each time, and it is given up so long after each restart.
  void poison_takes_down_three_brokers(Duration until_given_up) {
    settings_.max_deliveries = 3;
    broker_ = std::make_unique<TestBroker>(settings_);
    broker_->request("c1", "poison", "guarantee");
    for (int life = 1; life <= 3; ++life) {
      broker_->worker("w" + std::to_string(life));
      broker_->ready("w" + std::to_string(life));
      restart();
      broker_->wait(until_given_up);
    }
  }
  std::string totals() { return broker_->view("status"); }

  BrokerSettings settings_;
  std::unique_ptr<TestBroker> broker_ = std::make_unique<TestBroker>(settings_);
  StoreModel store_;
};

TEST_F(RecoveryTest, JobsThatWaitedComeBackInOrderAndOthersDoNot) {
  broker_->request("c1", "j1", "guarantee");
  broker_->request("c1", "plain");
  broker_->request("c1", "j2", "guarantee,priority:9");
  broker_->request("c1", "j3", "guarantee");
  restart();
  EXPECT_THAT(totals(), HasSubstr(R"("recovered":3)"));
  EXPECT_THAT(totals(), HasSubstr(R"("totals":{"accepted":3,"done":0,"dead":0,"expired":0,"cancelled":0,"waiting":3)"));
  EXPECT_THAT(run_all(), ElementsAre("w9 REQUEST j2 #1", "w9 REQUEST j1 #1", "w9 REQUEST j3 #1"));
}

TEST_F(RecoveryTest, AJobThatHasEndedIsNotRunAgainAndItsReplyIsKnown) {
  broker_->worker("w1");
  broker_->ready("w1");
  broker_->request("c1", "j1", "guarantee,reply-requested");
  broker_->settle("w1", "j1", 1, Outcome::kOk, "5");
  restart();
  EXPECT_THAT(totals(), HasSubstr(R"("totals":{"accepted":1,"done":1)"));
  broker_->forget();
  broker_->request("c2", "j1", "guarantee,reply-requested");
  EXPECT_THAT(broker_->sent(), ElementsAre("c2 ACK j1", "c2 REPLY j1 ok 5"));
  EXPECT_THAT(run_all(), IsEmpty());
}

TEST_F(RecoveryTest, OfAJobThatHasEndedNobodyIsToldThatItNeverWas) {
  broker_->worker("w1");
  broker_->ready("w1");
  broker_->request("c1", "j1", "guarantee");
  broker_->settle("w1", "j1", 1, Outcome::kOk, "5");
  restart();
  const auto told = [this](const std::string& id) {
    broker_->forget();
    broker_->query("job", R"({"id": ")" + id + R"("})");
    return broker_->error_text();
  };
  EXPECT_EQ(told("j1"), "job j1 has ended, and what it ended with is not kept: result-ttl keeps it");
  EXPECT_EQ(told("j2"), "no job j2: it was never here, or it ended long ago");
}

TEST_F(RecoveryTest, AJobThatTakesDownItsWorkerAndTheBrokerIsCounted) {
  poison_takes_down_three_brokers(settings_.resume_grace);
  EXPECT_THAT(totals(), HasSubstr(R"("dead":1)"));
  EXPECT_THAT(run_all(), IsEmpty());
}

TEST_F(RecoveryTest, WithoutGraceItIsCountedToo) {
  settings_.resume_grace = Duration{};
  poison_takes_down_three_brokers(milliseconds(1));
  EXPECT_THAT(totals(), HasSubstr(R"("dead":1)"));
}

TEST_F(RecoveryTest, WithoutGraceAClaimThatComesFirstIsStillGood) {
  settings_.resume_grace = Duration{};
  broker_ = std::make_unique<TestBroker>(settings_);
  broker_->worker("w1");
  broker_->ready("w1");
  broker_->request("c1", "j1", "guarantee,reply-requested");
  restart();
  broker_->resume("w2", "w1", {{"j1", 1}});
  EXPECT_THAT(broker_->view("jobs"), HasSubstr(R"("state":"running","class":"guaranteed","attempt":1)"));
  EXPECT_THAT(broker_->view("jobs"), HasSubstr(R"("losses":0)"));
}

TEST_F(RecoveryTest, AnIdIsForgottenOnceItsWindowIsOver) {
  broker_->worker("w1");
  broker_->ready("w1");
  broker_->request("c1", "j1", "guarantee");
  broker_->settle("w1", "j1", 1);
  restart(settings_.dedupe_window);
  broker_->request("c2", "j1", "guarantee");
  EXPECT_THAT(run_all(), ElementsAre("w9 REQUEST j1 #1"));
}

TEST_F(RecoveryTest, AClientThatComesBackIsSentTheReply) {
  broker_->request("c1", "j1", "guarantee,reply-requested");
  restart();
  broker_->request("c2", "j1", "guarantee,reply-requested");
  EXPECT_THAT(broker_->sent(), ElementsAre("c2 ACK j1"));
  EXPECT_THAT(run_all(), ElementsAre("w9 REQUEST j1 #1"));
  broker_->settle("w9", "j1", 1, Outcome::kOk, "5");
  EXPECT_THAT(broker_->sent(), ElementsAre("c2 REPLY j1 ok 5"));
}

TEST_F(RecoveryTest, ARunningJobGoesOnAtItsWorkerWhenThatComesBack) {
  broker_->worker("w1");
  broker_->ready("w1");
  broker_->request("c1", "j1", "guarantee");
  restart();
  EXPECT_THAT(run_all(), IsEmpty()) << "its worker may still run it";
  broker_->resume("w2", "w1", {{"j1", 1}});
  broker_->wait(settings_.resume_grace * 2);
  broker_->forget();
  broker_->settle("w2", "j1", 1);
  EXPECT_THAT(totals(), HasSubstr(R"("done":1)"));
  EXPECT_THAT(totals(), HasSubstr(R"("resumed":1)"));
}

TEST_F(RecoveryTest, ARunningJobIsHandedOutAgainAndItsAttemptCountsWhenItsWorkerStaysAway) {
  broker_->worker("w1");
  broker_->ready("w1", 1);
  broker_->request("c1", "j1", "guarantee");
  broker_->request("c1", "j2", "guarantee");
  restart();
  EXPECT_THAT(broker_->view("job", R"({"id": "j1"})"),
              HasSubstr("its worker may come back with it; then it is run again"));
  broker_->wait(settings_.resume_grace);
  EXPECT_THAT(run_all(), ElementsAre("w9 REQUEST j1 #2", "w9 REQUEST j2 #1")) << "it takes its old place";
  broker_->forget();
  broker_->resume("w2", "w1", {{"j1", 1}});
  broker_->settle("w2", "j1", 1);
  EXPECT_THAT(totals(), HasSubstr(R"("late_results":1)")) << "another worker has it by now";
}

TEST_F(RecoveryTest, ARunningJobThatWaitsForItsWorkerCanBeCancelled) {
  broker_->worker("w1");
  broker_->ready("w1");
  broker_->request("c1", "j1", "guarantee");
  restart();
  broker_->cancel("c1", "j1");
  EXPECT_THAT(totals(), HasSubstr(R"("cancelled":1)"));
  broker_->wait(settings_.resume_grace);
  EXPECT_THAT(run_all(), IsEmpty());
}

TEST_F(RecoveryTest, DelaysExpiriesAndRetriesGoOn) {
  broker_->request("c1", "delayed", "guarantee,delay:100");
  broker_->request("c1", "expiring", "guarantee,expires:10");
  broker_->worker("w1", {{10, "other"}});
  broker_->ready("w1");
  broker_->request("c1", "retried", "guarantee,retry-count:2,backoff:1", "other");
  broker_->settle("w1", "retried", 1, Outcome::kError);
  restart(seconds(20));
  broker_->wait(seconds(1));
  EXPECT_THAT(totals(), HasSubstr(R"("expired":1)"));
  EXPECT_THAT(broker_->view("jobs"), HasSubstr(R"("retries_used":1)"));
  EXPECT_THAT(run_all(), IsEmpty());
  broker_->wait(seconds(80));
  EXPECT_THAT(broker_->sent(), Contains("w9 REQUEST delayed #1"));
}

TEST_F(RecoveryTest, AUniqueKeyIsStillTaken) {
  broker_->request("c1", "j1", "guarantee,unique:k");
  restart();
  broker_->request("c2", "j2", "guarantee,unique:k");
  EXPECT_THAT(totals(), HasSubstr(R"("merged":1)"));
}

TEST_F(RecoveryTest, AJobFromBeforeTheClockWasSetBackIsListedAndCancelled) {
  broker_->request("c1", "j1", "guarantee");
  restart(seconds(-60));
  EXPECT_THAT(broker_->view("jobs"), HasSubstr(R"("id":"j1")"));
  EXPECT_THAT(broker_->view("cancel", R"({"all": true})"), HasSubstr(R"("done": 1)"));
}

TEST_F(RecoveryTest, NewKeysGoOnBehindTheOldOnes) {
  broker_->request("c1", "j1", "guarantee");
  restart();
  broker_->request("c1", "j2", "guarantee");
  const std::vector<JobRecord> records = broker_->records();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(std::get<JobAccepted>(records[0]).key, 2u);
}

// --- A store that cannot keep anything for a while ---

TEST_F(RecoveryTest, WhileTheStoreIsAwayGuaranteedJobsAreRefusedAndPlainOnesAreNot) {
  broker_->step(StoreChanged{false, "the disk is full"});
  broker_->request("c1", "j1", "guarantee");
  broker_->request("c1", "j2");
  EXPECT_THAT(broker_->sent(), ElementsAre("c1 ERROR store-unavailable j1", "c1 ACK j2"));
  EXPECT_THAT(totals(), HasSubstr(R"("available":false,"fault":"the disk is full")"));
  broker_->step(StoreChanged{true, ""});
  broker_->forget();
  broker_->request("c1", "j1", "guarantee");
  EXPECT_THAT(broker_->sent(), ElementsAre("c1 ACK j1"));
}

TEST_F(RecoveryTest, WhileTheStoreIsAwayJobsThatItHoldsAreRunAndTheirSlotsNotHeldUp) {
  broker_->request("c1", "j1", "guarantee");
  broker_->step(StoreChanged{false, "the disk is full"});
  broker_->worker("w1");
  broker_->sends();
  broker_->ready("w1");
  const std::vector<Send> sends = broker_->sends();
  ASSERT_EQ(sends.size(), 1u);
  EXPECT_EQ(sends[0].after, 1u) << "what waits is the job's own commit, not that of its attempt";
}

TEST_F(RecoveryTest, ADuplicateWhileTheStoreIsAwayIsStillKnown) {
  broker_->request("c1", "j1", "guarantee");
  broker_->step(StoreChanged{false, "the disk is full"});
  broker_->forget();
  broker_->request("c1", "j1", "guarantee");
  EXPECT_THAT(broker_->sent(), ElementsAre("c1 ACK j1"));
}

// The store cannot be opened at the start, and is while the broker runs.
class LateRecoveryTest : public RecoveryTest {
 protected:
  void restart_without_store(Duration later = seconds(1)) {
    for (const JobRecord& record : broker_->records()) store_.apply(record);
    broker_ = std::make_unique<TestBroker>(settings_, 2, broker_->now() + later);
    broker_->step(StoreChanged{false, "the disk is full", 0});
    broker_->forget();
  }
  void open_store() {
    broker_->step(StoreRecovered{store_.state(broker_->now())});
    broker_->step(StoreChanged{true, ""});
  }
};

TEST_F(LateRecoveryTest, PlainJobsRunAndGuaranteedOnesAreRefusedUntilThen) {
  broker_->request("c1", "j1", "guarantee");
  restart_without_store();
  broker_->worker("w1");
  broker_->ready("w1");
  broker_->request("c1", "plain", "reply-requested");
  broker_->settle("w1", "plain", 1, Outcome::kOk, "5");
  EXPECT_THAT(broker_->sent(), Contains("c1 REPLY plain ok 5"));
  broker_->forget();
  broker_->request("c1", "j2", "guarantee");
  EXPECT_THAT(broker_->sent(), ElementsAre(HasSubstr("c1 ERROR store-unavailable j2")));
  broker_->forget();
  open_store();
  EXPECT_THAT(broker_->sent(), ElementsAre("w1 REQUEST j1 #1")) << "the worker was there before it";
  broker_->forget();
  broker_->request("c1", "j2", "guarantee");
  EXPECT_THAT(broker_->sent(), ElementsAre("c1 ACK j2"));
}

TEST_F(LateRecoveryTest, ListingsSayThatTheyAreIncompleteAndOrdersAreRefusedUntilThen) {
  settings_.store_durable = true;
  broker_->request("c1", "j1", "guarantee,delay:60");
  restart_without_store();
  const auto is_incomplete = HasSubstr(R"("incomplete":"the store cannot be asked: the disk is full")");
  EXPECT_THAT(broker_->view("jobs"), is_incomplete);
  EXPECT_THAT(broker_->view("queues"), is_incomplete);
  EXPECT_EQ(broker_->view("job", R"({"id": "j1"})"), "store-unavailable");
  EXPECT_EQ(broker_->view("cancel", R"({"id": "j1"})"), "store-unavailable");
  for (const char* order : {"cancel", "jobs-retry", "jobs-delete"}) {
    EXPECT_THAT(broker_->view(order, R"({"all": true})"), HasSubstr(R"("next": "s0")")) << order;
    EXPECT_EQ(broker_->view(order, R"({"all": true, "after": "s0"})"), "store-unavailable") << order;
  }
  broker_->forget();
  broker_->cancel("c1", "j1");
  EXPECT_THAT(broker_->sent(), ElementsAre("c1 ERROR store-unavailable cancel-j1"));
  open_store();
  EXPECT_THAT(broker_->view("jobs"), Not(HasSubstr("incomplete")));
  EXPECT_THAT(broker_->view("queues"), Not(HasSubstr("incomplete")));
  EXPECT_THAT(broker_->view("cancel", R"({"all": true})"), HasSubstr(R"({"done": 1, "asked": 0, "refused": 0})"));
}

TEST_F(LateRecoveryTest, AStoreThatWasOpenedAndHoldsNothingIsKnownWhileItIsAway) {
  broker_->step(StoreRecovered{{}, 1});
  broker_->step(StoreChanged{false, "the disk is full"});
  EXPECT_EQ(broker_->view("jobs"), R"({"jobs":[]})");
  EXPECT_EQ(broker_->view("cancel", R"({"id": "j1"})"), "unknown-job");
  EXPECT_EQ(broker_->view("cancel", R"({"all": true})"), R"({"done": 0, "asked": 0, "refused": 0})");
}

TEST_F(LateRecoveryTest, WhatTheQueuesCountIsAddedToWhatEarlierLivesCounted) {
  broker_->worker("w1");
  broker_->ready("w1");
  broker_->request("c1", "j1", "guarantee");
  broker_->settle("w1", "j1", 1);
  broker_->request("c1", "j2", "guarantee,delay:60");
  restart_without_store();
  broker_->worker("w1");
  broker_->ready("w1");
  broker_->request("c1", "plain");
  broker_->settle("w1", "plain", 1);
  broker_->request("c1", "later", "delay:60");
  open_store();
  EXPECT_THAT(totals(), HasSubstr(R"("totals":{"accepted":4,"done":2,"dead":0,"expired":0,"cancelled":0,"waiting":0,)"
                                  R"("delayed":2)"));
}

TEST_F(LateRecoveryTest, AWorkerThatRunsAJobOfTheStoreGoesOnWithIt) {
  broker_->worker("w1");
  broker_->ready("w1", 2);
  broker_->request("c1", "j1", "guarantee,reply-requested");
  restart_without_store();
  broker_->resume("w2", "w1", {{"j1", 1}});
  broker_->ready("w2");
  broker_->request("c1", "plain");
  broker_->forget();
  open_store();
  EXPECT_THAT(broker_->sent(), IsEmpty());
  EXPECT_THAT(broker_->view("jobs"), HasSubstr(R"("state":"running","class":"guaranteed","attempt":1)"));
  broker_->request("c1", "j1", "guarantee,reply-requested");
  broker_->settle("w2", "plain", 1);
  broker_->wait(settings_.resume_grace * 2);
  broker_->forget();
  broker_->settle("w2", "j1", 1, Outcome::kOk, "5");
  EXPECT_THAT(broker_->sent(), ElementsAre("c1 REPLY j1 ok 5"));
  EXPECT_THAT(totals(), HasSubstr(R"("done":2)"));
  EXPECT_THAT(totals(), HasSubstr(R"("resumed":1)"));
  EXPECT_THAT(broker_->view("workers"), HasSubstr(R"("slots_free":2,"running":0)")) << "each result freed a slot";
}

TEST_F(LateRecoveryTest, AWorkerThatLeavesGoesOnWithItToo) {
  broker_->worker("w1");
  broker_->ready("w1");
  broker_->request("c1", "j1", "guarantee");
  restart_without_store();
  broker_->resume("w2", "w1", {{"j1", 1}});
  broker_->say("w2", Disconnect{});
  broker_->worker("w3");
  broker_->ready("w3");
  open_store();
  broker_->forget();
  broker_->wait(settings_.resume_grace * 2);
  EXPECT_THAT(broker_->sent(), IsEmpty()) << "it is not run a second time";
  broker_->settle("w2", "j1", 1);
  EXPECT_THAT(totals(), HasSubstr(R"("totals":{"accepted":1,"done":1)"));
}

TEST_F(LateRecoveryTest, AJobGoesOnInTheNewestConversationOfItsWorker) {
  broker_->worker("w1");
  broker_->ready("w1");
  broker_->request("c1", "j1", "guarantee");
  restart_without_store();
  broker_->resume("w2", "w1", {{"j1", 1}});
  broker_->resume("w3", "w1", {{"j1", 1}});  // our ACK never reached w2
  open_store();
  broker_->lose("w2");
  broker_->settle("w3", "j1", 1);
  EXPECT_THAT(totals(), HasSubstr(R"("totals":{"accepted":1,"done":1)"));
}

TEST_F(LateRecoveryTest, OneWhoseResultCameTooEarlyRunsAgain) {
  broker_->worker("w1");
  broker_->ready("w1");
  broker_->request("c1", "j1", "guarantee");
  restart_without_store();
  broker_->resume("w2", "w1", {{"j1", 1}});
  broker_->settle("w2", "j1", 1);
  open_store();
  broker_->forget();
  broker_->wait(settings_.resume_grace);
  EXPECT_THAT(broker_->sent(), ElementsAre("w2 REQUEST j1 #2"));
}

TEST_F(LateRecoveryTest, ResultsOfNoJobFreeNoSlotInWhichAJobIsGivenBack) {
  broker_->worker("w1");
  broker_->ready("w1");
  broker_->request("c1", "j1", "guarantee");
  restart_without_store();
  broker_->resume("w2", "w1", {{"j1", 1}});
  broker_->settle("w2", "nobodys", 1);
  open_store();
  broker_->settle("w2", "nobodys", 1);
  broker_->request("c1", "j2");
  broker_->forget();
  broker_->request("c1", "j3");
  EXPECT_THAT(broker_->sent(), ElementsAre("c1 ACK j3")) << "its only slot runs j1";
  broker_->settle("w2", "j1", 1);
  EXPECT_THAT(broker_->sent(), Contains("w2 REQUEST j2 #1"));
}

TEST_F(LateRecoveryTest, APlainJobWithTheIdOfOneInTheStoreIsLost) {
  broker_->request("c1", "same", "guarantee");
  restart_without_store();
  broker_->request("c2", "same", "reply-requested");
  broker_->forget();
  open_store();
  EXPECT_THAT(broker_->sent(), ElementsAre(HasSubstr("c2 REPLY same lost")));
  EXPECT_THAT(run_all(), ElementsAre("w9 REQUEST same #1"));
  broker_->settle("w9", "same", 1);
  EXPECT_THAT(totals(), HasSubstr(R"("totals":{"accepted":2,"done":1,"dead":1)"));
}

TEST_F(LateRecoveryTest, OneThatRunsAlreadyIsToo_AndItsSlotIsFreedByItsResult) {
  broker_->request("c1", "j1", "guarantee,unique:key");
  restart_without_store();
  broker_->worker("w1");
  broker_->ready("w1");
  broker_->request("c2", "plain", "reply-requested,unique:key");
  broker_->request("c3", "follower", "reply-requested,unique:key");
  broker_->forget();
  open_store();
  EXPECT_THAT(broker_->sent(), ElementsAre(HasSubstr("c2 REPLY plain lost"), HasSubstr("c3 REPLY follower lost")));
  broker_->request("c4", "j2", "reply-requested,unique:key");
  EXPECT_THAT(broker_->sent(), ElementsAre("c4 ACK j2")) << "it shares the job of the store";
  broker_->settle("w1", "plain", 1);
  EXPECT_THAT(broker_->sent(), ElementsAre("w1 REQUEST j1 #1"));
  broker_->settle("w1", "j1", 1, Outcome::kOk, "5");
  EXPECT_THAT(broker_->sent(), Contains("c4 REPLY j2 ok 5"));
}

TEST_F(LateRecoveryTest, AJobWhoseIdIsThatOfARequestThatJoinedAnotherEndsThatOne) {
  broker_->request("c1", "follower", "guarantee");
  restart_without_store();
  broker_->request("c2", "plain", "unique:key");
  broker_->request("c3", "follower", "reply-requested,unique:key");
  broker_->forget();
  open_store();
  EXPECT_THAT(broker_->sent(), ElementsAre(HasSubstr("c3 REPLY follower lost")));
  EXPECT_THAT(run_all(), ElementsAre("w9 REQUEST follower #1"));
}

}  // namespace
}  // namespace eventmq
