// What happens when time passes.
#include "src/broker/test_broker.h"

namespace eventmq {
namespace {

// --- Heartbeats ---

class HeartbeatTest : public ::testing::Test {
 protected:
  std::string peers() {
    const std::string status = broker_.view("status");
    const size_t at = status.find(R"("peers":)");
    return status.substr(at + 8, status.find('}', at) - at - 7);
  }
  TestBroker broker_;
};

TEST_F(HeartbeatTest, AreSentToAPeerThatWasSentNothingElse) {
  broker_.worker("w1");
  broker_.forget();
  broker_.wait(milliseconds(2999));
  EXPECT_THAT(broker_.sent_to("w1"), IsEmpty());
  broker_.wait(milliseconds(1));
  EXPECT_THAT(broker_.sent_to("w1"), ElementsAre("w1 HEARTBEAT"));
  broker_.wait(seconds(3));
  EXPECT_THAT(broker_.sent_to("w1"), ElementsAre("w1 HEARTBEAT"));
}

TEST_F(HeartbeatTest, AJobSentCountsAsOne) {
  broker_.worker("w1");
  broker_.wait(seconds(2));
  broker_.ready("w1");
  broker_.request("c1", "j1");
  broker_.forget();
  broker_.wait(milliseconds(2999));
  EXPECT_THAT(broker_.sent_to("w1"), IsEmpty());
}

TEST_F(HeartbeatTest, SayTheTime) {
  broker_.worker("w1");
  broker_.forget();
  broker_.wait(seconds(3));
  const std::vector<Send> sends = broker_.sends();
  ASSERT_EQ(sends.size(), 1u);
  EXPECT_EQ(std::get<Heartbeat>(sends[0].message.body).time.str(), "1000000003.000000");
}

TEST_F(HeartbeatTest, ASilentPeerIsGoneAtTheTimeoutAndNotBefore) {
  broker_.worker("w1");
  broker_.scheduler("s1");
  broker_.client("c1");
  for (const char* name : {"w1", "s1", "c1"}) broker_.silence(name);
  broker_.wait(milliseconds(4999));
  EXPECT_EQ(peers(), R"({"workers":1,"schedulers":1,"clients":1})");
  broker_.wait(milliseconds(1));
  EXPECT_EQ(peers(), R"({"workers":0,"schedulers":0,"clients":0})");
  EXPECT_THAT(broker_.view("status"), HasSubstr(R"("peers_lost":3)"));
}

TEST_F(HeartbeatTest, WhoWasNotReadWasNotSilent) {
  broker_.client("c1");
  broker_.worker("w1");
  broker_.silence("c1");
  broker_.silence("w1");
  broker_.wait(milliseconds(4999));
  broker_.step(PeersUnread{Side::kFrontend});
  broker_.wait(milliseconds(4999));
  EXPECT_EQ(peers(), R"({"workers":0,"schedulers":0,"clients":1})");
}

TEST_F(HeartbeatTest, AnyMessageIsASignOfLife) {
  broker_.worker("w1");
  broker_.silence("w1");
  for (int i = 0; i < 3; ++i) {
    broker_.wait(seconds(4));
    broker_.ready("w1");
  }
  EXPECT_EQ(peers(), R"({"workers":1,"schedulers":0,"clients":0})");
}

TEST_F(HeartbeatTest, ALivingWorkerKeepsALongJob) {
  broker_.worker("w1");
  broker_.ready("w1");
  broker_.request("c1", "j1", "reply-requested,guarantee");
  broker_.wait(seconds(3600));
  broker_.forget();
  broker_.settle("w1", "j1", 1);
  EXPECT_THAT(broker_.sent(), ElementsAre(R"(c1 REPLY j1 ok {"value": 1})"));
}

TEST_F(HeartbeatTest, OneWhoWasGivenUpIsAStranger) {
  broker_.worker("w1");
  broker_.lose("w1");
  broker_.forget();
  broker_.say("w1", Heartbeat{});
  EXPECT_THAT(broker_.sent(), ElementsAre("w1 KBYE"));
}

TEST_F(HeartbeatTest, DisabledNeitherSentNorMissed) {
  broker_.change_settings(test_settings([](BrokerSettings& s) { s.heartbeats_enabled = false; }));
  broker_.worker("w1");
  broker_.silence("w1");
  broker_.forget();
  broker_.wait(seconds(1000));
  EXPECT_THAT(broker_.sent_to("w1"), IsEmpty());
  EXPECT_EQ(peers(), R"({"workers":1,"schedulers":0,"clients":0})");
  EXPECT_EQ(broker_.next_wake(), Instant::never());
}

TEST_F(HeartbeatTest, EnabledLaterEveryoneHasAWholeTimeout) {
  broker_.change_settings(test_settings([](BrokerSettings& s) { s.heartbeats_enabled = false; }));
  broker_.worker("w1");
  broker_.silence("w1");
  broker_.wait(seconds(1000));
  broker_.change_settings({});
  broker_.wait(milliseconds(4999));
  EXPECT_EQ(peers(), R"({"workers":1,"schedulers":0,"clients":0})");
  broker_.wait(milliseconds(1));
  EXPECT_EQ(peers(), R"({"workers":0,"schedulers":0,"clients":0})");
}

// The broker's process was stopped for a minute. What its peers said meanwhile lies unread in its sockets.
TEST(StandstillTest, OwnAbsenceIsNobodysSilence) {
  Broker broker({}, 1, "i", Instant{0});
  Effects effects;
  const auto step = [&](Event event, Instant now) {
    effects.clear();
    broker.step(std::move(event), now, effects);
  };
  step(MessageArrived{Side::kBackend, Bytes("w1"), {Bytes("m"), Inform{}}}, Instant{0});
  Instant now = Instant{0} + seconds(60);
  step(Tick{}, now);
  EXPECT_THAT(effects.log, Contains(::testing::Field(&LogLine::text, HasSubstr("stood still"))));
  step(MessageArrived{Side::kBackend, Bytes("w1"), {Bytes("m"), Heartbeat{}}}, now);
  EXPECT_TRUE(effects.sends.empty()) << "it is no stranger";
  for (int i = 0; i < 5; ++i) {  // but when the broker runs, silence counts
    now = now + seconds(1);
    step(Tick{}, now);
  }
  step(MessageArrived{Side::kBackend, Bytes("w1"), {Bytes("m"), Heartbeat{}}}, now);
  ASSERT_EQ(effects.sends.size(), 1u);
  EXPECT_EQ(text_of(effects.sends[0]), "w1 KBYE");
}

// --- Delay and expiry ---

class TimedJobTest : public ::testing::Test {
 protected:
  void worker(int slots = 1) {
    broker_.worker("w1");
    broker_.ready("w1", slots);
    broker_.forget();
  }
  TestBroker broker_;
};

TEST_F(TimedJobTest, ADelayedJobStartsWhenItIsDue) {
  worker();
  broker_.request("c1", "j1", "delay:1.5");
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 ACK j1"));
  broker_.wait(milliseconds(1499));
  EXPECT_THAT(broker_.sent(), IsEmpty());
  broker_.wait(milliseconds(1));
  EXPECT_THAT(broker_.sent(), ElementsAre("w1 REQUEST j1 #1"));
}

TEST_F(TimedJobTest, DelayedJobsStartInTheOrderOfTheirTimes) {
  worker(3);
  broker_.request("c1", "j3", "delay:3");
  broker_.request("c1", "j1", "delay:1");
  broker_.request("c1", "j2", "delay:2");
  broker_.forget();
  broker_.wait(seconds(3));
  EXPECT_THAT(broker_.sent(), ElementsAre("w1 REQUEST j1 #1", "w1 REQUEST j2 #1", "w1 REQUEST j3 #1"));
}

TEST_F(TimedJobTest, AWaitingJobExpires) {
  broker_.request("c1", "j1", "expires:2,reply-requested");
  broker_.forget();
  broker_.wait(milliseconds(1999));
  EXPECT_THAT(broker_.sent(), IsEmpty());
  broker_.wait(milliseconds(1));
  EXPECT_THAT(broker_.sent(), ElementsAre(HasSubstr("c1 REPLY j1 expired")));
  EXPECT_THAT(broker_.view("queues"), HasSubstr(R"("expired":1)"));
}

TEST_F(TimedJobTest, ADelayedJobExpires) {
  worker();
  broker_.request("c1", "j1", "delay:9,expires:2,reply-requested");
  broker_.forget();
  broker_.wait(seconds(2));
  EXPECT_THAT(broker_.sent(), ElementsAre(HasSubstr("c1 REPLY j1 expired")));
}

TEST_F(TimedJobTest, AJobThatStartedInTimeRunsOn) {
  worker();
  broker_.request("c1", "j1", "expires:2,reply-requested");
  broker_.wait(seconds(60));
  broker_.forget();
  broker_.settle("w1", "j1", 1);
  EXPECT_THAT(broker_.sent(), ElementsAre(R"(c1 REPLY j1 ok {"value": 1})"));
}

TEST_F(TimedJobTest, ExpiresZeroIsNowOrNever) {
  worker();
  broker_.request("c1", "j1", "expires:0,reply-requested");
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 ACK j1", "w1 REQUEST j1 #1"));
  broker_.request("c1", "j2", "expires:0,reply-requested");
  broker_.forget();
  broker_.wait(microseconds(1));
  EXPECT_THAT(broker_.sent(), ElementsAre(HasSubstr("c1 REPLY j2 expired")));
}

TEST_F(TimedJobTest, AJobIsNotStartedAfterItExpiredThoughNoTickCameBetween) {
  Broker broker({}, 1, "i", Instant{0});
  Effects effects;
  const auto say = [&](std::string_view peer, Side side, Body body, Instant now) {
    effects.clear();
    broker.step(MessageArrived{side, Bytes(peer), {Bytes("j1"), std::move(body)}}, now, effects);
  };
  say("c1", Side::kFrontend, Request{Bytes(), parse_headers(Bytes("expires:1,reply-requested")).value(), Bytes()},
      Instant{0});
  say("w1", Side::kBackend, Inform{}, Instant{0});
  say("w1", Side::kBackend, Ready{}, Instant{0} + milliseconds(1001));
  ASSERT_EQ(effects.sends.size(), 1u);
  EXPECT_THAT(text_of(effects.sends[0]), HasSubstr("c1 REPLY j1 expired"));
  broker.check_invariants();
}

TEST_F(TimedJobTest, ARetryDoesNotStartAfterItExpired) {
  worker(2);
  broker_.request("c1", "j1", "retry-count:3,backoff:10,expires:2,reply-requested");
  broker_.settle("w1", "j1", 1, Outcome::kError);
  broker_.forget();
  broker_.wait(seconds(2));
  EXPECT_THAT(broker_.sent(), ElementsAre(HasSubstr("c1 REPLY j1 expired")));
}

TEST_F(TimedJobTest, ManyThatFallDueTogetherAreTakenABoundedNumberAtATime) {
  Broker broker({}, 1, "i", Instant{0});
  Effects effects;
  const size_t count = limits::kDueJobsPerTick + 1;
  for (size_t i = 0; i < count; ++i) {
    Request request{Bytes(), parse_headers(Bytes("expires:1,reply-requested")).value(), Bytes()};
    broker.step(MessageArrived{Side::kFrontend, Bytes("c1"), {Bytes(fmt::format("j{}", i)), request}}, Instant{0},
                effects);
  }
  const Instant due = Instant{0} + seconds(1);
  effects.clear();
  broker.step(Tick{}, due, effects);
  EXPECT_EQ(effects.sends.size(), limits::kDueJobsPerTick);
  EXPECT_LE(broker.next_wake(), due);
  effects.clear();
  broker.step(Tick{}, due, effects);
  EXPECT_EQ(effects.sends.size(), 1u);
  EXPECT_EQ(broker.next_wake(), Instant::never());
}

TEST_F(TimedJobTest, TheLoopIsWokenForWhateverComesFirst) {
  EXPECT_EQ(broker_.next_wake(), Instant::never());
  broker_.request("c1", "j1", "delay:9");
  EXPECT_EQ(broker_.next_wake(), broker_.now() + seconds(9));
  broker_.request("c1", "j2", "expires:7");
  EXPECT_EQ(broker_.next_wake(), broker_.now() + seconds(7));
  broker_.worker("w1");
  EXPECT_EQ(broker_.next_wake(), broker_.now() + seconds(3));
}

// --- Orderly shutdown ---

class DrainTest : public ::testing::Test {
 protected:
  DrainTest() {
    broker_.worker("w1");
    broker_.ready("w1");
    broker_.forget();
  }
  TestBroker broker_;
};

TEST_F(DrainTest, AnIdleBrokerEndsAtOnceAndSaysGoodbye) {
  broker_.client("c1");
  broker_.scheduler("s1");
  broker_.forget();
  broker_.shut_down();
  EXPECT_TRUE(broker_.stopped());
  EXPECT_THAT(broker_.sent(), UnorderedElementsAre("w1 KBYE", "c1 KBYE", "s1 KBYE"));
}

TEST_F(DrainTest, DisconnectOnTheAdministrativeSocketIsAckedAndEndsTheBroker) {
  broker_.say("a1", Disconnect{}, "m1");
  EXPECT_THAT(broker_.sent(), ElementsAre("a1 ACK m1", "w1 KBYE"));
  EXPECT_TRUE(broker_.stopped());
}

TEST_F(DrainTest, RunningAndWaitingJobsAreFinished) {
  broker_.request("c1", "j1", "reply-requested");
  broker_.request("c1", "j2", "reply-requested");
  broker_.shut_down();
  EXPECT_FALSE(broker_.stopped());
  broker_.forget();
  broker_.settle("w1", "j1", 1);
  EXPECT_THAT(broker_.sent(), ElementsAre(R"(c1 REPLY j1 ok {"value": 1})", "w1 REQUEST j2 #1"));
  broker_.settle("w1", "j2", 1);
  EXPECT_THAT(broker_.sent(), ElementsAre(R"(c1 REPLY j2 ok {"value": 1})", "w1 KBYE"));
  EXPECT_TRUE(broker_.stopped());
}

TEST_F(DrainTest, NewJobsAreRefusedAndKnownOnesAckedAgain) {
  broker_.request("c1", "j1", "unique:k,reply-requested");
  broker_.shut_down();
  broker_.forget();
  broker_.request("c1", "j2");
  broker_.request("c1", "j1");
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 ERROR shutting-down j2", "c1 ACK j1"));
}

TEST_F(DrainTest, JobsThatNobodyServesAreNotWaitedFor) {
  broker_.request("c1", "j1", "reply-requested", "q");
  broker_.request("c1", "j2", "reply-requested,delay:5", "q");
  broker_.forget();
  broker_.shut_down();
  EXPECT_TRUE(broker_.stopped());
  EXPECT_THAT(broker_.sent(),
              UnorderedElementsAre(HasSubstr("c1 REPLY j1 lost"), HasSubstr("c1 REPLY j2 lost"), "w1 KBYE"));
}

TEST_F(DrainTest, DelayedJobsThatWouldBeLostAreFinished) {
  broker_.request("c1", "retried", "reply-requested,retry-count:1,backoff:1");
  broker_.settle("w1", "retried", 1, Outcome::kError);
  broker_.request("c1", "later", "reply-requested,delay:10");
  broker_.shut_down();
  EXPECT_FALSE(broker_.stopped());
  broker_.wait(seconds(5));
  broker_.settle("w1", "retried", 2);
  EXPECT_FALSE(broker_.stopped());
  broker_.wait(seconds(5));
  broker_.forget();
  broker_.settle("w1", "later", 1);
  EXPECT_THAT(broker_.sent(), ElementsAre(R"(c1 REPLY later ok {"value": 1})", "w1 KBYE"));
  EXPECT_TRUE(broker_.stopped());
}

TEST_F(DrainTest, ADelayThatEndsAfterTheDeadlineIsNotWaitedFor) {
  broker_.request("c1", "j1", "reply-requested,delay:31");
  broker_.forget();
  broker_.shut_down();
  EXPECT_TRUE(broker_.stopped());
  EXPECT_THAT(broker_.sent(), ElementsAre(HasSubstr("c1 REPLY j1 lost"), "w1 KBYE"));
}

TEST_F(DrainTest, DelayedJobsThatTheStoreKeepsAreNotWaitedFor) {
  BrokerSettings settings = broker_.settings();
  settings.store_durable = true;
  broker_.change_settings(settings);
  broker_.request("c1", "j1", "reply-requested,guarantee,delay:5");
  broker_.shut_down();
  EXPECT_TRUE(broker_.stopped());
}

TEST_F(DrainTest, ADelayedJobIsNotWaitedForOnceItsWorkersHaveLeft) {
  broker_.request("c1", "j1", "reply-requested,delay:5");
  broker_.shut_down();
  EXPECT_FALSE(broker_.stopped());
  broker_.say("w1", Disconnect{});
  EXPECT_TRUE(broker_.stopped());
}

TEST_F(DrainTest, OfManyDelayedJobsEachIsWaitedForAndOnlyThoseThatAreServed) {
  broker_.worker("w2", {{10, "other"}});
  for (const char* queue : {"default", "other", "nobodys"}) {
    for (const char* number : {"1", "2", "3"}) broker_.request("c1", std::string(queue) + number, "delay:5", queue);
  }
  broker_.shut_down();
  for (const char* id : {"default2", "other1", "default1", "default3"}) {
    broker_.cancel("c1", id);
    EXPECT_FALSE(broker_.stopped()) << "after " << id;
  }
  broker_.cancel("c1", "other2");
  EXPECT_FALSE(broker_.stopped()) << "other3 is waited for";
  broker_.say("w2", Disconnect{});
  EXPECT_TRUE(broker_.stopped());
}

TEST_F(DrainTest, ALeavingWorkerIsNotWaitedForByWaitingJobs) {
  broker_.request("c1", "j1");
  broker_.request("c1", "j2", "reply-requested");
  broker_.say("w1", Disconnect{});
  broker_.shut_down();
  broker_.forget();
  broker_.settle("w1", "j1", 1);
  EXPECT_TRUE(broker_.stopped());
}

TEST_F(DrainTest, TheDeadlineEndsItWhateverRuns) {
  broker_.request("c1", "j1", "reply-requested");
  broker_.shut_down();
  broker_.forget();
  broker_.wait(broker_.settings().drain_timeout - milliseconds(1));
  EXPECT_FALSE(broker_.stopped());
  EXPECT_THAT(broker_.sent(), IsEmpty());
  broker_.wait(milliseconds(1));
  EXPECT_TRUE(broker_.stopped());
  EXPECT_THAT(broker_.sent(), ElementsAre(HasSubstr("c1 REPLY j1 lost"), "w1 KBYE"));
}

TEST_F(DrainTest, GuaranteedJobsAreNotToldLost) {
  broker_.request("c1", "j1", "reply-requested,guarantee");
  broker_.shut_down();
  broker_.forget();
  broker_.wait(broker_.settings().drain_timeout);
  EXPECT_TRUE(broker_.stopped());
  EXPECT_THAT(broker_.sent(), ElementsAre("w1 KBYE"));
}

TEST_F(DrainTest, AskedTwiceItKeepsItsDeadline) {
  broker_.request("c1", "j1");
  broker_.shut_down();
  broker_.wait(seconds(20));
  broker_.shut_down();
  broker_.wait(seconds(10));
  EXPECT_TRUE(broker_.stopped());
}

TEST_F(DrainTest, AfterTheEndItSaysNothing) {
  broker_.shut_down();
  broker_.forget();
  broker_.request("c1", "j1");
  EXPECT_THAT(broker_.sent(), IsEmpty());
  EXPECT_EQ(broker_.next_wake(), Instant::never());
}

// --- Settings ---

TEST(SettingsTest, TakeEffectAtOnce) {
  TestBroker broker;
  broker.request("c1", "j1");
  broker.change_settings(test_settings([](BrokerSettings& s) { s.jobs_per_queue = 1; }));
  broker.forget();
  broker.request("c1", "j2");
  EXPECT_THAT(broker.sent(), ElementsAre("c1 ERROR queue-full j2"));
  broker.change_settings({});
  broker.request("c1", "j2");
  EXPECT_THAT(broker.sent(), ElementsAre("c1 ACK j2"));
}

TEST(SettingsTest, AShorterDedupeWindowForgetsSooner) {
  TestBroker broker;
  broker.request("c1", "j1");
  broker.cancel("c1", "j1");
  broker.wait(seconds(10));
  broker.change_settings(test_settings([](BrokerSettings& s) { s.dedupe_window = seconds(5); }));
  broker.request("c1", "j1");
  EXPECT_THAT(broker.view("jobs"), HasSubstr(R"("id":"j1")"));
}

}  // namespace
}  // namespace eventmq
