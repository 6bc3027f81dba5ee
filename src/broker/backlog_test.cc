// Guaranteed jobs for which there is no room in memory, over a store that answers when the test says so.
#include "src/broker/test_broker.h"
#include "testing/store_model.h"

namespace eventmq {
namespace {

class BacklogTest : public ::testing::Test {
 protected:
  static BrokerSettings small_window() {
    BrokerSettings settings;
    settings.store_durable = true;
    settings.window_jobs = 2;
    return settings;
  }
  void begin(BrokerSettings settings) {
    settings_ = settings;
    broker_ = std::make_unique<TestBroker>(settings_);
  }
  // Lets the store write what it was given.
  void store() {
    for (const JobRecord& record : broker_->records()) store_.apply(record);
  }
  // And answer what it was asked, until nothing is asked any more.
  void answer() {
    store();
    for (const StoreQuestion& question : broker_->questions()) broker_->step(store_.answer(question));
    for (std::vector<BacklogClaim> claims = broker_->claims(); !claims.empty(); claims = broker_->claims()) {
      for (const BacklogClaim& claim : claims) broker_->step(store_.claim(claim));
      store();
    }
  }
  void restart(Duration later = seconds(1)) {
    store();
    const Instant now = broker_->now() + later;
    broker_ = std::make_unique<TestBroker>(settings_, 2, now);
    broker_->step(StoreRecovered{store_.state(now, {settings_.dedupe_window, settings_.dedupe_ids})});
  }
  void accept(int count, const std::string& headers = "guarantee", int from = 1) {
    for (int i = from; i < from + count; ++i) broker_->request("c1", "j" + std::to_string(i), headers);
  }
  // Runs everything, one after the other, on one slot.
  std::vector<std::string> run_all(const std::string& worker = "w1") {
    std::vector<std::string> order;
    broker_->forget();
    broker_->worker(worker);
    broker_->ready(worker);
    for (answer();; answer()) {
      std::string id;
      uint32_t attempt = 0;
      for (const Send& send : broker_->sends()) {
        const auto* request = std::get_if<Request>(&send.message.body);
        if (request) std::tie(id, attempt) = std::pair(send.message.id.str(), request->attempt);
      }
      if (id.empty()) return order;
      order.push_back(attempt == 1 ? id : id + " again");
      broker_->settle(worker, id, attempt);
    }
  }
  std::string totals() { return broker_->view("status"); }

