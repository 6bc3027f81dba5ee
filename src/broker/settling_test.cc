// How attempts end, and what becomes of their jobs.
#include "src/broker/test_broker.h"

namespace eventmq {
namespace {

using ::testing::AllOf;

class SettlingTest : public ::testing::Test {
 protected:
  // A job that runs at w1, which has one slot; w2 may have more.
  void run_job(const std::string& headers, std::string_view words = TestBroker::kAll) {
    broker_.worker("w1", {{10, "default"}}, words);
    broker_.ready("w1");
    broker_.request("c1", "j1", headers);
    broker_.forget();
  }
  // The seconds until the job that is to be run again falls due.
  double retry_delay() {
    const std::string row = broker_.view("jobs");
    const std::string key = R"("due_in_seconds":)";
    const size_t at = row.find(key);
    EXPECT_NE(at, std::string::npos) << row;
    return at == std::string::npos ? -1 : std::stod(row.substr(at + key.size()));
  }
  std::string counter(const std::string& name) {
    const std::string row = broker_.view("queues");
    const size_t at = row.find("\"" + name + "\":") + name.size() + 3;
    return row.substr(at, row.find_first_of(",}", at) - at);
  }
  TestBroker broker_;
};

// --- Plain ---

TEST_F(SettlingTest, AFailureOfAPlainJobEndsIt) {
  run_job("reply-requested");
  broker_.settle("w1", "j1", 1, Outcome::kError, "oops");
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 REPLY j1 error oops"));
  EXPECT_EQ(counter("dead"), "1");
}

TEST_F(SettlingTest, EveryWordOfAWorkerReachesTheClient) {
  for (const Outcome outcome : {Outcome::kOk, Outcome::kError, Outcome::kTimeout, Outcome::kKilled,
                                Outcome::kUnknownJob, Outcome::kCancelled}) {
    SCOPED_TRACE(outcome_word(outcome));
    TestBroker broker;
    broker.worker("w1");
    broker.ready("w1");
    broker.request("c1", "j1", "reply-requested");
    broker.forget();
    broker.settle("w1", "j1", 1, outcome, "x");
    EXPECT_THAT(broker.sent(), ElementsAre(fmt::format("c1 REPLY j1 {} x", outcome_word(outcome))));
  }
}

TEST_F(SettlingTest, AWorkerCannotSayWhatOnlyTheBrokerSays) {
  run_job("reply-requested");
  broker_.settle("w1", "j1", 1, Outcome::kExpired, "x");
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 REPLY j1 error x"));
  EXPECT_EQ(counter("expired"), "0");
}

TEST_F(SettlingTest, APlainJobIsLostWithItsWorker) {
  run_job("reply-requested");
  broker_.lose("w1");
  EXPECT_THAT(broker_.sent(),
              ElementsAre(R"(c1 REPLY j1 lost {"value": "the worker fell silent", )"
                          R"("error": {"type": "lost", "message": "the worker fell silent", "details": null}})"));
  EXPECT_EQ(counter("dead"), "1");
  EXPECT_EQ(counter("attempts_lost"), "1");
}

TEST_F(SettlingTest, TheCauseOfALossIsTold) {
  run_job("reply-requested");
  broker_.worker("w1");
  EXPECT_THAT(broker_.sent(), Contains(HasSubstr("the worker started anew")));
}

// --- Retried ---

TEST_F(SettlingTest, AFailedAttemptIsRunAgainAfterItsBackoff) {
  run_job("reply-requested,retry-count:2,backoff:8");
  broker_.ready("w1");
  broker_.settle("w1", "j1", 1, Outcome::kError);
  EXPECT_THAT(broker_.sent(), IsEmpty());
  const double delay = retry_delay();
  EXPECT_GE(delay, 4);
  EXPECT_LE(delay, 8);
  broker_.forget();
  broker_.wait(seconds_of(delay) - milliseconds(1));
  EXPECT_THAT(broker_.sent(), IsEmpty());
  broker_.wait(milliseconds(2));
  EXPECT_THAT(broker_.sent(), ElementsAre("w1 REQUEST j1 #2"));
}

TEST_F(SettlingTest, TheBackoffDoublesAndVaries) {
  run_job("retry-count:8,backoff:2");
  broker_.ready("w1", 9);
  std::set<double> fractions;
  for (uint32_t attempt = 1; attempt <= 8; ++attempt) {
    broker_.settle("w1", "j1", attempt, Outcome::kError);
    const double whole = 2.0 * (1u << (attempt - 1));
    const double delay = retry_delay();
    EXPECT_GE(delay, whole / 2);
    EXPECT_LE(delay, whole);
    fractions.insert(delay / whole);
    broker_.wait(seconds_of(delay) + milliseconds(1));
  }
  EXPECT_EQ(fractions.size(), 8u) << "no jitter";
}

TEST_F(SettlingTest, EveryFailureIsRetriedButAnUnknownJobIsNot) {
  for (const Outcome outcome : {Outcome::kError, Outcome::kTimeout, Outcome::kKilled, Outcome::kUnknownJob}) {
    SCOPED_TRACE(outcome_word(outcome));
    TestBroker broker;
    broker.worker("w1");
    broker.ready("w1");
    broker.request("c1", "j1", "retry-count:1");
    broker.settle("w1", "j1", 1, outcome);
    const std::string row = broker.view("jobs");
    EXPECT_EQ(row.find("\"delayed\"") != std::string::npos, outcome != Outcome::kUnknownJob) << row;
  }
}

TEST_F(SettlingTest, RetriesExhaustedEndInTheLastOutcome) {
  run_job("reply-requested,retry-count:2,backoff:0");
  broker_.ready("w1", 2);
  broker_.settle("w1", "j1", 1, Outcome::kError);
  broker_.wait(milliseconds(1));
  broker_.settle("w1", "j1", 2, Outcome::kKilled);
  broker_.wait(milliseconds(1));
  broker_.forget();
  broker_.settle("w1", "j1", 3, Outcome::kTimeout, "slow");
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 REPLY j1 timeout slow"));
  EXPECT_EQ(counter("retries"), "2");
  EXPECT_EQ(counter("dead"), "1");
}

TEST_F(SettlingTest, ALossOfARetriedJobIsChargedToItsRetries) {
  run_job("reply-requested,retry-count:1,backoff:0");
  broker_.lose("w1");
  EXPECT_THAT(broker_.view("jobs"), HasSubstr(R"("retries_used":1)"));
  broker_.worker("w2");
  broker_.ready("w2");
  broker_.wait(milliseconds(1));
  EXPECT_THAT(broker_.sent(), Contains("w2 REQUEST j1 #2"));
  broker_.lose("w2");
  EXPECT_THAT(broker_.sent(), ElementsAre(HasSubstr("c1 REPLY j1 lost")));
}

// --- Guaranteed ---

TEST_F(SettlingTest, ALossOfAGuaranteedJobCostsNoRetry) {
  run_job("guarantee,retry-count:1,reply-requested");
  broker_.worker("w2");
  broker_.ready("w2");
  broker_.lose("w1");
  EXPECT_THAT(broker_.sent(), Contains("w2 REQUEST j1 #2"));
  EXPECT_THAT(broker_.view("jobs"), HasSubstr(R"("retries_used":0)"));
}

TEST_F(SettlingTest, AGuaranteedJobThatKeepsLosingItsWorkersIsDead) {
  broker_.request("c1", "j1", "guarantee,reply-requested");
  for (uint32_t i = 1; i <= broker_.settings().max_deliveries; ++i) {
    EXPECT_THAT(broker_.sent(), Not(Contains(HasSubstr("REPLY"))));
    const std::string worker = fmt::format("w{}", i);
    broker_.worker(worker);
    broker_.ready(worker);
    EXPECT_THAT(broker_.sent(), Contains(fmt::format("{} REQUEST j1 #{}", worker, i)));
    broker_.lose(worker);
  }
  EXPECT_THAT(broker_.sent(), ElementsAre(HasSubstr("c1 REPLY j1 lost")));
  EXPECT_EQ(counter("dead"), "1");
}

TEST_F(SettlingTest, AGuaranteedJobWithoutRetriesEndsWithItsFailure) {
  run_job("guarantee,reply-requested");
  broker_.settle("w1", "j1", 1, Outcome::kError, "oops");
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 REPLY j1 error oops"));
}

TEST_F(SettlingTest, LostJobsTakeTheirOldPlaces) {
  broker_.worker("w1");
  broker_.ready("w1", 3);
  for (const char* id : {"j1", "j2", "j3"}) broker_.request("c1", id, "guarantee");
  broker_.request("c1", "j4", "guarantee");
  broker_.lose("w1");
  broker_.forget();
  broker_.worker("w2");
  broker_.ready("w2", 4);
  EXPECT_THAT(broker_.sent(), ElementsAre(HasSubstr("w2 ACK"), "w2 REQUEST j1 #2", "w2 REQUEST j2 #2",
                                          "w2 REQUEST j3 #2", "w2 REQUEST j4 #1"));
}

// --- Handed back ---

TEST_F(SettlingTest, AJobHandedBackIsNoAttemptAndNoReady) {
  run_job("reply-requested");
  broker_.settle("w1", "j1", 1, Outcome::kReturned);
  EXPECT_THAT(broker_.sent(), IsEmpty());
  EXPECT_THAT(broker_.view("jobs"), HasSubstr(R"("state":"waiting","class":"plain","attempt":0)"));
  broker_.worker("w2");
  broker_.ready("w2");
  EXPECT_THAT(broker_.sent(), Contains("w2 REQUEST j1 #1"));
}

// --- Late and wrong results ---

TEST_F(SettlingTest, AResultOfAnEarlierAttemptIsRefused) {
  run_job("guarantee,reply-requested");
  broker_.worker("w2");
  broker_.ready("w2");
  broker_.lose("w1");
  broker_.worker("w1");  // is back, in a new conversation
  broker_.forget();
  broker_.settle("w1", "j1", 1);
  EXPECT_THAT(broker_.sent(), IsEmpty());
  EXPECT_THAT(broker_.view("status"), HasSubstr(R"("late_results":1)"));
  broker_.forget();
  broker_.settle("w2", "j1", 2, Outcome::kOk, "5");
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 REPLY j1 ok 5"));
}

TEST_F(SettlingTest, OnlyTheHolderAtItsAttemptSettles) {
  run_job("reply-requested");
  broker_.worker("w2");
  broker_.forget();
  broker_.settle("w2", "j1", 1);
  broker_.settle("w1", "j1", 2);
  broker_.settle("w1", "j1", 0);
  broker_.settle("w1", "j9", 1);
  EXPECT_THAT(broker_.sent(), IsEmpty());
  EXPECT_THAT(broker_.view("status"), HasSubstr(R"("late_results":4)"));
}

TEST_F(SettlingTest, ASecondResultIsRefused) {
  run_job("reply-requested");
  broker_.settle("w1", "j1", 1);
  broker_.forget();
  broker_.settle("w1", "j1", 1);
  EXPECT_THAT(broker_.sent(), IsEmpty());
}

// The worker has one slot, which j1 has or had: whatever it says, there is no other.
TEST_F(SettlingTest, WhatIsNoResultOfAJobThatItHoldsFreesNoSlot) {
  run_job("");
  broker_.request("c1", "j2");
  broker_.request("c1", "j3");
  broker_.forget();
  broker_.settle("w1", "j1", 2);
  broker_.settle("w1", "j1", 0, Outcome::kError);
  broker_.settle("w1", "j2", 1);
  broker_.settle("w1", "j9", 1);
  EXPECT_THAT(broker_.sent(), IsEmpty());
  broker_.settle("w1", "j1", 1);
  EXPECT_THAT(broker_.sent(), ElementsAre("w1 REQUEST j2 #1"));
  broker_.settle("w1", "j1", 1);
  EXPECT_THAT(broker_.sent(), IsEmpty()) << "a second result";
}

// It runs on in a slot for which the worker sends no READY but its result.
TEST_F(SettlingTest, TheResultOfAJobThatItWentOnWithInVainFreesItsSlotOnce) {
  run_job("");
  broker_.lose("w1");
  broker_.resume("w1-again", "w1", {{"j1", 1}, {"j8", 3}});
  broker_.request("c1", "j2");
  broker_.request("c1", "j3");
  broker_.request("c1", "j4");
  broker_.forget();
  broker_.settle("w1-again", "j8", 3, Outcome::kReturned);
  EXPECT_THAT(broker_.sent(), IsEmpty());
  broker_.settle("w1-again", "j1", 1);
  EXPECT_THAT(broker_.sent(), ElementsAre("w1-again REQUEST j2 #1"));
  broker_.settle("w1-again", "j1", 1);
  EXPECT_THAT(broker_.sent(), IsEmpty());
}

// --- Workers of the published protocol ---

TEST_F(SettlingTest, APublishedWorkersValueIsASuccess) {
  run_job("reply-requested", "");
  broker_.published_reply("w1", "j1", R"({"value": "no"})");
  EXPECT_THAT(broker_.sent(), ElementsAre(R"(c1 REPLY j1 ok {"value": "no"})"));
}

TEST_F(SettlingTest, APublishedWorkersTimeoutIsToldWhereThereWasOne) {
  run_job("reply-requested,timeout:1", "");
  broker_.published_reply("w1", "j1", R"({"value": "TimeoutError"})");
  EXPECT_THAT(broker_.sent(), ElementsAre(R"(c1 REPLY j1 timeout {"value": "TimeoutError"})"));
  broker_.request("c1", "j2", "reply-requested");
  broker_.forget();
  broker_.published_reply("w1", "j2", R"({"value": "TimeoutError"})");
  EXPECT_THAT(broker_.sent(), ElementsAre(R"(c1 REPLY j2 ok {"value": "TimeoutError"})"));
}

TEST_F(SettlingTest, APublishedWorkersLateAttemptIsRefused) {
  run_job("guarantee,reply-requested", "");
  broker_.lose("w1");
  broker_.published_worker("w1");
  broker_.ready("w1");
  EXPECT_THAT(broker_.sent(), Contains("w1 REQUEST j1~2 [reply-requested,guarantee]"));
  broker_.say("w1", Reply{Bytes("late"), Bytes("j1")});
  EXPECT_THAT(broker_.sent(), IsEmpty());
  broker_.say("w1", Reply{Bytes("5"), Bytes("j1~2")});
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 REPLY j1 ok 5"));
}

// Anyone may call a job what the broker calls the second attempt of another.
TEST_F(SettlingTest, AJobNamedLikeAnAttemptDoesNotHideTheAttempt) {
  run_job("guarantee,reply-requested", "");
  broker_.lose("w1");
  broker_.request("c2", "j1~2", "delay:1000");
  broker_.published_worker("w2");
  broker_.ready("w2");
  broker_.forget();
  broker_.say("w2", Reply{Bytes("5"), Bytes("j1~2")});
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 REPLY j1 ok 5"));
}

TEST_F(SettlingTest, AJobNamedLikeAnAttemptRunsBesideTheAttempt) {
  run_job("guarantee,reply-requested", "");
  broker_.lose("w1");
  broker_.published_worker("w2");
  broker_.ready("w2", 3);
  broker_.request("c2", "j1~2", "reply-requested");
  broker_.request("c2", "j1~two", "reply-requested");
  EXPECT_THAT(broker_.sent(), AllOf(Contains(HasSubstr("w2 REQUEST j1~2 ")), Contains(HasSubstr("w2 REQUEST j1~2~1 ")),
                                    Contains(HasSubstr("w2 REQUEST j1~two "))));
  broker_.say("w2", Reply{Bytes("7"), Bytes("j1~2~1")});
  EXPECT_THAT(broker_.sent(), ElementsAre("c2 REPLY j1~2 ok 7"));
  broker_.say("w2", Reply{Bytes("8"), Bytes("j1~two")});
  EXPECT_THAT(broker_.sent(), ElementsAre("c2 REPLY j1~two ok 8"));
  broker_.say("w2", Reply{Bytes("5"), Bytes("j1~2")});
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 REPLY j1 ok 5"));
}

TEST_F(SettlingTest, AReplyThatNamesNoRequestIsRefused) {
  run_job("reply-requested", "");
  broker_.say("w1", Reply{Bytes("5"), Bytes()});
  EXPECT_THAT(broker_.sent(), IsEmpty());
}

// --- Sends that did not leave ---

class SendFailedTest : public SettlingTest {
 protected:
  Message request(const std::string& id, uint32_t attempt) {
    Request request;
    request.attempt = attempt;
    return {Bytes(id), request};
  }
};

TEST_F(SendFailedTest, AJobThatDidNotLeaveNeverStarted) {
  run_job("reply-requested", "settle");
  broker_.ready("w1");  // it seemed to have another slot
  broker_.send_failed("w1", request("j1", 1));
  broker_.wait(milliseconds(1));
  EXPECT_THAT(broker_.sent(), IsEmpty());
  broker_.worker("w2");
  broker_.ready("w2");
  EXPECT_THAT(broker_.sent(), Contains("w2 REQUEST j1 #1"));
  EXPECT_EQ(counter("attempts_lost"), "0");
}

TEST_F(SendFailedTest, AllJobsThatDidNotLeaveGoBackBeforeTheWorkerIsGone) {
  broker_.worker("w1", {{10, "default"}}, "settle");
  broker_.ready("w1", 3);
  for (const char* id : {"j1", "j2", "j3"}) broker_.request("c1", id, "reply-requested");
  broker_.forget();
  broker_.send_failed("w1", request("j2", 1));
  broker_.send_failed("w1", request("j3", 1));
  broker_.wait(milliseconds(1));
  EXPECT_THAT(broker_.sent(), ElementsAre(HasSubstr("c1 REPLY j1 lost")));
  EXPECT_EQ(counter("waiting"), "2");
}

TEST_F(SendFailedTest, AWorkerThatDoesNotReadIsGone) {
  run_job("reply-requested");
  broker_.send_failed("w1", {Bytes("m"), Heartbeat{}}, false);
  broker_.wait(milliseconds(1));
  EXPECT_THAT(broker_.sent(), ElementsAre(HasSubstr("c1 REPLY j1 lost")));
  EXPECT_THAT(broker_.view("status"), HasSubstr(R"("unread":1,"peers_lost":1)"));
}

TEST_F(SendFailedTest, AClientThatDidNotReadIsToldToBeginAnewAndHasItsReplyThen) {
  broker_.client("c1");
  run_job("reply-requested");
  broker_.settle("w1", "j1", 1, Outcome::kOk, "5");
  broker_.forget();
  broker_.send_failed("c1", {Bytes("m"), Reply{Bytes("5"), Bytes("j1"), 0, true, Outcome::kOk}}, false);
  broker_.say("c1", Heartbeat{});
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 KBYE")) << "again with each HEARTBEAT, until it reads it";
  broker_.client("c2");
  broker_.forget();
  broker_.request("c2", "j1", "reply-requested");
  EXPECT_THAT(broker_.sent(), ElementsAre("c2 ACK j1", "c2 REPLY j1 ok 5"));
}

TEST_F(SendFailedTest, AnUnreachableWorkerThatCanResumeKeepsItsJobsUntilItsSilenceHasLasted) {
  run_job("reply-requested");
  broker_.silence("w1");
  broker_.send_failed("w1", {Bytes("m"), Heartbeat{}});
  broker_.wait(broker_.settings().heartbeat_timeout - milliseconds(1));
  EXPECT_THAT(broker_.sent(), IsEmpty());
  broker_.wait(milliseconds(1));
  EXPECT_THAT(broker_.sent(), ElementsAre(HasSubstr("c1 REPLY j1 lost")));
}

TEST_F(SendFailedTest, WithoutHeartbeatsAnUnreachableWorkerIsGoneAtOnce) {
  broker_.change_settings(test_settings([](BrokerSettings& s) { s.heartbeats_enabled = false; }));
  run_job("reply-requested");
  broker_.send_failed("w1", {Bytes("m"), Cancel{Bytes("j1")}});
  broker_.wait(milliseconds(1));
  EXPECT_THAT(broker_.sent(), ElementsAre(HasSubstr("c1 REPLY j1 lost")));
}

TEST_F(SendFailedTest, AnUnreachableWorkerMustBeginAnew) {
  run_job("");
  broker_.send_failed("w1", {Bytes("m"), Heartbeat{}});
  broker_.forget();
  broker_.ready("w1");
  EXPECT_THAT(broker_.sent(), ElementsAre("w1 KBYE"));
}

TEST_F(SendFailedTest, AnUnreachableSchedulerOrClientIsGone) {
  broker_.scheduler("s1");
  broker_.client("c1");
  broker_.send_failed("s1", {Bytes("m"), Heartbeat{}});
  broker_.send_failed("c1", {Bytes("m"), Ack{}});
  EXPECT_THAT(broker_.view("status"), HasSubstr(R"("peers":{"workers":0,"schedulers":0,"clients":0})"));
}

TEST_F(SendFailedTest, AStrangersFailureIsOnlyCounted) {
  broker_.send_failed("c9", {Bytes("m"), Reply{}});
  EXPECT_THAT(broker_.view("status"), HasSubstr(R"("undeliverable":1)"));
}

}  // namespace
}  // namespace eventmq
