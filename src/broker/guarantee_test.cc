// What the broker asks the store to keep, and what waits for it. Nothing about a guaranteed job leaves the broker
// before its record is durable.
#include "src/broker/test_broker.h"

namespace eventmq {
namespace {

class GuaranteeTest : public ::testing::Test {
 protected:
  // The records since last asked, as text.
  std::vector<std::string> records() {
    struct Text {
      std::string operator()(const JobAccepted& r) const {
        return fmt::format("accepted {} {} [{}]", r.id.view(), r.queue.view(), r.headers.text.view());
      }
      std::string operator()(const AttemptStarted& r) const {
        return fmt::format("started {} #{} after {} losses", r.id.view(), r.attempt, r.losses);
      }
      std::string operator()(const JobRequeued& r) const {
        return fmt::format("requeued {} {} retries used", r.id.view(), r.retries_used);
      }
      std::string operator()(const IdRemembered& r) const { return fmt::format("remembered {}", r.id.view()); }
      std::string operator()(const JobEnded& r) const {
        return fmt::format("ended {} {}", r.id.view(), outcome_word(r.outcome));
      }
      std::string operator()(const DeadLetterRemoved& r) const { return fmt::format("letter {} removed", r.key); }
      std::string operator()(const ResultKept& r) const {
        return fmt::format("result {} {}", r.id.view(), outcome_word(r.outcome));
      }
      std::string operator()(const ResultRemoved& r) const { return fmt::format("result {} removed", r.id.view()); }
    };
    std::vector<std::string> texts;
    for (const JobRecord& record : broker_.records()) texts.push_back(std::visit(Text{}, record));
    return texts;
  }
  // Each send but heartbeats, with the commit that it waits for.
  std::vector<std::string> waits() {
    std::vector<std::string> texts;
    for (const Send& send : broker_.sends()) {
      if (!std::holds_alternative<Heartbeat>(send.message.body)) {
        texts.push_back(fmt::format("{} after {}", text_of(send), send.after));
      }
    }
    return texts;
  }
  void run_job(const std::string& headers) {
    broker_.worker("w1");
    broker_.ready("w1");
    broker_.forget();
    broker_.request("c1", "j1", headers);
  }
  TestBroker broker_;
};

TEST_F(GuaranteeTest, OnlyGuaranteedJobsHaveRecords) {
  run_job("reply-requested,retry-count:3");
  broker_.settle("w1", "j1", 1);
  EXPECT_THAT(records(), IsEmpty());
  EXPECT_THAT(broker_.commits(), IsEmpty());
  for (const Send& send : broker_.sends()) EXPECT_EQ(send.after, 0u);
}

TEST_F(GuaranteeTest, AckAndFirstRequestWaitForTheirRecords) {
  run_job("guarantee");
  EXPECT_THAT(records(), ElementsAre("accepted j1 default [guarantee]", "started j1 #1 after 0 losses"));
  EXPECT_THAT(broker_.commits(), ElementsAre(1u));
  EXPECT_THAT(waits(), ElementsAre("c1 ACK j1 after 1", "w1 REQUEST j1 #1 after 1"));
}

TEST_F(GuaranteeTest, TheReplyWaitsForTheRecordOfTheEnd) {
  run_job("guarantee,reply-requested");
  records(), waits();
  broker_.settle("w1", "j1", 1);
  EXPECT_THAT(records(), ElementsAre("ended j1 ok"));
  EXPECT_THAT(waits(), ElementsAre(R"(c1 REPLY j1 ok {"value": 1} after 2)"));
}

TEST_F(GuaranteeTest, ADuplicateWaitsForWhatTheFirstWaitsFor) {
  run_job("guarantee");
  broker_.forget();
  broker_.request("c2", "j1", "guarantee");
  EXPECT_THAT(waits(), ElementsAre("c2 ACK j1 after 1"));
  broker_.settle("w1", "j1", 1);
  broker_.forget();
  broker_.request("c2", "j1", "guarantee");
  EXPECT_THAT(waits(), ElementsAre("c2 ACK j1 after 2"));
}

TEST_F(GuaranteeTest, ACancelledJobIsAckedWhenThatIsDurable) {
  broker_.request("c1", "j1", "guarantee,reply-requested");
  records(), broker_.forget();
  broker_.cancel("c1", "j1");
  EXPECT_THAT(records(), ElementsAre("ended j1 cancelled"));
  EXPECT_THAT(waits(), ElementsAre(HasSubstr("after 2"), "c1 ACK cancel-j1 after 2"));
}

TEST_F(GuaranteeTest, ACancelByQueryIsAnsweredWhenThatIsDurable) {
  broker_.request("c1", "j1", "guarantee,reply-requested");
  records(), broker_.forget();
  broker_.query("cancel", R"({"id": "j1"})");
  EXPECT_THAT(records(), ElementsAre("ended j1 cancelled"));
  EXPECT_THAT(waits(), ElementsAre(HasSubstr("after 2"), R"(admin REPLY query {"cancelled": true} after 2)"));
}

TEST_F(GuaranteeTest, AQueryThatRecordsNothingWaitsForNothing) {
  run_job("guarantee");
  broker_.forget();
  broker_.query("cancel", R"({"id": "j1"})");
  EXPECT_THAT(waits(), Contains(R"(admin REPLY query {"cancelled": false, "asked_worker": true} after 0)"));
}

TEST_F(GuaranteeTest, ARetryIsRecordedWithItsTime) {
  run_job("guarantee,retry-count:1,backoff:4");
  records();
  broker_.settle("w1", "j1", 1, Outcome::kError);
  const std::vector<JobRecord> found = broker_.records();
  ASSERT_EQ(found.size(), 1u);
  const auto& requeued = std::get<JobRequeued>(found[0]);
  EXPECT_EQ(requeued.retries_used, 1u);
  EXPECT_GE(requeued.due_at, broker_.now() + seconds(2));
  EXPECT_LE(requeued.due_at, broker_.now() + seconds(4));
}

TEST_F(GuaranteeTest, ADeadWorkerProcessIsALossAndCostsNoRetry) {
  run_job("guarantee,retry-count:1,reply-requested");
  for (uint32_t attempt = 1; attempt < broker_.settings().max_deliveries; ++attempt) {
    records();
    broker_.settle("w1", "j1", attempt, Outcome::kKilled);
    EXPECT_THAT(records(), ElementsAre("requeued j1 0 retries used",
                                       fmt::format("started j1 #{} after {} losses", attempt + 1, attempt)));
  }
  broker_.forget();
  broker_.settle("w1", "j1", broker_.settings().max_deliveries, Outcome::kKilled, "by SIGSEGV");
  EXPECT_THAT(records(), ElementsAre("ended j1 killed"));
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 REPLY j1 killed by SIGSEGV"));
}

TEST_F(GuaranteeTest, ALossAndItsRerunAreOneCommit) {
  run_job("guarantee");
  broker_.worker("w2");
  broker_.ready("w2");
  records(), waits(), broker_.commits();
  broker_.lose("w1");
  EXPECT_THAT(records(), ElementsAre("requeued j1 0 retries used", "started j1 #2 after 1 losses"));
  EXPECT_THAT(broker_.commits(), ElementsAre(2u));
  EXPECT_THAT(waits(), ElementsAre("w2 REQUEST j1 #2 after 2"));
}

TEST_F(GuaranteeTest, AJobThatIsTakenBackIsRecordedAsStarted) {
  run_job("guarantee");
  broker_.lose("w1");
  records();
  broker_.resume("w2", "w1", {{"j1", 1}});
  EXPECT_THAT(records(), ElementsAre("started j1 #1 after 0 losses"));
}

TEST_F(GuaranteeTest, AnExpiredJobIsRecorded) {
  broker_.request("c1", "j1", "guarantee,expires:1");
  records();
  broker_.wait(seconds(1));
  EXPECT_THAT(records(), ElementsAre("ended j1 expired"));
}

TEST_F(GuaranteeTest, TheAcceptedRecordHasAllThatARestartNeeds) {
  broker_.request("c1", "j1", "guarantee,delay:2,expires:9", "q", "payload");
  const std::vector<JobRecord> found = broker_.records();
  ASSERT_EQ(found.size(), 1u);
  const auto& accepted = std::get<JobAccepted>(found[0]);
  EXPECT_EQ(accepted.id.str(), "j1");
  EXPECT_EQ(accepted.queue.str(), "q");
  EXPECT_EQ(accepted.payload.str(), "payload");
  EXPECT_EQ(accepted.accepted_at, broker_.now());
  EXPECT_EQ(accepted.due_at, broker_.now() + seconds(2));
  EXPECT_EQ(accepted.expires_at, broker_.now() + seconds(9));
}

TEST_F(GuaranteeTest, CommitNumbersRiseByOne) {
  broker_.worker("w1");
  broker_.ready("w1", 3);
  for (const char* id : {"j1", "j2", "j3"}) broker_.request("c1", id, "guarantee");
  for (const char* id : {"j1", "j2", "j3"}) broker_.settle("w1", id, 1);
  EXPECT_THAT(broker_.commits(), ElementsAre(1u, 2u, 3u, 4u, 5u, 6u));
}

// --- What people see while the store can keep nothing ---

class FullDiskTest : public GuaranteeTest {
 protected:
  std::string view(const std::string& what, const std::string& arguments = "") { return broker_.view(what, arguments); }
};

TEST_F(FullDiskTest, AJobWhoseRequestWaitsForTheStoreIsShownAsWaitingForIt) {
  run_job("guarantee");
  EXPECT_THAT(view("queues"), HasSubstr(R"("waiting":0,"delayed":0,"running":1)"));
  broker_.step(StoreChanged{false, "the disk is full", 0});
  EXPECT_THAT(view("queues"), HasSubstr(R"("waiting":1,"delayed":0,"running":0)"));
  EXPECT_THAT(view("status"), HasSubstr(R"("waiting":1,"delayed":0,"running":0)"));
  EXPECT_THAT(view("workers"), HasSubstr(R"("running":0)"));
  EXPECT_THAT(view("jobs", R"({"state": "running"})"), HasSubstr(R"("jobs":[])"));
  const std::string waiting = view("jobs", R"({"state": "waiting"})");
  EXPECT_THAT(waiting, HasSubstr(R"("state":"waiting")"));
  EXPECT_THAT(waiting, HasSubstr(R"("waits_for":"store")"));
  EXPECT_THAT(waiting, Not(HasSubstr("w1")));
  EXPECT_THAT(view("job", R"({"id": "j1"})"),
              HasSubstr("It waits for the store, which is not available (the disk is full)"));
  broker_.step(StoreChanged{true, ""});
  EXPECT_THAT(view("queues"), HasSubstr(R"("waiting":0,"delayed":0,"running":1)"));
  EXPECT_THAT(view("job", R"({"id": "j1"})"), HasSubstr("It has been running"));
}

TEST_F(FullDiskTest, AJobThatRunsIsShownAsRunning) {
  run_job("guarantee");
  broker_.step(StoreChanged{false, "the disk is full", 1});
  EXPECT_THAT(view("queues"), HasSubstr(R"("waiting":0,"delayed":0,"running":1)"));
  EXPECT_THAT(view("jobs"), HasSubstr(R"("state":"running")"));
}

TEST_F(FullDiskTest, APlainJobThatRunsAndIsSharedByAGuaranteedRequestStillRuns) {
  run_job("unique:k");
  broker_.request("c2", "j2", "unique:k,guarantee");
  broker_.step(StoreChanged{false, "the disk is full", 0});
  EXPECT_THAT(view("jobs"), HasSubstr(R"("state":"running")"));
}

TEST_F(FullDiskTest, AJobWithoutAWorkerThatIsNotKeptYetSaysSoToo) {
  broker_.request("c1", "j1", "guarantee");
  broker_.step(StoreChanged{false, "the disk is full", 0});
  EXPECT_THAT(view("job", R"({"id": "j1"})"), HasSubstr("It waits for the store"));
}

TEST_F(FullDiskTest, AJobThatEndsIsNotShownAsIfThatWereKept) {
  run_job("guarantee");
  broker_.settle("w1", "j1", 1);
  broker_.step(StoreChanged{false, "the disk is full", 1});
  const std::string row = view("job", R"({"id": "j1"})");
  EXPECT_THAT(row, HasSubstr(R"("waits_for":"store")"));
  EXPECT_THAT(row, HasSubstr("That waits for the store, which is not available (the disk is full)"));
  broker_.step(StoreChanged{true, ""});
  EXPECT_THAT(view("job", R"({"id": "j1"})"), Not(HasSubstr("waits")));
}

TEST_F(FullDiskTest, AJobThatWaitsIsNotCancelled) {
  broker_.request("c1", "j1", "guarantee");
  broker_.request("c1", "plain", "");
  broker_.step(StoreChanged{false, "the disk is full", 1});
  broker_.forget();
  broker_.cancel("c1", "j1");
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 ERROR store-unavailable cancel-j1"));
  broker_.cancel("c1", "plain");
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 ACK cancel-plain"));
  EXPECT_THAT(view("job", R"({"id": "j1"})"), HasSubstr(R"("state":"waiting")"));
}

TEST_F(FullDiskTest, ARequestThatComesAgainForEverIsNotAckedForEver) {
  broker_.request("c1", "j1", "guarantee");
  broker_.step(StoreChanged{false, "the disk is full", 0});
  broker_.forget();
  for (size_t i = 0; i < limits::kRepeatsWaiting; ++i) broker_.request("c1", "j1", "guarantee");
  EXPECT_EQ(broker_.sends().size(), limits::kRepeatsWaiting);
  broker_.forget();
  broker_.request("c1", "j1", "guarantee");
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 ERROR store-unavailable j1")) << "it has no conversation to begin anew";
  broker_.forget();
  broker_.step(StoreChanged{true, ""});
  broker_.request("c1", "j1", "guarantee");
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 ACK j1"));
}

TEST_F(FullDiskTest, PlainRequestsThatShareAGuaranteedJobAreAckedAtOnceAndNothingWaitsForTheStore) {
  broker_.request("c1", "j1", "guarantee,unique:k");
  records();
  broker_.step(StoreChanged{false, "the disk is full", 0});
  broker_.forget();
  broker_.request("c2", "j2", "unique:k");
  broker_.request("c2", "j2", "unique:k");
  EXPECT_THAT(waits(), ElementsAre("c2 ACK j2 after 0", "c2 ACK j2 after 1")) << "the second came again";
  EXPECT_THAT(records(), IsEmpty());
  broker_.step(StoreChanged{true, ""});
  broker_.forget();
  broker_.request("c2", "j2", "unique:k,guarantee");
  EXPECT_THAT(records(), ElementsAre("remembered j2"));
  EXPECT_THAT(waits(), ElementsAre("c2 ACK j2 after 2"));
}

TEST_F(FullDiskTest, ToCancelAJobThatRunsWaitsForNoStore) {
  run_job("guarantee");
  broker_.step(StoreChanged{false, "the disk is full", 1});
  broker_.forget();
  for (int i = 0; i < 2; ++i) broker_.cancel("c1", "j1");
  EXPECT_THAT(waits(), ElementsAre("w1 CANCEL j1 after 1", "c1 ACK cancel-j1 after 0", "c1 ACK cancel-j1 after 0"));
}

TEST_F(FullDiskTest, NorIsItWhenTheFaultBecomesAnother) {
  broker_.client("c1");
  broker_.forget();
  broker_.request("c1", "j1", "guarantee");
  for (const char* fault : {"the disk is full", "the disk does not answer"}) {
    broker_.step(StoreChanged{false, fault, 0});
    for (size_t i = 0; i < limits::kRepeatsWaiting; ++i) broker_.request("c1", "j1", "guarantee");
  }
  EXPECT_EQ(broker_.sends().size(), 1 + limits::kRepeatsWaiting);
}

TEST_F(FullDiskTest, AWorkerWhoseRequestCameAgainTooOftenKeepsItsConversation) {
  run_job("guarantee");
  broker_.step(StoreChanged{false, "the disk is full", 0});
  for (size_t i = 0; i < limits::kRepeatsWaiting; ++i) broker_.request("c1", "j1", "guarantee");
  broker_.forget();
  broker_.request("w1", "j1", "guarantee");
  EXPECT_THAT(broker_.sent(), ElementsAre("w1 ERROR store-unavailable j1"));
  broker_.forget();
  broker_.step(StoreChanged{true, ""});
  EXPECT_THAT(broker_.sent(), IsEmpty());
  EXPECT_THAT(view("job", R"({"id": "j1"})"), HasSubstr(R"("state":"running")"));
}

TEST_F(FullDiskTest, WhoGotNoAckForThatIsToldToComeAgainWhenTheStoreIsThere) {
  for (const char* client : {"c1", "c2", "c3"}) broker_.client(client, "errors,multi-ack");
  broker_.request("c1", "j1", "guarantee");
  broker_.request("c2", "j2", "guarantee");
  broker_.step(StoreChanged{false, "the disk is full", 0});
  for (size_t i = 0; i < limits::kRepeatsWaiting; ++i) broker_.request("c1", "j1", "guarantee");
  broker_.request("c2", "j2", "guarantee");
  broker_.forget();
  broker_.step(StoreChanged{true, ""});
  EXPECT_THAT(broker_.sent(), ElementsAre("c2 KBYE"));
  broker_.client("c2", "errors,multi-ack");
  broker_.forget();
  broker_.request("c2", "j2", "guarantee");
  EXPECT_THAT(broker_.sent(), ElementsAre("c2 ACK j2"));
}

TEST_F(FullDiskTest, NothingElseThatIsWrongIsSaidBefore) {
  run_job("");
  BrokerSettings settings;
  settings.store_durable = true;
  settings.unknown_queue = UnknownQueue::kReject;
  broker_.change_settings(settings);
  broker_.step(StoreChanged{false, "the disk is full", 0});
  broker_.forget();
  broker_.request("c1", "j2", "guarantee", "nobodys");
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 ERROR store-unavailable j2")) << "a job of that id may be in the store";
  broker_.shut_down();
  broker_.forget();
  broker_.request("c1", "j3", "guarantee");
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 ERROR store-unavailable j3"));
}

// --- A plain job that is asked for again, with the guarantee ---

TEST_F(GuaranteeTest, ARequestThatComesAgainWithTheGuaranteeHasItBeforeItsAck) {
  broker_.request("c1", "j1");
  broker_.forget();
  broker_.request("c1", "j1", "guarantee");
  EXPECT_THAT(records(), ElementsAre("accepted j1 default []"));
  EXPECT_THAT(waits(), ElementsAre("c1 ACK j1 after 1"));
}

TEST_F(GuaranteeTest, WithoutAStoreItIsRefusedAndThePlainJobStays) {
  broker_.request("c1", "j1");
  broker_.step(StoreChanged{false, "the disk is full", 0});
  broker_.forget();
  broker_.request("c1", "j1", "guarantee");
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 ERROR store-unavailable j1"));
  broker_.request("c1", "j1");
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 ACK j1"));
}

TEST_F(GuaranteeTest, ASharedJobHasTheGuaranteeOfARequestThatComesAgainWithItBeforeItsAck) {
  run_job("unique:k");
  broker_.request("c2", "j2", "unique:k");
  broker_.forget();
  broker_.request("c2", "j2", "unique:k,guarantee");
  EXPECT_THAT(records(),
              ElementsAre("accepted j1 default [unique:k]", "started j1 #1 after 0 losses", "remembered j2"));
  EXPECT_THAT(waits(), ElementsAre("c2 ACK j2 after 1"));
  broker_.request("c2", "j2", "unique:k,guarantee");
  EXPECT_THAT(records(), IsEmpty()) << "the store knows it by now";
}

TEST_F(GuaranteeTest, WithoutAStoreThatIsRefusedToo) {
  broker_.request("c1", "j1", "unique:k");
  broker_.request("c2", "j2", "unique:k");
  broker_.step(StoreChanged{false, "the disk is full", 0});
  broker_.forget();
  broker_.request("c2", "j2", "unique:k,guarantee");
  EXPECT_THAT(broker_.sent(), ElementsAre("c2 ERROR store-unavailable j2"));
}

// The queue would be another one by now, or none.
TEST_F(GuaranteeTest, NorIsItPromisedWhenTheQueueOfTheSharedJobHasNoWorkerAnyMore) {
  BrokerSettings settings;
  settings.store_durable = true;
  settings.unknown_queue = UnknownQueue::kReject;
  broker_.change_settings(settings);
  run_job("unique:k");
  broker_.request("c1", "waits", "unique:l");
  broker_.request("c2", "joins", "unique:l");
  broker_.lose("w1");
  broker_.forget();
  broker_.request("c2", "joins", "unique:l,guarantee");
  EXPECT_THAT(broker_.sent(), ElementsAre("c2 ERROR unknown-queue joins"));
}

TEST_F(GuaranteeTest, OnceTheSharedJobHasEndedTheRequestThatComesAgainIsNotRun) {
  run_job("unique:k");
  broker_.request("c2", "j2", "unique:k");
  broker_.settle("w1", "j1", 1);
  broker_.forget();
  broker_.request("c2", "j2", "unique:k,guarantee");
  EXPECT_THAT(broker_.sent(), ElementsAre("c2 ACK j2"));
  EXPECT_THAT(records(), IsEmpty());
}

// --- A plain job that a guaranteed request shares by its unique key becomes guaranteed ---

TEST_F(GuaranteeTest, AGuaranteedFollowerMakesAWaitingJobGuaranteed) {
  broker_.request("c1", "j1", "unique:k");
  broker_.forget();
  broker_.request("c2", "j2", "unique:k,guarantee");
  EXPECT_THAT(records(), ElementsAre("accepted j1 default [unique:k]", "remembered j2"));
  EXPECT_THAT(waits(), ElementsAre("c2 ACK j2 after 1"));
}

TEST_F(GuaranteeTest, AGuaranteedFollowerMakesARunningJobGuaranteed) {
  run_job("unique:k,reply-requested");
  broker_.request("c2", "j2", "unique:k,guarantee");
  EXPECT_THAT(records(), ElementsAre("accepted j1 default [unique:k,reply-requested]", "started j1 #1 after 0 losses",
                                     "remembered j2"));
  broker_.forget();
  broker_.worker("w2");
  broker_.ready("w2");
  broker_.lose("w1");
  EXPECT_THAT(broker_.sent(), Contains("w2 REQUEST j1 #2"));
}

TEST_F(GuaranteeTest, AGuaranteedFollowerOfAJobThatWaitsForItsRetryRecordsThat) {
  run_job("unique:k,retry-count:1,backoff:100");
  broker_.settle("w1", "j1", 1, Outcome::kError);
  broker_.request("c2", "j2", "unique:k,guarantee");
  EXPECT_THAT(records(), ElementsAre(HasSubstr("accepted j1"), "started j1 #1 after 0 losses",
                                     "requeued j1 1 retries used", "remembered j2"));
}

}  // namespace
}  // namespace eventmq
