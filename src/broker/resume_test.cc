// A worker's conversation breaks and another begins, while its jobs run on.
#include "src/broker/test_broker.h"

namespace eventmq {
namespace {

class ResumeTest : public ::testing::Test {
 protected:
  void run_job(const std::string& headers, const std::string& id = "j1") {
    broker_.worker("w1");
    broker_.ready("w1");
    broker_.request("c1", id, headers);
    broker_.forget();
  }
  // What became of the job when a worker settles it at this attempt.
  std::vector<std::string> settle(const std::string& worker, uint32_t attempt) {
    broker_.forget();
    broker_.settle(worker, "j1", attempt, Outcome::kOk, "5");
    return broker_.sent();
  }
  TestBroker broker_;
};

TEST_F(ResumeTest, JobsGoOnUnderANewName) {
  run_job("reply-requested");
  broker_.resume("w2", "w1", {{"j1", 1}});
  EXPECT_THAT(broker_.sent(), ElementsAre(HasSubstr("w2 ACK")));
  EXPECT_THAT(settle("w2", 1), ElementsAre("c1 REPLY j1 ok 5"));
  EXPECT_THAT(broker_.view("status"), HasSubstr(R"("resumed":1)"));
  EXPECT_THAT(broker_.view("status"), HasSubstr(R"("workers":1)")) << "its earlier self is gone";
}

TEST_F(ResumeTest, JobsGoOnUnderTheSameName) {
  run_job("reply-requested");
  broker_.resume("w1", "w1", {{"j1", 1}});
  EXPECT_THAT(settle("w1", 1), ElementsAre("c1 REPLY j1 ok 5"));
}

TEST_F(ResumeTest, JobsThatAreNotClaimedAreLost) {
  run_job("reply-requested");
  broker_.resume("w2", "w1", {});
  EXPECT_THAT(broker_.sent(), Contains(HasSubstr("c1 REPLY j1 lost")));
}

TEST_F(ResumeTest, WithoutCapabilityNothingGoesOn) {
  run_job("reply-requested");
  broker_.resume("w1", "w1", {{"j1", 1}}, "settle");
  EXPECT_THAT(broker_.sent(), Contains(HasSubstr("c1 REPLY j1 lost")));
}

TEST_F(ResumeTest, AWorkerThatDoesNotSettleCannotResume) {
  run_job("reply-requested");
  broker_.resume("w1", "w1", {{"j1", 1}}, "resume");
  EXPECT_THAT(broker_.sent(), Contains(HasSubstr("c1 REPLY j1 lost")));
}

TEST_F(ResumeTest, AJobThatWaitsAfterSilenceIsTakenBack) {
  run_job("guarantee,reply-requested");
  broker_.lose("w1");
  EXPECT_THAT(broker_.view("jobs"), HasSubstr(R"("state":"waiting")"));
  broker_.resume("w2", "w1", {{"j1", 1}});
  EXPECT_THAT(broker_.view("jobs"), HasSubstr(R"("state":"running","class":"guaranteed","attempt":1)"));
  EXPECT_THAT(broker_.view("jobs"), HasSubstr(R"("losses":0)"));
  EXPECT_THAT(settle("w2", 1), ElementsAre("c1 REPLY j1 ok 5"));
}

TEST_F(ResumeTest, AJobThatIsDelayedAfterSilenceIsTakenBackAndItsRetryGivenBack) {
  run_job("retry-count:1,backoff:100,reply-requested");
  broker_.lose("w1");
  EXPECT_THAT(broker_.view("jobs"), HasSubstr(R"("state":"delayed")"));
  broker_.resume("w2", "w1", {{"j1", 1}});
  EXPECT_THAT(broker_.view("jobs"), HasSubstr(R"("retries_used":0)"));
  EXPECT_THAT(settle("w2", 1), ElementsAre("c1 REPLY j1 ok 5"));
}

TEST_F(ResumeTest, AJobThatBecameReadyAgainIsTakenBack) {
  run_job("retry-count:1,backoff:0,reply-requested");
  broker_.lose("w1");
  broker_.wait(milliseconds(10));
  EXPECT_THAT(broker_.view("jobs"), HasSubstr(R"("state":"waiting")"));
  broker_.resume("w2", "w1", {{"j1", 1}});
  EXPECT_THAT(settle("w2", 1), ElementsAre("c1 REPLY j1 ok 5"));
}

TEST_F(ResumeTest, AJobThatStartedElsewhereIsNotTakenBack) {
  run_job("guarantee,reply-requested");
  broker_.worker("w3");
  broker_.ready("w3");
  broker_.lose("w1");
  broker_.resume("w2", "w1", {{"j1", 1}});
  EXPECT_THAT(settle("w2", 1), IsEmpty());
  EXPECT_THAT(settle("w3", 2), ElementsAre("c1 REPLY j1 ok 5"));
}

TEST_F(ResumeTest, APlainJobThatWasToldLostStaysLost) {
  run_job("reply-requested");
  broker_.lose("w1");
  EXPECT_THAT(broker_.sent(), ElementsAre(HasSubstr("c1 REPLY j1 lost")));
  broker_.resume("w2", "w1", {{"j1", 1}});
  EXPECT_THAT(settle("w2", 1), IsEmpty());
}

TEST_F(ResumeTest, AJobWhoseCancellingWasMissedIsCancelledAgain) {
  run_job("reply-requested");
  broker_.cancel("c1", "j1");
  broker_.forget();
  broker_.resume("w2", "w1", {{"j1", 1}});
  EXPECT_THAT(broker_.sent(), ElementsAre(HasSubstr("w2 ACK"), "w2 CANCEL j1"));
}

TEST_F(ResumeTest, AWorkerThatCannotCancelIsNotTold) {
  run_job("reply-requested");
  broker_.cancel("c1", "j1");
  broker_.forget();
  broker_.resume("w2", "w1", {{"j1", 1}}, "settle,resume");
  EXPECT_THAT(broker_.sent(), ElementsAre(HasSubstr("w2 ACK")));
}

// --- Claims that are not so ---

TEST_F(ResumeTest, AnotherAttemptIsNotTaken) {
  run_job("guarantee,reply-requested");
  broker_.lose("w1");
  broker_.resume("w2", "w1", {{"j1", 2}});
  EXPECT_THAT(broker_.view("jobs"), HasSubstr(R"("state":"waiting")"));
}

TEST_F(ResumeTest, AJobOfAnotherWorkerIsNotTaken) {
  run_job("reply-requested");
  broker_.worker("w3");
  broker_.resume("w2", "w3", {{"j1", 1}});
  EXPECT_THAT(settle("w2", 1), IsEmpty());
  EXPECT_THAT(settle("w1", 1), ElementsAre("c1 REPLY j1 ok 5"));
}

TEST_F(ResumeTest, AJobThatWasNeverStartedIsNotTaken) {
  broker_.request("c1", "j1", "guarantee");
  broker_.resume("w2", "", {{"j1", 0}});
  broker_.resume("w2", "w1", {{"j1", 0}});
  EXPECT_THAT(broker_.view("jobs"), HasSubstr(R"("state":"waiting")"));
}

TEST_F(ResumeTest, AJobThatFailedAndWaitsForItsRetryIsNotTaken) {
  run_job("retry-count:3,backoff:100");
  broker_.settle("w1", "j1", 1, Outcome::kError);
  broker_.resume("w2", "w1", {{"j1", 1}});
  EXPECT_THAT(broker_.view("jobs"), HasSubstr(R"("state":"delayed")"));
}

TEST_F(ResumeTest, AClaimMadeTwiceIsOneJob) {
  run_job("reply-requested");
  broker_.resume("w2", "w1", {{"j1", 1}, {"j1", 1}});
  EXPECT_THAT(settle("w2", 1), ElementsAre("c1 REPLY j1 ok 5"));
}

TEST_F(ResumeTest, AConversationGivenUpBeforeItsAckDoesNotKeepTheJobs) {
  // We stood still: the worker waited for our ACK in vain, began again, and both its INFORMs are read now.
  run_job("reply-requested");
  broker_.resume("w2", "w1", {{"j1", 1}});
  broker_.resume("w3", "w1", {{"j1", 1}});
  EXPECT_THAT(settle("w3", 1), ElementsAre("c1 REPLY j1 ok 5"));
}

TEST_F(ResumeTest, AnInformThatComesLateTakesNothingFromALivingConversation) {
  run_job("reply-requested");
  broker_.resume("w3", "w1", {{"j1", 1}});
  broker_.ready("w3");
  broker_.resume("w2", "w1", {{"j1", 1}});
  EXPECT_THAT(settle("w3", 1), ElementsAre("c1 REPLY j1 ok 5"));
}

TEST_F(ResumeTest, AJobThatIsNotThereIsNotTaken) {
  broker_.resume("w2", "w1", {{"j9", 1}});
  EXPECT_THAT(broker_.view("status"), HasSubstr(R"("resumed":0)"));
}

TEST_F(ResumeTest, AClientsNameIsNoEarlierWorker) {
  run_job("reply-requested");
  broker_.scheduler("s1");
  broker_.resume("w2", "s1", {{"j1", 1}});
  EXPECT_THAT(broker_.view("status"), HasSubstr(R"("schedulers":1)"));
}

TEST_F(ResumeTest, ResumingItselfDoesNotPassTheRoomForWorkers) {
  // A client's name as one's own earlier worker is no way around the limit: it counts as a new worker.
  broker_.client("c1");
  broker_.resume("c1", "c1", {});
  EXPECT_THAT(broker_.view("status"), HasSubstr(R"("peers":{"workers":1,"schedulers":0,"clients":0})"));
}

}  // namespace
}  // namespace eventmq
