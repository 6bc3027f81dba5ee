#include "src/session/worker_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/session/test_conversation.h"
#include "src/wire/limits.h"

namespace eventmq {
namespace {

class WorkerSessionTest : public ::testing::Test, public TestConversation<WorkerSession, WorkerEvent, WorkerEffect> {
 protected:
  WorkerSessionTest() : TestConversation(WorkerSession(settings(), IdSource::from_small_seed(5))) {}

  static WorkerSessionSettings settings() {
    WorkerSessionSettings settings;
    settings.link.addresses = {"tcp://a:1", "tcp://b:2"};
    settings.queues = {{20, Bytes("heavy")}, {10, Bytes("default")}};
    settings.slots = 2;
    return settings;
  }
  void connect(std::string_view capabilities = kBroker) {
    step(WorkerStarted{});
    acknowledge_inform(capabilities);
    clear();
  }
  // Loses the link, and answers the INFORM of the next conversation.
  Inform reconnect(std::string_view capabilities = kBroker) {
    step(LinkLost{});
    advance(milliseconds(100));
    return acknowledge_inform(capabilities);
  }
  void request(std::string_view id, uint32_t attempt = 1, std::string_view headers = "") {
    hear(Request{Bytes("heavy"), *parse_headers(Bytes(headers)), Bytes("[]"), attempt}, id);
  }
  void finish(std::string_view id, uint32_t attempt = 1, Outcome outcome = Outcome::kOk) {
    step(JobFinished{Bytes(id), attempt, outcome, Bytes(R"({"value": 5})")});
  }
  size_t readies() { return take_sent<Ready>().size(); }
  std::vector<std::string> started() {
    std::vector<std::string> list;
    for (const StartJob& job : take<StartJob>())
      list.push_back(job.request_id.str() + "/" + std::to_string(job.attempt));
    return list;
  }
  // "id/attempt outcome" of every REPLY sent.
  std::vector<std::string> settled() {
    std::vector<std::string> list;
    for (const Reply& reply : take_sent<Reply>()) {
      list.push_back(reply.request_id.str() + "/" + std::to_string(reply.attempt) +
                     (reply.has_outcome ? " " + std::string(outcome_word(reply.outcome)) : ""));
    }
    return list;
  }
};

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(WorkerSessionTest, InformSaysQueuesAndCapabilities) {
  step(WorkerStarted{});
  const Inform inform = take_sent<Inform>().at(0);
  EXPECT_EQ(inform.kind, PeerKind::kWorker);
  EXPECT_EQ(inform.queues, settings().queues);
  const Capabilities& can = inform.capabilities;
  EXPECT_TRUE(inform.has_capabilities && can.settle && can.errors && can.cancel && can.progress && can.resume);
  EXPECT_TRUE(inform.held.empty());
  EXPECT_TRUE(inform.previous_id.empty());
}

TEST_F(WorkerSessionTest, ReadyIsSaidOncePerSlotAfterTheAck) {
  step(WorkerStarted{});
  EXPECT_EQ(readies(), 0u);
  acknowledge_inform(kBroker);
  EXPECT_EQ(readies(), 2u);
}

TEST_F(WorkerSessionTest, RequestStartsAJob) {
  connect();
  hear(Request{Bytes("heavy"), *parse_headers(Bytes("timeout:3")), Bytes("[1]"), 2}, "a");
  const std::vector<StartJob> jobs = take<StartJob>();
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_EQ(jobs[0].request_id.view(), "a");
  EXPECT_EQ(jobs[0].attempt, 2u);
  EXPECT_EQ(jobs[0].queue.view(), "heavy");
  EXPECT_EQ(jobs[0].headers.timeout, seconds(3));
  EXPECT_EQ(jobs[0].payload.view(), "[1]");
}

TEST_F(WorkerSessionTest, SettlingReplyIsItsReady) {
  connect();
  request("a", 3);
  finish("a", 3, Outcome::kTimeout);
  EXPECT_THAT(settled(), ElementsAre("a/3 timeout"));
  EXPECT_EQ(readies(), 0u);
}

TEST_F(WorkerSessionTest, JobHandedBackByTheExecutorNeedsAReadyOfItsOwn) {
  connect();
  request("a");
  finish("a", 1, Outcome::kReturned);
  EXPECT_THAT(settled(), ElementsAre("a/1 returned"));
  EXPECT_EQ(readies(), 1u);
}

TEST_F(WorkerSessionTest, JobBeyondTheSlotsIsHandedBack) {
  connect();
  request("a");
  request("b");
  request("c", 4);
  EXPECT_THAT(started(), ElementsAre("a/1", "b/1"));
  EXPECT_THAT(settled(), ElementsAre("c/4 returned"));
  EXPECT_EQ(readies(), 0u) << "it took no slot";
}

TEST_F(WorkerSessionTest, SameAttemptAgainIsIgnored) {
  connect();
  request("a");
  request("a");
  EXPECT_THAT(started(), ElementsAre("a/1"));
  EXPECT_THAT(settled(), IsEmpty());
}

TEST_F(WorkerSessionTest, LaterAttemptOfARunningJobIsAnsweredByItsResult) {
  connect();
  request("a");
  request("a", 2);
  EXPECT_THAT(started(), ElementsAre("a/1")) << "it is not run beside itself";
  EXPECT_EQ(readies(), 1u) << "the slot it was meant for is free again";
  finish("a", 1);
  EXPECT_THAT(settled(), ElementsAre("a/2 ok"));
}

TEST_F(WorkerSessionTest, EarlierAttemptOfARunningJobComesFromABrokerThatForgot) {
  connect();
  request("a", 3);
  reconnect();
  readies();
  request("a", 1);
  EXPECT_THAT(started(), ElementsAre("a/3")) << "it is not run beside itself";
  EXPECT_EQ(readies(), 1u) << "the slot it was meant for is free again";
  finish("a", 3);
  EXPECT_THAT(settled(), ElementsAre("a/1 ok"));
}

TEST_F(WorkerSessionTest, ResultOfAJobThatDoesNotRunIsDropped) {
  connect();
  finish("a");
  request("b", 2);
  finish("b", 1);
  EXPECT_THAT(settled(), IsEmpty());
}

TEST_F(WorkerSessionTest, CancelReachesARunningJobOnly) {
  connect();
  request("a");
  hear(Cancel{Bytes("a")});
  hear(Cancel{Bytes("b")});
  const std::vector<CancelJob> cancels = take<CancelJob>();
  ASSERT_EQ(cancels.size(), 1u);
  EXPECT_EQ(cancels[0].request_id.view(), "a");
  finish("a", 1, Outcome::kCancelled);
  EXPECT_THAT(settled(), ElementsAre("a/1 cancelled"));
}

// --- a new conversation ---

TEST_F(WorkerSessionTest, NewConversationNamesTheHeldJobsAndReadiesOnlyFreeSlots) {
  connect();
  const std::string first_id = last_connect().routing_id;
  request("a", 3);
  clear();
  const Inform inform = reconnect();
  EXPECT_NE(last_connect().routing_id, first_id);
  EXPECT_EQ(inform.previous_id.view(), first_id);
  ASSERT_EQ(inform.held.size(), 1u);
  EXPECT_EQ(inform.held[0].request_id.view(), "a");
  EXPECT_EQ(inform.held[0].attempt, 3u);
  EXPECT_EQ(readies(), 1u);
  finish("a", 3);
  EXPECT_THAT(settled(), ElementsAre("a/3 ok"));
  EXPECT_EQ(readies(), 0u);
}

TEST_F(WorkerSessionTest, PreviousIdIsThatOfTheLastConversationThatWasAcknowledged) {
  connect();
  const std::string first_id = last_connect().routing_id;
  request("a");
  step(LinkLost{});
  clear();
  advance(seconds(5));
  advance(seconds(1));
  EXPECT_EQ(acknowledge_inform(kBroker).previous_id.view(), first_id);
}

TEST_F(WorkerSessionTest, ResultWithoutAConversationIsSentAfterTheNextAck) {
  connect();
  request("a");
  step(LinkLost{});
  finish("a");
  EXPECT_THAT(settled(), IsEmpty());
  const Inform inform = acknowledge_inform(kBroker);
  EXPECT_EQ(inform.held.size(), 1u);
  EXPECT_THAT(settled(), ElementsAre("a/1 ok"));
  EXPECT_EQ(readies(), 1u) << "the REPLY is the READY of the other slot";
}

TEST_F(WorkerSessionTest, WhateverHappensTheBrokerIsNeverPromisedMoreThanTheSlots) {
  connect();
  for (int round = 0; round < 20; ++round) {
    clear();
    const std::string first = "a" + std::to_string(round);
    const std::string second = "b" + std::to_string(round);
    request(first);
    request(second);
    if (round % 2 == 0) finish(first);
    if (round % 3 == 0) finish(second);
    clear();
    step(LinkLost{});
    if (round % 2 != 0) finish(first);
    advance(seconds(5));
    const size_t held = acknowledge_inform(kBroker).held.size();
    EXPECT_EQ(held + readies(), 2u);
    if (round % 3 != 0) finish(second);
  }
}

TEST_F(WorkerSessionTest, BrokerThatShutsDownIsLeftWhenTheLastJobHasEnded) {
  connect();
  request("a");
  hear(Disconnect{});
  request("b");
  EXPECT_THAT(started(), ElementsAre("a/1"));
  EXPECT_THAT(settled(), ElementsAre("b/1 returned"));
  EXPECT_TRUE(take_sent<Goodbye>().empty());
  finish("a");
  EXPECT_THAT(settled(), ElementsAre("a/1 ok"));
  EXPECT_EQ(take_sent<Goodbye>().size(), 1u);
  EXPECT_EQ(readies(), 0u);
  advance(milliseconds(100));
  EXPECT_EQ(take<Connect>().at(0).address, "tcp://b:2");
}

TEST_F(WorkerSessionTest, IdleWorkerAnswersDisconnectAtOnce) {
  connect();
  hear(Disconnect{});
  EXPECT_EQ(take_sent<Goodbye>().size(), 1u);
}

// --- the published protocol ---

TEST_F(WorkerSessionTest, PublishedBrokerGetsReplyOnlyIfAskedAndThenReady) {
  connect("");
  request("a", 0, "reply-requested");
  request("b", 0);
  clear();
  finish("a");
  EXPECT_THAT(settled(), ElementsAre("a/0"));
  EXPECT_EQ(readies(), 1u);
  finish("b");
  EXPECT_THAT(settled(), IsEmpty());
  EXPECT_EQ(readies(), 1u);
}

TEST_F(WorkerSessionTest, PublishedBrokersExcessJobsWaitForASlot) {
  connect("");
  for (const char* id : {"a", "b", "c"}) request(id, 0);
  EXPECT_THAT(started(), ElementsAre("a/1", "b/1"));
  finish("a");
  EXPECT_THAT(started(), ElementsAre("c/1"));
  EXPECT_EQ(readies(), 0u);
}

// --- drain ---

TEST_F(WorkerSessionTest, IdleDrainEndsWithTheBrokersAnswer) {
  connect();
  step(DrainRequested{});
  EXPECT_EQ(take_sent<Disconnect>().size(), 1u);
  EXPECT_FALSE(ended()) << "jobs may still be on their way here";
  request("a");
  EXPECT_THAT(settled(), ElementsAre("a/1 returned"));
  hear(Goodbye{});
  EXPECT_EQ(take_sent<Goodbye>().size(), 1u);
  EXPECT_TRUE(ended());
}

TEST_F(WorkerSessionTest, DrainWaitsForHeldJobs) {
  connect();
  request("a");
  request("b");
  step(DrainRequested{});
  hear(Goodbye{});
  finish("a");
  EXPECT_FALSE(ended());
  finish("b", 1, Outcome::kReturned);
  EXPECT_THAT(settled(), ElementsAre("a/1 ok", "b/1 returned"));
  EXPECT_EQ(readies(), 0u);
  EXPECT_TRUE(ended());
  EXPECT_EQ(session().next_wake(), Instant::never());
}

TEST_F(WorkerSessionTest, DrainOfALongJobOutlivesTheBrokersSilence) {
  connect();
  request("a");
  step(DrainRequested{});
  hear(Goodbye{});
  advance(seconds(60));
  EXPECT_TRUE(session().connected());
  EXPECT_GE(take_sent<Heartbeat>().size(), 19u) << "the broker must know that the job is alive";
  finish("a");
  EXPECT_TRUE(ended());
}

TEST_F(WorkerSessionTest, DrainDoesNotWaitForeverForTheAnswer) {
  connect();
  step(DrainRequested{});
  advance(milliseconds(4999));
  EXPECT_FALSE(ended());
  advance(milliseconds(1));
  EXPECT_TRUE(ended());
}

TEST_F(WorkerSessionTest, DrainWithoutABrokerEndsAtOnceWhenNothingIsHeld) {
  step(WorkerStarted{});
  step(DrainRequested{});
  EXPECT_TRUE(ended());
}

TEST_F(WorkerSessionTest, DrainGoesOnInANewConversation) {
  connect();
  request("a");
  step(DrainRequested{});
  hear(Goodbye{});
  clear();
  EXPECT_EQ(reconnect().held.size(), 1u);
  EXPECT_EQ(take_sent<Disconnect>().size(), 1u);
  EXPECT_EQ(readies(), 0u);
  finish("a");
  hear(Goodbye{});
  EXPECT_THAT(settled(), ElementsAre("a/1 ok"));
  EXPECT_TRUE(ended());
}

TEST_F(WorkerSessionTest, DrainGivesUpResultsThatNoBrokerTakes) {
  connect();
  request("a");
  step(DrainRequested{});
  step(LinkLost{});
  finish("a");
  advance(milliseconds(14'999));  // the reconnect timeout for each of two addresses, and once more
  EXPECT_FALSE(ended());
  advance(milliseconds(1));
  EXPECT_TRUE(ended());
}

TEST_F(WorkerSessionTest, DrainOfAPublishedConversationSaysOnlyGoodbye) {
  connect("");
  request("a", 0);
  step(DrainRequested{});
  finish("a");
  EXPECT_TRUE(take_sent<Disconnect>().empty());
  EXPECT_EQ(readies(), 0u);
  EXPECT_EQ(take_sent<Goodbye>().size(), 1u);
  EXPECT_TRUE(ended());
}

// --- Two workers with one name: the broker answers only the first, and ZeroMQ tells neither ---

class NamedWorkerTest : public ::testing::Test {
 protected:
  using Conversation = TestConversation<WorkerSession, WorkerEvent, WorkerEffect>;
  static Conversation worker_named(std::string name) {
    WorkerSessionSettings settings;
    settings.link.addresses = {"tcp://a:1"};
    settings.link.name = std::move(name);
    Conversation worker(WorkerSession(settings, IdSource::from_small_seed(5)));
    worker.step(WorkerStarted{});
    return worker;
  }
  static std::vector<std::string> warnings(Conversation& worker) {
    std::vector<std::string> texts;
    for (const SessionLog& line : worker.take<SessionLog>()) {
      if (line.warning) texts.push_back(line.text);
    }
    return texts;
  }
};

TEST_F(NamedWorkerTest, ABrokerThatTakesTheConnectionAndDoesNotAnswerPutsTheNameInDoubt) {
  Conversation worker = worker_named("reports");
  worker.step(LinkMade{});
  worker.advance(milliseconds(4'999));
  EXPECT_THAT(warnings(worker), IsEmpty());
  worker.advance(milliseconds(1));
  EXPECT_THAT(
      warnings(worker),
      ElementsAre("the broker at tcp://a:1 takes the connection but does not answer; perhaps another job manager "
                  "named reports is connected: give each a name of its own (--name), or none; trying again"));
}

TEST_F(NamedWorkerTest, TheDoubtIsSaidOnceAndAgainAfterAGoodConversation) {
  Conversation worker = worker_named("reports");
  worker.step(LinkLost{});  // nobody is there at first
  EXPECT_EQ(warnings(worker).size(), 1u);
  const auto ignored = [&] {
    while (worker.take<Connect>().empty()) worker.advance(milliseconds(100));
    worker.step(LinkMade{});
    worker.advance(seconds(5));
    return warnings(worker).size();
  };
  EXPECT_EQ(ignored(), 1u) << "although the outage was said";
  EXPECT_EQ(ignored(), 0u);
  while (worker.take<Connect>().empty()) worker.advance(milliseconds(100));
  worker.hear(Ack{worker.take_messages<Inform>().back().id, Bytes(kBroker)});
  worker.step(LinkLost{});
  EXPECT_EQ(warnings(worker).size(), 1u) << "lost the connection";
  EXPECT_EQ(ignored(), 1u);
}

TEST_F(NamedWorkerTest, ABrokerThatRefusesTheConnectionIsTriedAgainLaterAndSaidOnce) {
  Conversation worker = worker_named("reports");
  worker.take<Connect>();
  worker.step(LinkLost{.refused = true});
  EXPECT_THAT(
      warnings(worker),
      ElementsAre("the broker at tcp://a:1 refused the connection; perhaps another job manager named reports is "
                  "connected: give each a name of its own (--name), or none; trying again"));
  EXPECT_TRUE(worker.take<Connect>().empty()) << "not at once";
  while (worker.take<Connect>().empty()) worker.advance(milliseconds(10));
  worker.step(LinkLost{.refused = true});
  EXPECT_THAT(warnings(worker), IsEmpty());
}

TEST_F(NamedWorkerTest, ANameThatCannotStandInTheResumeFrameResumesNothingAndIsToldOnce) {
  for (const char* name : {"a,b", " a", "\xff"}) {
    Conversation worker = worker_named(name);
    worker.acknowledge_inform(kBroker);
    worker.hear(Request{Bytes("default"), {}, Bytes("[]"), 1}, "job");
    warnings(worker);
    worker.step(LinkLost{});
    const Inform inform = worker.acknowledge_inform(kBroker);
    EXPECT_TRUE(inform.previous_id.empty()) << name;
    EXPECT_TRUE(inform.held.empty()) << name;
    EXPECT_THAT(warnings(worker), ElementsAre("lost the connection to the broker at tcp://a:1",
                                              ::testing::HasSubstr("cannot be resumed after a lost connection")));
    worker.step(LinkLost{});
    EXPECT_EQ(warnings(worker).size(), 1u) << "of the connection alone";
  }
}

TEST_F(NamedWorkerTest, WithoutANameOrAConnectionThereIsNoSuchDoubt) {
  for (const bool made : {true, false}) {
    Conversation worker = worker_named(made ? "" : "reports");
    if (made) worker.step(LinkMade{});
    worker.advance(seconds(5));
    EXPECT_THAT(warnings(worker), ElementsAre("no broker answers at tcp://a:1; trying again"));
  }
}

}  // namespace
}  // namespace eventmq
