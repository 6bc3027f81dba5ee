// Peers come, speak and go.
#include "src/broker/test_broker.h"

namespace eventmq {
namespace {

TEST(RegistrationTest, AckSaysTheLargestFrameIfTheSocketsTellIt) {
  BrokerSettings settings;
  settings.frame_bytes_max = 65536;
  TestBroker broker(settings);
  broker.worker("w1");
  EXPECT_THAT(broker.sent(), ElementsAre("w1 ACK settle,errors,cancel,progress,multi-ack,resume,instance:instance-1,"
                                         "frame-max:65536"));
}

TEST(RegistrationTest, AnInformIsAcked) {
  TestBroker broker;
  broker.published_worker("w1");
  broker.scheduler("s1");
  EXPECT_THAT(broker.sent(), ElementsAre("w1 ACK", "s1 ACK"));
}

TEST(RegistrationTest, CapabilitiesAreAnsweredOnlyToThoseWhoHaveSome) {
  TestBroker broker;
  broker.worker("w1", {{10, "default"}}, "settle");
  EXPECT_THAT(broker.sent(), ElementsAre("w1 ACK settle,errors,cancel,progress,multi-ack,resume,instance:instance-1"));
  broker.published_worker("w2");
  EXPECT_THAT(broker.sent(), ElementsAre("w2 ACK"));
}

TEST(RegistrationTest, AnInformWithAnEmptyCapabilityFrameLearnsOurs) {
  TestBroker broker;
  Inform inform;
  inform.has_capabilities = true;
  broker.say("w1", inform, "inform-w1");
  EXPECT_THAT(broker.sent(), ElementsAre(HasSubstr("w1 ACK settle")));
}

TEST(RegistrationTest, AWorkerWithoutQueuesServesTheDefaultQueue) {
  TestBroker broker;
  broker.worker("w1", {});
  broker.ready("w1");
  broker.request("c1", "j1", "", "");
  EXPECT_THAT(broker.sent(), Contains("w1 REQUEST j1 #1"));
}

TEST(RegistrationTest, AQueueNamedTwiceCountsOnce) {
  TestBroker broker;
  broker.worker("w1", {{10, "q"}, {10, "q"}, {30, "q"}});
  broker.ready("w1", 2);
  broker.request("c1", "j1", "", "q");
  broker.request("c1", "j2", "", "q");
  EXPECT_THAT(broker.sent(), Contains("w1 REQUEST j2 #1"));
  broker.say("w1", Goodbye{});
}

TEST(RegistrationTest, InformAgainBeginsAnew) {
  TestBroker broker;
  broker.worker("w1", {{10, "a"}});
  broker.ready("w1", 3);
  broker.worker("w1", {{10, "b"}});
  broker.request("c1", "j1", "", "a");
  broker.request("c1", "j2", "", "b");
  EXPECT_THAT(broker.view("workers"), HasSubstr(R"("slots_free":0)"));
  broker.forget();
  broker.ready("w1");
  EXPECT_THAT(broker.sent(), ElementsAre("w1 REQUEST j2 #1"));
}

TEST(RegistrationTest, APeerMayComeBackAsAnotherKind) {
  TestBroker broker;
  broker.worker("w1");
  broker.ready("w1");
  broker.scheduler("w1");
  broker.request("c1", "j1");
  EXPECT_THAT(broker.sent(), Not(Contains(HasSubstr("w1 REQUEST"))));
  EXPECT_THAT(broker.view("status"), HasSubstr(R"("peers":{"workers":0,"schedulers":1,"clients":0})"));
}

TEST(RegistrationTest, OneNameOnTwoSidesIsTwoPeers) {
  TestBroker broker;
  broker.step(MessageArrived{Side::kFrontend, Bytes("w1"), {Bytes("m"), Inform{}}});
  broker.worker("w1");
  EXPECT_THAT(broker.view("status"), HasSubstr(R"("workers":2)"));
}

TEST(RegistrationTest, TooManyOfAKindAreRefusedAndToldIfTheyUnderstand) {
  TestBroker broker;
  for (size_t i = 0; i < limits::kSchedulers; ++i) broker.scheduler(fmt::format("s{}", i));
  broker.forget();
  broker.scheduler("published");
  broker.scheduler("newer", "errors");
  EXPECT_THAT(broker.sent(), ElementsAre("newer ERROR queue-full inform-newer"));
  broker.scheduler("s0");  // is one of them already
  EXPECT_THAT(broker.sent(), ElementsAre("s0 ACK"));
}

TEST(RegistrationTest, TooManySubscriptionsAreRefused) {
  TestBroker broker;
  TestQueues queues;
  for (size_t i = 0; i < limits::kQueuesPerInform; ++i) queues.push_back({10, fmt::format("q{}", i)});
  const size_t fit = limits::kSubscriptions / limits::kQueuesPerInform;
  // Each step checks all invariants, so the many are told to a broker without the checks.
  Broker bare({}, 1, "i", Instant{0});
  Effects effects;
  for (size_t i = 0; i <= fit; ++i) {
    effects.clear();
    Inform inform;
    inform.has_capabilities = true;
    inform.capabilities.errors = true;
    for (const auto& [weight, name] : queues) inform.queues.push_back({weight, Bytes(name)});
    bare.step(MessageArrived{Side::kBackend, Bytes(fmt::format("w{}", i)), {Bytes("m"), inform}}, Instant{0}, effects);
  }
  ASSERT_EQ(effects.sends.size(), 1u);
  EXPECT_EQ(text_of(effects.sends[0]), fmt::format("w{} ERROR queue-full m", fit));
  bare.check_invariants();
}

// --- READY ---

TEST(CreditTest, EveryReadyIsOneJob) {
  TestBroker broker;
  broker.worker("w1");
  broker.ready("w1", 2);
  broker.forget();
  for (int i = 1; i <= 3; ++i) broker.request("c1", fmt::format("j{}", i));
  EXPECT_THAT(broker.sent(),
              ElementsAre("c1 ACK j1", "w1 REQUEST j1 #1", "c1 ACK j2", "w1 REQUEST j2 #1", "c1 ACK j3"));
  broker.ready("w1");
  EXPECT_THAT(broker.sent(), ElementsAre("w1 REQUEST j3 #1"));
}

TEST(CreditTest, ASettlingReplyIsTheReadyOfItsSlot) {
  TestBroker broker;
  broker.worker("w1");
  broker.ready("w1");
  broker.request("c1", "j1");
  broker.request("c1", "j2");
  broker.forget();
  broker.settle("w1", "j1", 1);
  EXPECT_THAT(broker.sent(), ElementsAre("w1 REQUEST j2 #1"));
}

TEST(CreditTest, APublishedReplyIsNoReady) {
  TestBroker broker;
  broker.published_worker("w1");
  broker.ready("w1");
  broker.request("c1", "j1");
  broker.request("c1", "j2");
  broker.forget();
  broker.say("w1", Reply{Bytes("1"), Bytes("j1")});
  EXPECT_THAT(broker.sent(), IsEmpty());
  broker.ready("w1");
  EXPECT_THAT(broker.sent(), ElementsAre("w1 REQUEST j2 [reply-requested]"));
}

TEST(CreditTest, ReadysBeyondTheCapAreDroppedAndCounted) {
  Broker broker({}, 1, "i", Instant{0});
  Effects effects;
  size_t warnings = 0;
  const auto say = [&](Body body) {
    effects.clear();
    broker.step(MessageArrived{Side::kBackend, Bytes("w1"), {Bytes("m"), std::move(body)}}, Instant{0}, effects);
    for (const LogLine& line : effects.log) warnings += line.level == LogLevel::kWarning ? 1 : 0;
  };
  say(Inform{});
  for (uint32_t i = 0; i < limits::kCreditsPerWorker + 77; ++i) say(Ready{});
  EXPECT_EQ(warnings, 1u);
  broker.check_invariants();
  effects.clear();
  broker.step(MessageArrived{Side::kAdministrative, Bytes("a"), {Bytes("m"), Query{Bytes("status"), Bytes()}}},
              Instant{0}, effects);
  const std::string status = std::get<Reply>(effects.sends.at(0).message.body).payload.str();
  EXPECT_THAT(status, HasSubstr(R"("excess_ready":77)"));
}

// --- Those who never sent INFORM ---

TEST(StrangerTest, WorkersTalkIsAnsweredWithGoodbye) {
  TestBroker broker;
  broker.ready("w9");
  broker.say("w9", Heartbeat{});
  broker.settle("w9", "j1", 1);
  broker.say("w9", Progress{Bytes("j1"), 0.5, Bytes()});
  EXPECT_THAT(broker.sent(), ElementsAre("w9 KBYE", "w9 KBYE", "w9 KBYE", "w9 KBYE"));
  EXPECT_THAT(broker.view("status"), HasSubstr(R"("strangers":4)"));
}

TEST(StrangerTest, TheirFarewellNeedsNoAnswer) {
  TestBroker broker;
  broker.say("w9", Goodbye{});
  EXPECT_THAT(broker.sent(), IsEmpty());
}

TEST(StrangerTest, WhoeverLeavesHearsGoodbye) {
  TestBroker broker;
  broker.say("w9", Disconnect{});
  EXPECT_THAT(broker.sent(), ElementsAre("w9 KBYE"));
}

TEST(StrangerTest, AClientThatSpeaksAsAWorkerIsTold) {
  TestBroker broker;
  broker.client("c1", "errors");
  broker.forget();
  broker.ready("c1");
  EXPECT_THAT(broker.sent(), ElementsAre("c1 ERROR forbidden m"));
}

// --- Messages that the codec refused ---

class BadMessageTest : public ::testing::Test {
 protected:
  std::vector<std::string> answer_to(const std::string& peer, Side side) {
    broker_.forget();
    broker_.step(BadMessageArrived{side, Bytes(peer), {ErrorCode::kTooLarge, "it has 9 frames"}, Bytes("m1")});
    return broker_.sent();
  }
  TestBroker broker_;
};

TEST_F(BadMessageTest, AnyClientIsTold) {
  EXPECT_THAT(answer_to("c1", Side::kFrontend), ElementsAre("c1 ERROR too-large m1"));
  broker_.client("c1", "");
  EXPECT_THAT(answer_to("c1", Side::kFrontend), ElementsAre("c1 ERROR too-large m1"));
}

TEST_F(BadMessageTest, AWorkerIsToldIfItUnderstands) {
  broker_.worker("w1", {{10, "default"}}, "errors");
  EXPECT_THAT(answer_to("w1", Side::kBackend), ElementsAre("w1 ERROR too-large m1"));
}

TEST_F(BadMessageTest, PublishedPeersAndStrangersAtTheBackendAreNot) {
  broker_.published_worker("w1");
  broker_.scheduler("s1");
  EXPECT_THAT(answer_to("w1", Side::kBackend), IsEmpty());
  EXPECT_THAT(answer_to("s1", Side::kBackend), IsEmpty());
  EXPECT_THAT(answer_to("w9", Side::kBackend), IsEmpty());
  EXPECT_THAT(broker_.view("status"), HasSubstr(R"("bad_messages":3)"));
}

TEST_F(BadMessageTest, ARefusedInformThatSaysErrorsIsAnswered) {
  const auto answer_to_inform = [this](const std::string& peer, Side side) {
    broker_.forget();
    broker_.step(BadMessageArrived{side, Bytes(peer), {ErrorCode::kBadMessage, "no queues"}, Bytes("m1"), true});
    return broker_.sent();
  };
  EXPECT_THAT(answer_to_inform("w9", Side::kBackend), ElementsAre("w9 ERROR bad-message m1"));
  broker_.published_worker("w1");
  EXPECT_THAT(answer_to_inform("w1", Side::kBackend), ElementsAre("w1 ERROR bad-message m1"))
      << "what counts is what it says now";
}

TEST_F(BadMessageTest, TheyAreASignOfLife) {
  broker_.worker("w1");
  broker_.silence("w1");
  broker_.wait(seconds(4));
  answer_to("w1", Side::kBackend);
  broker_.wait(seconds(4));
  EXPECT_THAT(broker_.view("status"), HasSubstr(R"("workers":1)"));
}

TEST_F(BadMessageTest, ALongTextIsCutBetweenCharacters) {
  std::string text(limits::kErrorTextBytes - 1, 'x');
  text += "ä";
  broker_.step(BadMessageArrived{Side::kFrontend, Bytes("c1"), {ErrorCode::kBadMessage, text}, Bytes()});
  const std::vector<Send> sends = broker_.sends();
  ASSERT_EQ(sends.size(), 1u);
  EXPECT_EQ(std::get<ErrorMessage>(sends[0].message.body).error.text.size(), limits::kErrorTextBytes - 1);
}

// --- Going ---

TEST(DisconnectTest, AWorkerGetsNothingMoreButMaySettle) {
  TestBroker broker;
  broker.worker("w1");
  broker.ready("w1", 2);
  broker.request("c1", "j1", "reply-requested");
  broker.forget();
  broker.say("w1", Disconnect{});
  EXPECT_THAT(broker.sent(), ElementsAre("w1 KBYE"));
  broker.request("c1", "j2");
  broker.ready("w1");
  broker.settle("w1", "j1", 1);
  EXPECT_THAT(broker.sent(), ElementsAre("c1 ACK j2", R"(c1 REPLY j1 ok {"value": 1})"));
}

TEST(DisconnectTest, TheFarewellComesAfterRequestsThatWaitForTheStore) {
  TestBroker broker;
  broker.worker("w1");
  broker.ready("w1");
  broker.request("c1", "j1", "guarantee");
  const CommitNumber commit = broker.commits().back();
  broker.forget();
  broker.say("w1", Disconnect{});
  const std::vector<Send> sends = broker.sends();
  ASSERT_EQ(sends.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<Goodbye>(sends[0].message.body));
  EXPECT_EQ(sends[0].after, commit);
}

TEST(DisconnectTest, ALeavingWorkerServesNoQueue) {
  TestBroker broker(test_settings([](BrokerSettings& s) { s.unknown_queue = UnknownQueue::kReject; }));
  broker.worker("w1");
  broker.say("w1", Disconnect{});
  broker.forget();
  broker.request("c1", "j1");
  EXPECT_THAT(broker.sent(), ElementsAre("c1 ERROR unknown-queue j1"));
}

TEST(DisconnectTest, AClientOrSchedulerIsForgotten) {
  TestBroker broker;
  broker.client("c1");
  broker.scheduler("s1");
  broker.forget();
  broker.say("c1", Disconnect{});
  broker.say("s1", Disconnect{});
  EXPECT_THAT(broker.sent(), ElementsAre("c1 KBYE", "s1 KBYE"));
  EXPECT_THAT(broker.view("status"), HasSubstr(R"("peers":{"workers":0,"schedulers":0,"clients":0})"));
}

TEST(DisconnectTest, AJobManagerAtTheAdministrativeAddressLeavesAndShutsNothingDown) {
  TestBroker broker;
  broker.worker("a1");
  broker.ready("a1");
  broker.forget();
  broker.say("a1", Disconnect{});
  EXPECT_THAT(broker.sent(), ElementsAre("a1 KBYE"));
  broker.say("a1", Goodbye{});
  broker.forget();
  broker.request("c1", "j1");
  EXPECT_THAT(broker.sent(), ElementsAre("c1 ACK j1"));
  broker.say("a2", Disconnect{});
  EXPECT_THAT(broker.sent(), testing::Contains("a2 ACK m"));
  broker.forget();
  broker.request("c1", "j2");
  EXPECT_THAT(broker.sent(), testing::Not(testing::Contains("c1 ACK j2")));
}

TEST(DisconnectTest, TheJobsOfAClientThatLeftGoOn) {
  TestBroker broker;
  broker.client("c1");
  broker.request("c1", "j1", "reply-requested");
  broker.say("c1", Goodbye{});
  broker.worker("w1");
  broker.ready("w1");
  broker.forget();
  broker.settle("w1", "j1", 1);
  EXPECT_THAT(broker.sent(), ElementsAre(R"(c1 REPLY j1 ok {"value": 1})"));
}

TEST(GoodbyeTest, OfAWorkerThatSettlesEndsItAtOnce) {
  TestBroker broker;
  broker.worker("w1");
  broker.ready("w1");
  broker.request("c1", "j1", "reply-requested");
  broker.forget();
  broker.say("w1", Goodbye{});
  EXPECT_THAT(broker.sent(), ElementsAre(HasSubstr("c1 REPLY j1 lost")));
}

TEST(GoodbyeTest, OfAPublishedWorkerLetsItsJobsEndInSilence) {
  TestBroker broker;
  broker.published_worker("w1");
  broker.ready("w1", 2);
  broker.request("c1", "j1", "reply-requested");
  broker.say("w1", Goodbye{});
  broker.silence("w1");
  broker.forget();
  broker.wait(broker.settings().leave_grace - milliseconds(1));
  EXPECT_THAT(broker.sent(), IsEmpty());
  broker.say("w1", Reply{Bytes("1"), Bytes("j1")});
  EXPECT_THAT(broker.sent(), ElementsAre("c1 REPLY j1 ok 1"));
  EXPECT_THAT(broker.view("workers"), HasSubstr(R"("state":"leaving")"));
}

TEST(GoodbyeTest, APublishedWorkersGraceEnds) {
  TestBroker broker;
  broker.published_worker("w1");
  broker.ready("w1");
  broker.request("c1", "j1", "reply-requested");
  broker.say("w1", Goodbye{});
  broker.silence("w1");
  broker.forget();
  broker.wait(broker.settings().leave_grace);
  EXPECT_THAT(broker.sent(), ElementsAre(HasSubstr("c1 REPLY j1 lost")));
  EXPECT_THAT(broker.view("status"), HasSubstr(R"("workers":0)"));
}

TEST(GoodbyeTest, OfAnIdlePublishedWorkerEndsItAtOnce) {
  TestBroker broker;
  broker.published_worker("w1");
  broker.say("w1", Goodbye{});
  EXPECT_THAT(broker.view("status"), HasSubstr(R"("workers":0)"));
}

TEST(GoodbyeTest, ALeavingPublishedWorkerHearsNoHeartbeats) {
  TestBroker broker;
  broker.published_worker("w1");
  broker.ready("w1");
  broker.request("c1", "j1");
  broker.say("w1", Goodbye{});
  broker.forget();
  broker.wait(seconds(20));
  EXPECT_THAT(broker.sent_to("w1"), IsEmpty());
}

// --- Progress ---

class ProgressTest : public ::testing::Test {
 protected:
  ProgressTest() {
    broker_.worker("w1");
    broker_.ready("w1", 2);
  }
  void progress(const std::string& worker, const std::string& id) {
    broker_.say(worker, Progress{Bytes(id), 0.5, Bytes("half")});
  }
  TestBroker broker_;
};

TEST_F(ProgressTest, GoesToTheClientThatAsked) {
  broker_.client("c1", "progress");
  broker_.request("c1", "j1");
  broker_.forget();
  progress("w1", "j1");
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 PROGRESS j1 0.5 half"));
}

TEST_F(ProgressTest, GoesToNobodyWhoDoesNotKnowIt) {
  broker_.request("c1", "j1");
  broker_.client("c2", "errors");
  broker_.request("c2", "j2");
  broker_.forget();
  progress("w1", "j1");
  progress("w1", "j2");
  EXPECT_THAT(broker_.sent(), IsEmpty());
}

TEST_F(ProgressTest, OfAJobThatTheWorkerDoesNotHoldIsDropped) {
  broker_.client("c1", "progress");
  broker_.request("c1", "j1");
  broker_.worker("w2");
  broker_.forget();
  progress("w2", "j1");
  progress("w1", "j9");
  EXPECT_THAT(broker_.sent(), IsEmpty());
  EXPECT_THAT(broker_.view("status"), HasSubstr(R"("late_results":0)")) << "it is no result";
}

}  // namespace
}  // namespace eventmq
