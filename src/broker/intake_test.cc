// What clients ask for: jobs, their cancelling.
#include "src/broker/test_broker.h"

namespace eventmq {
namespace {

TEST(RequestTest, IsAckedWhenTaken) {
  TestBroker broker;
  broker.request("c1", "j1");
  EXPECT_THAT(broker.sent(), ElementsAre("c1 ACK j1"));
}

TEST(RequestTest, IsAnsweredWithWhatTheJobReturned) {
  TestBroker broker;
  broker.worker("w1");
  broker.ready("w1");
  broker.request("c1", "j1", "reply-requested");
  broker.forget();
  broker.settle("w1", "j1", 1, Outcome::kOk, R"({"value": 5})");
  EXPECT_THAT(broker.sent(), ElementsAre(R"(c1 REPLY j1 ok {"value": 5})"));
}

TEST(RequestTest, WithoutReplyRequestedHasNoReply) {
  TestBroker broker;
  broker.worker("w1");
  broker.ready("w1");
  broker.request("c1", "j1");
  broker.forget();
  broker.settle("w1", "j1", 1);
  EXPECT_THAT(broker.sent(), IsEmpty());
}

TEST(RequestTest, RepliesGoToTheClientThatAsked) {
  TestBroker broker;
  broker.worker("w1");
  broker.ready("w1", 2);
  broker.request("c1", "j1", "reply-requested");
  broker.request("c2", "j2", "reply-requested");
  broker.forget();
  broker.settle("w1", "j2", 1);
  broker.settle("w1", "j1", 1);
  EXPECT_THAT(broker.sent(), ElementsAre(R"(c2 REPLY j2 ok {"value": 1})", R"(c1 REPLY j1 ok {"value": 1})"));
}

// --- The same id again ---

TEST(DuplicateTest, IsAckedAgainAndNotRunAgain) {
  TestBroker broker;
  broker.worker("w1");
  broker.ready("w1", 2);
  broker.request("c1", "j1");
  broker.forget();
  broker.request("c1", "j1");
  EXPECT_THAT(broker.sent(), ElementsAre("c1 ACK j1"));
  EXPECT_THAT(broker.view("status"), HasSubstr(R"("duplicates":1)"));
}

TEST(DuplicateTest, TheReplyGoesToTheNewestSender) {
  TestBroker broker;
  broker.worker("w1");
  broker.ready("w1");
  broker.request("c1", "j1", "reply-requested");
  broker.request("c2", "j1", "reply-requested");
  broker.forget();
  broker.settle("w1", "j1", 1);
  EXPECT_THAT(broker.sent(), ElementsAre(R"(c2 REPLY j1 ok {"value": 1})"));
}

TEST(DuplicateTest, TheReplyIsSentThoughTheFirstSenderWantedNone) {
  TestBroker broker;
  broker.worker("w1");
  broker.ready("w1");
  broker.request("c1", "j1");
  broker.request("c2", "j1", "reply-requested");
  broker.request("c3", "j1");
  broker.forget();
  broker.settle("w1", "j1", 1);
  EXPECT_THAT(broker.sent(), ElementsAre(R"(c2 REPLY j1 ok {"value": 1})"))
      << "c3 wants none, and takes it from nobody";
}

TEST(DuplicateTest, OfAJobThatEndedIsAckedAndItsReplyRepeated) {
  TestBroker broker;
  broker.worker("w1");
  broker.ready("w1", 2);
  broker.request("c1", "j1", "reply-requested");
  broker.settle("w1", "j1", 1, Outcome::kOk, "5");
  broker.forget();
  broker.request("c2", "j1", "reply-requested");
  EXPECT_THAT(broker.sent(), ElementsAre("c2 ACK j1", "c2 REPLY j1 ok 5"));
}

TEST(DuplicateTest, AfterTheWindowItIsANewJob) {
  TestBroker broker;
  broker.worker("w1");
  broker.ready("w1", 2);
  broker.request("c1", "j1");
  broker.settle("w1", "j1", 1);
  broker.wait(broker.settings().dedupe_window - milliseconds(1));
  broker.forget();
  broker.request("c1", "j1");
  EXPECT_THAT(broker.sent(), ElementsAre("c1 ACK j1"));
  broker.wait(milliseconds(1));
  broker.request("c1", "j1");
  EXPECT_THAT(broker.sent(), ElementsAre("c1 ACK j1", "w1 REQUEST j1 #1"));
}

TEST(DuplicateTest, BeyondTheNumberTheOldestIsForgotten) {
  TestBroker broker(test_settings([](BrokerSettings& s) { s.dedupe_ids = 2; }));
  broker.worker("w1");
  broker.ready("w1", 9);
  for (const char* id : {"j1", "j2", "j3"}) {
    broker.request("c1", id);
    broker.settle("w1", id, 1);
  }
  broker.forget();
  broker.request("c1", "j3");
  broker.request("c1", "j2");
  EXPECT_THAT(broker.sent(), ElementsAre("c1 ACK j3", "c1 ACK j2"));
  broker.request("c1", "j1");
  EXPECT_THAT(broker.sent(), ElementsAre("c1 ACK j1", "w1 REQUEST j1 #1"));
}

TEST(DuplicateTest, OfAJobThatWasCancelledIsNotRun) {
  TestBroker broker;
  broker.request("c1", "j1");
  broker.cancel("c1", "j1");
  broker.worker("w1");
  broker.ready("w1");
  broker.forget();
  broker.request("c1", "j1");
  EXPECT_THAT(broker.sent(), ElementsAre("c1 ACK j1"));
}

// --- Unique keys ---

class UniqueTest : public ::testing::Test {
 protected:
  UniqueTest() { broker_.request("c1", "j1", "unique:k,reply-requested"); }
  void finish() {
    broker_.worker("w1");
    broker_.ready("w1");
    broker_.forget();
    broker_.settle("w1", "j1", 1, Outcome::kOk, "5");
  }
  TestBroker broker_;
};

TEST_F(UniqueTest, OneWhoseTimeIsOverIsNotJoined) {
  broker_.request("c1", "old", "unique:other,expires:5,delay:3600,reply-requested");
  broker_.oversleep(seconds(5));
  broker_.forget();
  broker_.request("c2", "new", "unique:other,reply-requested");
  EXPECT_THAT(broker_.sent(), UnorderedElementsAre(HasSubstr("c1 REPLY old expired"), "c2 ACK new"));
  EXPECT_THAT(broker_.view("job", R"({"id": "new"})"), HasSubstr("waiting"));
}

TEST_F(UniqueTest, ASecondRequestSharesTheJobAndItsReply) {
  broker_.request("c2", "j2", "unique:k,reply-requested");
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 ACK j1", "c2 ACK j2"));
  finish();
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 REPLY j1 ok 5", "c2 REPLY j2 ok 5"));
  EXPECT_THAT(broker_.view("status"), HasSubstr(R"("merged":1)"));
}

TEST_F(UniqueTest, AFollowerIsShownAndNotCancelledWithoutTheOthers) {
  broker_.request("c2", "j2", "unique:k,reply-requested");
  EXPECT_THAT(broker_.view("job", R"({"id": "j2"})"), HasSubstr("It shares job j1 by its unique key"));
  broker_.forget();
  broker_.cancel("c2", "j2");
  EXPECT_THAT(broker_.sent(), ElementsAre("c2 ERROR forbidden cancel-j2"));
  broker_.cancel("c2", "j1");
  EXPECT_THAT(broker_.sent(), Contains(HasSubstr("c2 REPLY j2 cancelled")));
}

TEST_F(UniqueTest, AFollowerThatWantsNoReplyGetsNone) {
  broker_.request("c2", "j2", "unique:k");
  finish();
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 REPLY j1 ok 5"));
}

TEST_F(UniqueTest, AFollowerThatWantsNoReplyIsNotSaidToHaveEnded) {
  broker_.request("c2", "j2", "unique:k");
  broker_.forget();
  broker_.query("job", R"({"id": "j2"})");
  EXPECT_EQ(broker_.error_text(), "j2 has no job of its own: it joined that of another request with its unique key");
}

TEST_F(UniqueTest, AFollowersRequestSentAgainMovesItsReply) {
  broker_.request("c2", "j2", "unique:k,reply-requested");
  broker_.request("c3", "j2", "unique:k,reply-requested");
  finish();
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 REPLY j1 ok 5", "c3 REPLY j2 ok 5"));
}

TEST_F(UniqueTest, AFollowerThatWantsTheReplyWhenItComesAgainGetsIt) {
  broker_.request("c2", "j2", "unique:k,result-ttl:60");
  broker_.request("c3", "j2", "unique:k,reply-requested");
  broker_.request("c4", "j2", "unique:k,result-ttl:60");
  finish();
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 REPLY j1 ok 5", "c3 REPLY j2 ok 5"));
}

TEST_F(UniqueTest, AFollowersRequestSentAgainAfterTheEndIsNotRun) {
  broker_.request("c2", "j2", "unique:k,reply-requested");
  broker_.request("c3", "j3", "unique:k");
  finish();
  broker_.forget();
  broker_.request("c2", "j2", "unique:k,reply-requested");
  broker_.request("c3", "j3", "unique:k");
  EXPECT_THAT(broker_.sent(), ElementsAre("c2 ACK j2", "c2 REPLY j2 ok 5", "c3 ACK j3"));
}

TEST_F(UniqueTest, TheKeyIsFreeWhenTheJobHasEnded) {
  finish();
  broker_.forget();
  broker_.request("c2", "j2", "unique:k");
  EXPECT_THAT(broker_.sent(), ElementsAre("c2 ACK j2", "w1 REQUEST j2 #1"));
}

TEST_F(UniqueTest, KeysOfOtherQueuesAreOthers) {
  broker_.request("c2", "j2", "unique:k", "q");
  EXPECT_THAT(broker_.view("status"), HasSubstr(R"("merged":0)"));
}

TEST_F(UniqueTest, TooManyFollowersAreRefused) {
  for (size_t i = 0; i < limits::kFollowersPerJob; ++i) {
    broker_.request("c2", fmt::format("f{}", i), "unique:k,reply-requested");
  }
  broker_.forget();
  broker_.request("c2", "f-more", "unique:k,reply-requested");
  EXPECT_THAT(broker_.sent(), ElementsAre("c2 ERROR queue-full f-more"));
  broker_.request("c2", "f0", "unique:k,reply-requested");  // is one already
  EXPECT_THAT(broker_.sent(), ElementsAre("c2 ACK f0"));
}

TEST_F(UniqueTest, AFullQueueStillTakesFollowers) {
  broker_.change_settings(test_settings([](BrokerSettings& s) { s.jobs_per_queue = 1; }));
  broker_.forget();
  broker_.request("c2", "j2", "unique:k,reply-requested");
  EXPECT_THAT(broker_.sent(), ElementsAre("c2 ACK j2"));
}

TEST_F(UniqueTest, FollowersAreToldOfAnyEnd) {
  broker_.request("c2", "j2", "unique:k,reply-requested");
  broker_.forget();
  broker_.cancel("c1", "j1");
  EXPECT_THAT(broker_.sent(),
              ElementsAre(HasSubstr("c1 REPLY j1 cancelled"), HasSubstr("c2 REPLY j2 cancelled"), "c1 ACK cancel-j1"));
}

// --- Limits ---

TEST(LimitTest, AFullQueueRefusesAndSaysSo) {
  TestBroker broker(test_settings([](BrokerSettings& s) { s.jobs_per_queue = 2; }));
  broker.request("c1", "j1");
  broker.request("c1", "j2", "delay:9");
  broker.request("c1", "j3");
  broker.request("c1", "j4", "", "other");
  EXPECT_THAT(broker.sent(), ElementsAre("c1 ACK j1", "c1 ACK j2", "c1 ERROR queue-full j3", "c1 ACK j4"));
  EXPECT_THAT(broker.view("queues"), HasSubstr(R"("refused":1)"));
}

TEST(LimitTest, RunningJobsDoNotFillAQueue) {
  TestBroker broker(test_settings([](BrokerSettings& s) { s.jobs_per_queue = 1; }));
  broker.worker("w1");
  broker.ready("w1", 2);
  broker.forget();
  for (const char* id : {"j1", "j2", "j3"}) broker.request("c1", id);
  EXPECT_THAT(broker.sent(), Not(Contains(HasSubstr("ERROR"))));
}

TEST(LimitTest, MemoryIsLimitedOverAllQueues) {
  TestBroker broker(test_settings([](BrokerSettings& s) { s.memory_bytes = 10'000; }));
  const std::string payload(4'000, 'x');
  broker.request("c1", "j1", "", "a", payload);
  broker.request("c1", "j2", "", "b", payload);
  broker.request("c1", "j3", "", "c", payload);
  EXPECT_THAT(broker.sent(), ElementsAre("c1 ACK j1", "c1 ACK j2", "c1 ERROR queue-full j3"));
  broker.cancel("c1", "j1");
  broker.forget();
  broker.request("c1", "j3", "", "c", payload);
  EXPECT_THAT(broker.sent(), ElementsAre("c1 ACK j3"));
}

// A peer can send frames that nobody reads beside those that are kept; they stay in memory with them.
TEST(LimitTest, MemoryCountsWhatAMessageKeepsAliveAndNotOnlyWhatItShows) {
  TestBroker broker(test_settings([](BrokerSettings& s) { s.memory_bytes = 100'000; }));
  BytesPacker packer(90'000);
  Request request;
  request.payload = packer.add("small");
  broker.say("c1", request, "j1");
  broker.request("c1", "j2", "", "", std::string(20'000, 'x'));
  EXPECT_THAT(broker.sent(), ElementsAre("c1 ACK j1", "c1 ERROR queue-full j2"));
}

TEST(LimitTest, FollowersAreCountedAsMemory) {
  TestBroker broker(test_settings([](BrokerSettings& s) { s.memory_bytes = 4'000; }));
  broker.request("c1", "j1", "unique:k,reply-requested");
  int taken = 0;
  for (; taken < 100; ++taken) {
    broker.forget();
    broker.request("c1", fmt::format("f{}", taken), "unique:k,reply-requested");
    if (broker.sent().back().find("ERROR queue-full") != std::string::npos) break;
  }
  EXPECT_GT(taken, 1);
  EXPECT_LT(taken, 30);
}

TEST(LimitTest, QueuesAreLimitedAndIdleOnesMakeRoom) {
  Broker broker({}, 1, "i", Instant{0});
  Effects effects;
  const auto say = [&](const std::string& id, Instant now, Body body) {
    effects.clear();
    broker.step(MessageArrived{Side::kFrontend, Bytes("c1"), {Bytes(id), std::move(body)}}, now, effects);
    return text_of(effects.sends.back());
  };
  const auto job = [](const std::string& queue) { return Request{Bytes(queue), {}, Bytes("x")}; };
  Instant now{0};
  for (size_t i = 0; i < limits::kQueues; ++i) {
    const std::string name = fmt::format("q{}", i);
    ASSERT_EQ(say(name, now, job(name)), "c1 ACK " + name);
  }
  EXPECT_EQ(say("more", now, job("more")), "c1 ERROR queue-full more");
  effects.clear();
  broker.step(MessageArrived{Side::kAdministrative, Bytes("a1"), {Bytes("q1"), Query{Bytes("status"), {}}}}, now,
              effects);
  EXPECT_THAT(text_of(effects.sends.back()), HasSubstr(R"("queues_refused":1)")) << "no queue can count it";
  effects.clear();
  Inform inform;
  inform.queues = {{10, Bytes("served")}};
  broker.step(MessageArrived{Side::kBackend, Bytes("w1"), {Bytes("i1"), inform}}, now, effects);
  EXPECT_EQ(text_of(effects.sends.back()), "w1 ACK i1") << "clients that fill the queues must keep no worker out";
  EXPECT_EQ(say("taken", now, job("served")), "c1 ACK taken");
  for (const char* id : {"q7", "q8"}) say("m", now, Cancel{Bytes(id)});  // their queues are idle now
  now = now + limits::kQueuePruning;
  EXPECT_EQ(say("more2", now, job("more")), "c1 ACK more2");
  broker.check_invariants();
}

TEST(LimitTest, CountsOfQueuesThatWereForgottenStayInTheTotals) {
  TestBroker broker;
  broker.request("c1", "j1", "", "q");
  broker.cancel("c1", "j1");
  EXPECT_THAT(broker.view("status"),
              HasSubstr(R"("totals":{"accepted":1,"done":0,"dead":0,"expired":0,"cancelled":1)"));
}

// --- CANCEL ---

class CancelTest : public ::testing::Test {
 protected:
  void run_job(std::string_view words, const std::string& headers = "reply-requested") {
    broker_.worker("w1", {{10, "default"}}, words);
    broker_.ready("w1");
    broker_.request("c1", "j1", headers);
    broker_.forget();
  }
  TestBroker broker_;
};

TEST_F(CancelTest, AWaitingJobEndsAtOnce) {
  broker_.request("c1", "j1", "reply-requested");
  broker_.forget();
  broker_.cancel("c2", "j1");
  EXPECT_THAT(broker_.sent(), ElementsAre(HasSubstr("c1 REPLY j1 cancelled"), "c2 ACK cancel-j1"));
}

TEST_F(CancelTest, ADelayedJobEndsAtOnce) {
  broker_.request("c1", "j1", "reply-requested,delay:9");
  broker_.forget();
  broker_.cancel("c1", "j1");
  EXPECT_THAT(broker_.sent(), ElementsAre(HasSubstr("c1 REPLY j1 cancelled"), "c1 ACK cancel-j1"));
  EXPECT_EQ(broker_.next_wake(), Instant::never());
}

TEST_F(CancelTest, OfARunningJobGoesToItsWorker) {
  run_job(TestBroker::kAll);
  broker_.cancel("c1", "j1");
  EXPECT_THAT(broker_.sent(), ElementsAre("w1 CANCEL j1", "c1 ACK cancel-j1"));
  broker_.settle("w1", "j1", 1, Outcome::kCancelled, "gone");
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 REPLY j1 cancelled gone"));
}

TEST_F(CancelTest, AskedTwiceIsTellingTheWorkerOnce) {
  run_job(TestBroker::kAll);
  broker_.cancel("c1", "j1");
  broker_.forget();
  broker_.cancel("c1", "j1");
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 ACK cancel-j1"));
}

TEST_F(CancelTest, AWorkerThatCannotCancelIsNotAsked) {
  run_job("settle");
  broker_.cancel("c1", "j1");
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 ERROR forbidden cancel-j1"));
}

TEST_F(CancelTest, AJobThatWasFinishedFirstIsDone) {
  run_job(TestBroker::kAll);
  broker_.cancel("c1", "j1");
  broker_.forget();
  broker_.settle("w1", "j1", 1);
  EXPECT_THAT(broker_.sent(), ElementsAre(R"(c1 REPLY j1 ok {"value": 1})"));
}

TEST_F(CancelTest, AJobThatFailsAfterwardsIsNotRetried) {
  run_job(TestBroker::kAll, "reply-requested,retry-count:5");
  broker_.cancel("c1", "j1");
  broker_.forget();
  broker_.settle("w1", "j1", 1, Outcome::kError, "oops");
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 REPLY j1 error oops"));
}

TEST_F(CancelTest, AJobThatIsLostAfterwardsIsCancelledWhateverItsClass) {
  run_job(TestBroker::kAll, "reply-requested,retry-count:5,guarantee");
  broker_.cancel("c1", "j1");
  broker_.forget();
  broker_.lose("w1");
  EXPECT_THAT(broker_.sent(), ElementsAre(HasSubstr("c1 REPLY j1 cancelled")));
}

TEST_F(CancelTest, AJobThatIsHandedBackAfterwardsIsCancelled) {
  run_job(TestBroker::kAll);
  broker_.cancel("c1", "j1");
  broker_.forget();
  broker_.settle("w1", "j1", 1, Outcome::kReturned);
  EXPECT_THAT(broker_.sent(), ElementsAre(HasSubstr("c1 REPLY j1 cancelled")));
}

TEST_F(CancelTest, OfAJobThatIsNotThereIsAnError) {
  broker_.cancel("c1", "j9");
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 ERROR unknown-job cancel-j9"));
}

// --- To whom ERROR goes ---

TEST(ErrorTest, PublishedWorkersAndSchedulersGetNone) {
  TestBroker broker(test_settings([](BrokerSettings& s) { s.jobs_per_queue = 0; }));
  broker.scheduler("s1");
  broker.published_worker("w1");
  broker.forget();
  broker.request("s1", "j1");
  broker.cancel("w1", "j9");
  EXPECT_THAT(broker.sent(), IsEmpty());
  broker.scheduler("s2", "errors");
  broker.forget();
  broker.request("s2", "j2");
  EXPECT_THAT(broker.sent(), ElementsAre("s2 ERROR queue-full j2"));
}

}  // namespace
}  // namespace eventmq