  BrokerSettings settings_ = small_window();
  std::unique_ptr<TestBroker> broker_ = std::make_unique<TestBroker>(settings_);
  StoreModel store_;
};

TEST_F(BacklogTest, JobsBeyondTheWindowComeBackInOrderAsSlotsFree) {
  accept(9);
  EXPECT_THAT(totals(), HasSubstr(R"("waiting":9,"delayed":0,"running":0,"backlog":7)"));
  EXPECT_THAT(broker_->claims(), IsEmpty()) << "nobody serves the queue";
  EXPECT_THAT(run_all(), ElementsAre("j1", "j2", "j3", "j4", "j5", "j6", "j7", "j8", "j9"));
  EXPECT_THAT(totals(), HasSubstr(R"("totals":{"accepted":9,"done":9)"));
  EXPECT_TRUE(store_.backlog().empty());
}

TEST_F(BacklogTest, PlainJobsThatTookTheirIdsWhileTheStoreWasAwayDoNotTakeTheirPlace) {
  accept(4);
  store();
  broker_ = std::make_unique<TestBroker>(settings_, 2, broker_->now() + seconds(1));
  broker_->step(StoreChanged{false, "the disk is full", 0});
  broker_->worker("w0");
  broker_->ready("w0");
  broker_->request("c2", "j3");
  broker_->settle("w0", "j3", 1);
  broker_->request("c2", "j4", "reply-requested,delay:3600");
  broker_->lose("w0");
  broker_->step(StoreRecovered{store_.state(broker_->now())});
  broker_->step(StoreChanged{true, ""});
  EXPECT_THAT(run_all(), ElementsAre("j1", "j2", "j3", "j4"));
  EXPECT_THAT(totals(), HasSubstr(R"("totals":{"accepted":6,"done":5,"dead":1)")) << "the plain j4 is lost";
}

TEST_F(BacklogTest, AJobThatHasEndedIsNotRunAgainAfterARestartHoweverManyWait) {
  settings_.dedupe_ids = 4;
  begin(settings_);
  broker_->worker("w0", {{10, "other"}});
  broker_->ready("w0", 2);
  broker_->request("c1", "early", "guarantee", "other");
  broker_->settle("w0", "early", 1);
  accept(9);
  broker_->wait(seconds(1));
  broker_->request("c1", "late", "guarantee", "other");
  broker_->settle("w0", "late", 1);
  restart();
  for (const char* id : {"late", "early"}) broker_->request("c1", id, "guarantee", "other");
  for (const char* id : {"j9", "j8"}) broker_->request("c1", id, "guarantee");
  EXPECT_THAT(totals(), HasSubstr(R"("totals":{"accepted":11,"done":2,)")) << "nothing was accepted again";
  broker_->request("c1", "j7", "guarantee");
  EXPECT_THAT(totals(), HasSubstr(R"("totals":{"accepted":12,)")) << "of those that wait only the newest fit";
  EXPECT_THAT(run_all(), ElementsAre("j1", "j2", "j3", "j4", "j5", "j6", "j7", "j8", "j9"));
}

TEST_F(BacklogTest, AJobThatWasAcceptedAgainAfterItsEndRunsAfterARestart) {
  settings_.dedupe_ids = 1;
  begin(settings_);
  broker_->worker("w0");
  broker_->ready("w0", 2);
  for (const char* id : {"again", "other"}) {
    broker_->request("c1", id, "guarantee");
    broker_->settle("w0", id, 1);
  }
  broker_->lose("w0");
  accept(2);
  broker_->request("c1", "again", "guarantee");
  settings_.dedupe_ids = 100;
  restart();
  EXPECT_THAT(run_all(), ElementsAre("j1", "j2", "again"));
}

class RetriedLetterTest : public BacklogTest {
 protected:
  // A dead letter waits in the store to be run again, and where not all ids fit only its earlier end is known.
  void SetUp() override {
    settings_.dedupe_ids = 3;
    begin(settings_);
    broker_->worker("w0");
    broker_->ready("w0", 3);
    for (const char* id : {"dead", "a", "b"}) {
      broker_->request("c1", id, "guarantee");
      broker_->settle("w0", id, 1, *id == 'd' ? Outcome::kError : Outcome::kOk);
      broker_->wait(seconds(1));
    }
    broker_->lose("w0");
    accept(2);
    store();
    broker_->query("dead-retry", R"({"id": "dead"})");
    answer();
    store();
    EXPECT_EQ(store_.backlog().size(), 1u);
    restart();
  }
};

TEST_F(RetriedLetterTest, RunsAfterARestartHoweverFewIdsAreKnown) {
  EXPECT_THAT(run_all(), ElementsAre("j1", "j2", "dead"));
  EXPECT_THAT(totals(), HasSubstr(R"("done":5,"dead":1,"expired":0,"cancelled":0)"));
}

TEST_F(RetriedLetterTest, IsCancelledAfterARestartHoweverFewIdsAreKnown) {
  broker_->forget();
  broker_->cancel("c1", "dead");
  broker_->query("cancel", R"({"id": "b"})");
  answer();
  EXPECT_THAT(broker_->sent(), UnorderedElementsAre("c1 ACK cancel-dead", "admin ERROR unknown-job query"));
  EXPECT_THAT(run_all(), ElementsAre("j1", "j2"));
}

TEST_F(BacklogTest, TheAckOfAJobOfTheBacklogWaitsForItsCommit) {
  accept(2);
  broker_->forget();
  broker_->request("c1", "j3", "guarantee");
  const std::vector<Send> sends = broker_->sends();
  ASSERT_EQ(sends.size(), 1u);
  EXPECT_EQ(text_of(sends[0]), "c1 ACK j3");
  EXPECT_EQ(sends[0].after, 3u);
}

TEST_F(BacklogTest, WhatCameLaterDoesNotOvertake) {
  accept(4);
  broker_->worker("w1");
  broker_->ready("w1", 2);  // j1 and j2 run; there is room again
  broker_->request("c1", "j5", "guarantee");
  EXPECT_THAT(totals(), HasSubstr(R"("backlog":3)"));
  answer();
  broker_->forget();
  broker_->ready("w1", 3);
  answer();
  EXPECT_THAT(broker_->sent(), ElementsAre("w1 REQUEST j3 #1", "w1 REQUEST j4 #1", "w1 REQUEST j5 #1"));
}

TEST_F(BacklogTest, APriorityIsKeptThere) {
  accept(5);
  broker_->request("c1", "urgent", "guarantee,priority:9");
  EXPECT_THAT(run_all(), ElementsAre("j1", "urgent", "j2", "j3", "j4", "j5"))
      << "the first slot is free before the store can answer";
}

TEST_F(BacklogTest, PlainJobsAreRefusedAndNotStored) {
  settings_.jobs_per_queue = 3;
  begin(settings_);
  accept(5);
  broker_->forget();
  accept(2, "", 6);
  EXPECT_THAT(broker_->sent(), ElementsAre("c1 ACK j6", "c1 ERROR queue-full j7"));
}

TEST_F(BacklogTest, WithoutADurableStoreThereIsNone) {
  settings_.store_durable = false;
  settings_.jobs_per_queue = 3;
  begin(settings_);
  broker_->forget();
  accept(4);
  EXPECT_THAT(broker_->sent(), ElementsAre("c1 ACK j1", "c1 ACK j2", "c1 ACK j3", "c1 ERROR queue-full j4"));
}

TEST_F(BacklogTest, AJobWithAUniqueKeyStaysInMemory) {
  accept(3);
  broker_->request("c1", "u1", "guarantee,unique:k");
  broker_->request("c1", "u2", "guarantee,unique:k");
  EXPECT_THAT(totals(), HasSubstr(R"("backlog":1)"));
  EXPECT_THAT(totals(), HasSubstr(R"("merged":1)"));
}

TEST_F(BacklogTest, ADelayedJobComesBackAtItsTime) {
  accept(2);
  broker_->request("c1", "later", "guarantee,delay:60");
  EXPECT_THAT(totals(), HasSubstr(R"("waiting":2,"delayed":1,"running":0,"backlog":1)"));
  EXPECT_THAT(run_all(), ElementsAre("j1", "j2"));
  broker_->wait(seconds(59));
  EXPECT_THAT(broker_->claims(), IsEmpty());
  broker_->wait(seconds(1));
  answer();
  EXPECT_THAT(broker_->sent(), Contains("w1 REQUEST later #1"));
}

TEST_F(BacklogTest, OneThatExpiresThereIsToldOfAtItsTimeAlthoughNobodyServesTheQueue) {
  accept(2);
  broker_->request("c1", "j3", "guarantee,expires:10,reply-requested");
  broker_->forget();
  broker_->wait(seconds(9));
  answer();
  EXPECT_THAT(broker_->sent(), IsEmpty());
  broker_->wait(seconds(1));
  answer();
  EXPECT_THAT(broker_->sent(), ElementsAre(HasSubstr("c1 REPLY j3 expired")));
  EXPECT_THAT(totals(), HasSubstr(R"("expired":1)"));
  EXPECT_TRUE(store_.backlog().empty());
}

TEST_F(BacklogTest, AReplyIsSentThoughTheFirstSenderWantedNone) {
  accept(4);
  broker_->request("c2", "j4", "guarantee,reply-requested");
  broker_->worker("w1");
  broker_->ready("w1", 4);
  answer();
  broker_->forget();
  for (const char* id : {"j1", "j2", "j3", "j4"}) broker_->settle("w1", id, 1, Outcome::kOk, "5");
  EXPECT_THAT(broker_->sent(), ElementsAre("c2 REPLY j4 ok 5"));
}

TEST_F(BacklogTest, AReplyGoesToWhoAskedAndAfterARepetitionToTheNewSender) {
  accept(2);
  accept(2, "guarantee,reply-requested", 3);
  broker_->forget();
  broker_->request("c2", "j4", "guarantee,reply-requested");
  EXPECT_THAT(broker_->sent(), ElementsAre("c2 ACK j4"));
  broker_->worker("w1");
  broker_->ready("w1", 4);
  answer();
  broker_->forget();
  for (const char* id : {"j1", "j2", "j3", "j4"}) broker_->settle("w1", id, 1, Outcome::kOk, "5");
  EXPECT_THAT(broker_->sent(), ElementsAre("c1 REPLY j3 ok 5", "c2 REPLY j4 ok 5"));
  EXPECT_THAT(totals(), HasSubstr(R"("duplicates":1)"));
}

TEST_F(BacklogTest, ARestartTakesNothingOfItIntoMemoryAndKnowsItsIds) {
  accept(6);
  broker_->request("c1", "j7", "guarantee,reply-requested");
  restart();
  EXPECT_THAT(totals(), HasSubstr(R"("accepted":7,"done":0,"dead":0,"expired":0,"cancelled":0,"waiting":7)"));
  EXPECT_THAT(totals(), HasSubstr(R"("backlog":5)"));
  EXPECT_THAT(totals(), HasSubstr(R"("recovered":7)"));
  broker_->forget();
  broker_->request("c1", "j6", "guarantee");
  EXPECT_THAT(broker_->sent(), ElementsAre("c1 ACK j6"));
  EXPECT_THAT(run_all(), ElementsAre("j1", "j2", "j3", "j4", "j5", "j6", "j7"));
}

TEST_F(BacklogTest, ARestartInTheMidstOfAClaimLosesAndDoublesNothing) {
  accept(6);
  broker_->worker("w1");
  broker_->ready("w1", 2);
  answer();
  restart();  // j1 and j2 ran, others were claimed and wait in memory
  broker_->wait(settings_.resume_grace);
  EXPECT_THAT(run_all("w2"), UnorderedElementsAre("j1 again", "j2 again", "j3", "j4", "j5", "j6"));
}

TEST_F(BacklogTest, OneThatIsToBeRetriedGoesThereWhenTheWindowIsFull) {
  accept(1, "guarantee,retry-count:3");
  broker_->worker("w1");
  broker_->ready("w1", 1);
  accept(2, "guarantee,delay:1000", 2);
  broker_->settle("w1", "j1", 1, Outcome::kError);
  EXPECT_THAT(totals(), HasSubstr(R"("delayed":3,"running":0,"backlog":1)"));
  EXPECT_THAT(totals(), HasSubstr(R"("retries":1)"));
  answer();
  broker_->forget();
  broker_->wait(settings_.retry_backoff);
  answer();
  EXPECT_THAT(broker_->sent(), ElementsAre("w1 REQUEST j1 #2"));
}

TEST_F(BacklogTest, AWorkerWithNothingElseToDoGetsAJobThoughMemoryIsFull) {
  settings_.memory_bytes = 8'000;
  settings_.window_jobs = 1'000;
  begin(settings_);
  for (int i = 0; i < 20; ++i) broker_->request("c1", "other" + std::to_string(i), "guarantee", "nobody serves");
  accept(3);
  EXPECT_THAT(run_all(), ElementsAre("j1", "j2", "j3"));
}

TEST_F(BacklogTest, AJobLargerThanTheWindowIsRun) {
  settings_.memory_bytes = 8'000;
  begin(settings_);
  broker_->request("c1", "large", "guarantee", "default", std::string(20'000, 'x'));
  EXPECT_THAT(run_all(), ElementsAre("large"));
}

TEST_F(BacklogTest, ARequestThatComesAgainAfterItsIdWasForgottenIsRunOnce) {
  settings_.dedupe_window = seconds(10);
  begin(settings_);
  accept(3);
  broker_->wait(seconds(20));
  EXPECT_THAT(run_all(), ElementsAre("j1", "j2", "j3"));
  accept(2, "guarantee,delay:1000", 10);
  broker_->request("c1", "j20", "guarantee,delay:100");
  broker_->wait(seconds(20));
  broker_->request("c1", "j20", "guarantee,priority:9");  // its id is forgotten
  answer();
  broker_->forget();
  broker_->wait(seconds(100));
  answer();
  EXPECT_THAT(broker_->sent(), Not(Contains(HasSubstr("REQUEST j20"))));
  broker_->settle("w1", "j20", 1);
  EXPECT_THAT(totals(), HasSubstr(R"("accepted":7,"done":4,"dead":0,"expired":0,"cancelled":1)"));
}

TEST_F(BacklogTest, AShutdownDoesNotWaitForIt) {
  accept(5);
  broker_->worker("w1");
  answer();
  broker_->ready("w1", 1);
  store();
  broker_->shut_down();
  answer();
  for (const char* id : {"j1", "j2", "j3", "j4"}) {
    broker_->settle("w1", id, 1);
    if (broker_->stopped()) break;
  }
  EXPECT_TRUE(broker_->stopped());
  EXPECT_GT(store_.backlog().size(), 0u);
}

// --- What people ask ---

TEST_F(BacklogTest, AJobOfTheBacklogIsCancelledOnceTheStoreHasFoundIt) {
  accept(4);
  broker_->request("c1", "j5", "guarantee,reply-requested");
  broker_->forget();
  broker_->cancel("c1", "j5");
  broker_->query("cancel", R"({"id": "j4"})");
  EXPECT_THAT(broker_->sent(), IsEmpty());
  answer();
  EXPECT_THAT(broker_->sent(), ElementsAre(HasSubstr("c1 REPLY j5 cancelled"), "c1 ACK cancel-j5",
                                           R"(admin REPLY query {"cancelled": true})"));
  EXPECT_THAT(run_all(), ElementsAre("j1", "j2", "j3"));
  EXPECT_THAT(totals(), HasSubstr(R"("cancelled":2)"));
}

TEST_F(BacklogTest, AnIdThatIsNowhereIsUnknownAndOneThatIsClaimedMeanwhileIsCancelled) {
  accept(4);
  broker_->forget();
  broker_->cancel("c1", "nowhere");
  broker_->cancel("c1", "j3");
  broker_->worker("w1");
  answer();
  EXPECT_THAT(broker_->sent(),
              UnorderedElementsAre(HasSubstr("w1 ACK"), "c1 ERROR unknown-job cancel-nowhere", "c1 ACK cancel-j3"));
  EXPECT_THAT(run_all("w2"), ElementsAre("j1", "j2", "j4"));
}

TEST_F(BacklogTest, TwoWhoCancelTheSameJobEndItOnce) {
  accept(3);
  broker_->forget();
  broker_->cancel("c1", "j3");
  broker_->cancel("c2", "j3");
  answer();
  EXPECT_THAT(broker_->sent(), ElementsAre("c1 ACK cancel-j3", "c2 ERROR unknown-job cancel-j3"));
  EXPECT_THAT(totals(), HasSubstr(R"("cancelled":1)"));
}

TEST_F(BacklogTest, TooManyQuestionsAreRefused) {
  accept(3);
  broker_->forget();
  for (size_t i = 0; i <= limits::kOpenQuestions; ++i) broker_->cancel("c1", "x" + std::to_string(i));
  EXPECT_THAT(broker_->sent(), ElementsAre("c1 ERROR queue-full cancel-x16"));
  answer();
  broker_->forget();
  broker_->cancel("c1", "j3");
  answer();
  EXPECT_THAT(broker_->sent(), ElementsAre("c1 ACK cancel-j3"));
}

TEST_F(BacklogTest, AListingGoesOnInTheStorePageByPage) {
  accept(7);
  broker_->query("jobs", R"({"limit": 4})");
  answer();
  const std::vector<std::string> first = broker_->sent();
  EXPECT_THAT(first.back(), HasSubstr(R"("id":"j4","queue":"default")"));
  EXPECT_THAT(first.back(), HasSubstr(R"("in_store":true)"));
  EXPECT_THAT(first.back(), HasSubstr(R"("next":"s4"})"));
  broker_->query("jobs", R"({"limit": 4, "after": "s4"})");
  answer();
  const std::string second = broker_->sent().back();
  EXPECT_THAT(second, Not(HasSubstr(R"("id":"j4")")));
  EXPECT_THAT(second, HasSubstr(R"("id":"j5")"));
  EXPECT_THAT(second, HasSubstr(R"("id":"j7")"));
  EXPECT_THAT(second, Not(HasSubstr("next")));
}

TEST_F(BacklogTest, AListingIsFilteredByNameQueueAndState) {
  accept(2);
  broker_->request("c1", "a", "guarantee", "default", R"(["run", {"path": "math", "callable": "add"}])");
  broker_->request("c1", "b", "guarantee,delay:100", "default", R"(["run", {"path": "math", "callable": "mul"}])");
  const auto listed = [&](const std::string& arguments) {
    broker_->forget();
    broker_->query("jobs", arguments);
    answer();
    return broker_->sent().back();
  };
  EXPECT_THAT(listed(R"({"name": "math.add"})"), HasSubstr(R"({"jobs":[{"id":"a")"));
  EXPECT_THAT(listed(R"({"state": "delayed"})"), HasSubstr(R"({"jobs":[{"id":"b")"));
  EXPECT_THAT(listed(R"({"queue": "other"})"), HasSubstr(R"({"jobs":[])"));
  EXPECT_THAT(listed(R"({"state": "running"})"), HasSubstr(R"({"jobs":[])"));
}

TEST_F(BacklogTest, AJobOfTheBacklogIsShownAndExplained) {
  accept(3);
  broker_->forget();
  broker_->query("job", R"({"id": "j3"})");
  answer();
  EXPECT_THAT(broker_->sent(), ElementsAre(HasSubstr("It is in the store and waits because no worker serves queue")));
  broker_->query("job", R"({"id": "j9"})");
  answer();
  EXPECT_THAT(broker_->sent(), ElementsAre("admin ERROR unknown-job query"));
}

TEST_F(BacklogTest, AFaultOfTheStoreIsTold) {
  accept(3);
  broker_->forget();
  broker_->query("job", R"({"id": "j3"})");
  const StoreQuestion question = broker_->questions().at(0);
  broker_->step(StoreAnswer{.number = question.number, .error = Error{ErrorCode::kStoreUnavailable, "the disk"}});
  EXPECT_THAT(broker_->sent(), ElementsAre("admin ERROR store-unavailable query"));
}

TEST_F(BacklogTest, AnIdleQueueIsForgottenWithItsTimers) {
  accept(3, "guarantee,expires:5");
  for (int i = 0; i < 3; ++i) {
    broker_->wait(seconds(5));
    answer();
  }
  EXPECT_THAT(totals(), HasSubstr(R"("accepted":3,"done":0,"dead":0,"expired":3)"));
}

}  // namespace
}  // namespace eventmq
