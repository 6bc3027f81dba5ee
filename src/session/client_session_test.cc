#include "src/session/client_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/session/test_client.h"

namespace eventmq {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(ClientSessionTest, InformSaysClientWithItsCapabilities) {
  step(ClientStarted{});
  const Inform inform = take_sent<Inform>().at(0);
  EXPECT_EQ(inform.kind, PeerKind::kClient);
  EXPECT_TRUE(inform.has_capabilities);
  EXPECT_TRUE(inform.capabilities.errors && inform.capabilities.progress && inform.capabilities.multi_ack);
  EXPECT_TRUE(inform.queues.empty());
}

TEST_F(ClientSessionTest, WhatIsSubmittedEarlyLeavesAfterTheAckOfInformInOrder) {
  submit("a");
  step(ClientStarted{});
  submit("b");
  EXPECT_THAT(sent_ids(), IsEmpty());
  acknowledge_inform(kFirstBroker);
  EXPECT_THAT(sent_ids(), ElementsAre("a", "b"));
}

TEST_F(ClientSessionTest, WindowBoundsWhatIsNotYetAcknowledged) {
  connect();
  for (const char* id : {"a", "b", "c", "d", "e"}) submit(id);
  EXPECT_THAT(sent_ids(), ElementsAre("a", "b", "c"));
  acknowledge("b");
  EXPECT_THAT(sent_ids(), ElementsAre("d"));
}

TEST_F(ClientSessionTest, OneAckMayNameSeveralIds) {
  connect();
  for (const char* id : {"a", "b", "c"}) submit(id);
  acknowledge("a,c,b");
  EXPECT_THAT(accepted_ids(), ElementsAre("a", "c", "b"));
}

TEST_F(ClientSessionTest, SecondAckOfTheSameIdSaysNothing) {
  connect();
  submit("a", "reply-requested");
  acknowledge("a");
  acknowledge("a");
  EXPECT_THAT(accepted_ids(), ElementsAre("a"));
}

TEST_F(ClientSessionTest, ReplyEndsTheRequest) {
  connect();
  submit("a", "reply-requested");
  acknowledge("a");
  reply("a", Outcome::kError);
  reply("a");
  const std::vector<Replied> replies = take<Replied>();
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].outcome, Outcome::kError);
  EXPECT_EQ(replies[0].payload.view(), R"({"value": 5})");
}

TEST_F(ClientSessionTest, ReplyBeforeItsAckCountsAsAccepted) {
  connect();
  submit("a", "reply-requested");
  reply("a");
  EXPECT_THAT(accepted_ids(), ElementsAre("a"));
  EXPECT_EQ(take<Replied>().size(), 1u);
  acknowledge("a");
  EXPECT_THAT(accepted_ids(), IsEmpty());
}

TEST_F(ClientSessionTest, ReplyWithoutOutcomeIsOk) {
  connect("");
  submit("a", "reply-requested");
  hear(Reply{Bytes(R"({"value": 5})"), Bytes("a")});
  EXPECT_EQ(take<Replied>().at(0).outcome, Outcome::kOk);
}

TEST_F(ClientSessionTest, UnaskedReplyIsDropped) {
  connect();
  submit("a");
  reply("a");
  reply("stranger");
  EXPECT_TRUE(take<Replied>().empty());
  EXPECT_THAT(accepted_ids(), IsEmpty());
}

TEST_F(ClientSessionTest, ErrorFailsTheSubmissionItNames) {
  connect();
  submit("a");
  submit("b");
  hear(ErrorMessage{Error{ErrorCode::kQueueFull, "queue is full"}, Bytes("a")});
  EXPECT_THAT(failures(), ElementsAre(std::make_pair("a", ErrorCode::kQueueFull)));
  sent_ids();
  advance(seconds(10));
  EXPECT_THAT(sent_ids(), IsEmpty()) << "nothing is retried in secret";
}

TEST_F(ClientSessionTest, AGuaranteedOneThatWasSentBeforeIsAskedForUntilTheStoreIsThere) {
  const auto refuse = [&](std::string_view id) {
    hear(ErrorMessage{Error{ErrorCode::kStoreUnavailable, "the disk is full"}, Bytes(id)});
  };
  connect();
  submit("acked", "reply-requested,guarantee");
  submit("sent", "guarantee");
  submit("plain");
  acknowledge("acked");
  reconnect(kOtherBroker);
  submit("fresh", "guarantee");
  sent_ids();
  take<SessionLog>();
  for (const char* id : {"acked", "sent", "plain", "fresh"}) refuse(id);
  EXPECT_THAT(failures(), ElementsAre(std::make_pair("plain", ErrorCode::kStoreUnavailable),
                                      std::make_pair("fresh", ErrorCode::kStoreUnavailable)));
  EXPECT_EQ(take<SessionLog>().size(), 1u) << "the first says why";
  EXPECT_THAT(sent_ids(), ElementsAre("fresh"));
  advance(seconds(1));
  EXPECT_THAT(sent_ids(), ElementsAre("acked")) << "one asks for all";
  refuse("acked");
  EXPECT_TRUE(take<SessionLog>().empty());
  advance(seconds(1));
  EXPECT_THAT(sent_ids(), ElementsAre("acked"));
  acknowledge("acked");
  EXPECT_THAT(sent_ids(), ElementsAre("sent"));
  acknowledge("sent");
  reply("acked");
  EXPECT_EQ(take<Replied>().size(), 1u);
  EXPECT_THAT(failures(), IsEmpty());
}

TEST_F(ClientSessionTest, OneThatIsAskedForAgainEndsAtItsDeadlineAndHoldsUpNoFarewell) {
  connect();
  submit_within("a", seconds(30), "reply-requested,guarantee");
  submit("b", "reply-requested,guarantee");
  acknowledge("a,b");
  reconnect(kOtherBroker);
  hear(ErrorMessage{Error{ErrorCode::kQueueFull, "too many come again"}, Bytes("a")});
  hear(ErrorMessage{Error{ErrorCode::kBadMessage, "no"}, Bytes("b")});
  EXPECT_THAT(failures(), ElementsAre(std::make_pair("b", ErrorCode::kBadMessage)));
  sent_ids();
  hear(Disconnect{});
  EXPECT_EQ(take_sent<Goodbye>().size(), 1u) << "the next broker is asked";
  advance(seconds(30));
  EXPECT_THAT(failures(), ElementsAre(std::make_pair("a", ErrorCode::kTimedOut)));
}

TEST_F(ClientSessionTest, ErrorThatNamesNothingIsLogged) {
  connect();
  submit("a");
  hear(ErrorMessage{Error{ErrorCode::kBadMessage, "what?"}, {}});
  EXPECT_THAT(failures(), IsEmpty());
  EXPECT_EQ(take<SessionLog>().size(), 1u);
}

TEST_F(ClientSessionTest, ErrorMakesRoomInTheWindow) {
  connect();
  for (const char* id : {"a", "b", "c", "d"}) submit(id);
  sent_ids();
  hear(ErrorMessage{Error{ErrorCode::kQueueFull, ""}, Bytes("a")});
  EXPECT_THAT(sent_ids(), ElementsAre("d"));
}

TEST_F(ClientSessionTest, ProgressOfAnOpenRequestIsPassedOn) {
  connect();
  submit("a", "reply-requested");
  hear(Progress{Bytes("a"), 0.5, Bytes("half")});
  hear(Progress{Bytes("other"), 0.5, Bytes("half")});
  const std::vector<Progressed> progress = take<Progressed>();
  ASSERT_EQ(progress.size(), 1u);
  EXPECT_EQ(progress[0].fraction, 0.5);
}

TEST_F(ClientSessionTest, UnacknowledgedIsSentAgainUnderTheSameIdInOrder) {
  connect();
  for (const char* id : {"a", "b", "c", "d"}) submit(id);
  acknowledge("b");
  sent_ids();
  reconnect(kOtherBroker);
  EXPECT_THAT(sent_ids(), ElementsAre("a", "c", "d"));
  EXPECT_THAT(failures(), IsEmpty());
}

TEST_F(ClientSessionTest, AcknowledgedSendIsNotSentAgain) {
  connect();
  submit("a");
  acknowledge("a");
  clear();
  reconnect(kFirstBroker);
  EXPECT_THAT(sent_ids(), IsEmpty());
}

TEST_F(ClientSessionTest, SameBrokerIsAskedAgainForTheReply) {
  connect();
  submit("a", "reply-requested");
  acknowledge("a");
  clear();
  reconnect(kFirstBroker);
  EXPECT_THAT(sent_ids(), ElementsAre("a"));
  acknowledge("a");
  EXPECT_THAT(accepted_ids(), IsEmpty()) << "it was accepted before";
  reply("a");
  EXPECT_EQ(take<Replied>().size(), 1u);
}

TEST_F(ClientSessionTest, PlainRequestIsLostWithItsBroker) {
  connect();
  submit("a", "reply-requested");
  acknowledge("a");
  clear();
  reconnect(kOtherBroker);
  EXPECT_THAT(failures(), ElementsAre(std::make_pair("a", ErrorCode::kJobLost)));
  EXPECT_THAT(sent_ids(), IsEmpty());
}

TEST_F(ClientSessionTest, PlainRequestIsLostIfTheBrokerDoesNotSayWhoItIs) {
  connect("");
  submit("a", "reply-requested");
  acknowledge("a");
  clear();
  reconnect("");
  EXPECT_THAT(failures(), ElementsAre(std::make_pair("a", ErrorCode::kJobLost)));
}

TEST_F(ClientSessionTest, GuaranteedRequestIsAskedForAtAnyBroker) {
  connect();
  submit("a", "reply-requested,guarantee");
  acknowledge("a");
  clear();
  reconnect(kOtherBroker);
  EXPECT_THAT(sent_ids(), ElementsAre("a"));
  EXPECT_THAT(failures(), IsEmpty());
}

TEST_F(ClientSessionTest, DeadlineFailsWhatTheBrokerDidNotAcknowledge) {
  connect();
  submit_within("a", seconds(2));
  advance(milliseconds(1999));
  EXPECT_THAT(failures(), IsEmpty());
  advance(milliseconds(1));
  EXPECT_THAT(failures(), ElementsAre(std::make_pair("a", ErrorCode::kTimedOut)));
  acknowledge("a");
  EXPECT_THAT(accepted_ids(), IsEmpty());
}

TEST_F(ClientSessionTest, DeadlineOfARequestCountsUntilItsReply) {
  connect();
  submit_within("a", seconds(2), "reply-requested");
  acknowledge("a");
  advance(seconds(2));
  EXPECT_THAT(failures(), ElementsAre(std::make_pair("a", ErrorCode::kTimedOut)));
  reply("a");
  EXPECT_TRUE(take<Replied>().empty());
}

TEST_F(ClientSessionTest, DeadlineWithABrokerThatRefusesSaysWhatItSaid) {
  step(ClientStarted{});
  submit_within("a", seconds(2));
  const Bytes inform_id = take_messages<Inform>().at(0).id;
  hear(ErrorMessage{{ErrorCode::kForbidden, "no you do not"}, inform_id});
  advance(seconds(2));
  const std::vector<Failed> failed = take<Failed>();
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].error.code, ErrorCode::kUnreachable);
  EXPECT_THAT(failed[0].error.text, testing::EndsWith("refused INFORM: forbidden: no you do not"));
}

class NamedClientTest : public ClientSessionTest {
 protected:
  NamedClientTest() : ClientSessionTest("billing") {}
};

TEST_F(NamedClientTest, DeadlineWithABrokerThatRefusesTheConnectionSaysThatTheNameMayBeTaken) {
  step(ClientStarted{});
  submit_within("a", seconds(2));
  step(LinkLost{.refused = true});
  advance(seconds(2));
  const std::vector<Failed> failed = take<Failed>();
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].error.code, ErrorCode::kUnreachable);
  EXPECT_EQ(failed[0].error.text,
            "the broker at tcp://a:1 refused the connection; perhaps another client named billing is connected: give "
            "each a name of its own, or none");
}

TEST_F(ClientSessionTest, DeadlineWithoutAnyBrokerSaysUnreachable) {
  step(ClientStarted{});
  submit_within("a", seconds(2));
  advance(seconds(2));
  EXPECT_THAT(failures(), ElementsAre(std::make_pair("a", ErrorCode::kUnreachable)));
}

TEST_F(ClientSessionTest, AcceptedSendHasNoDeadlineAnyMore) {
  connect();
  submit_within("a", seconds(2));
  acknowledge("a");
  advance(seconds(5));
  EXPECT_THAT(failures(), IsEmpty());
}

TEST_F(ClientSessionTest, AckDeadlineOfARequestEndsWithItsAck) {
  connect();
  step(Submit{job("a", "reply-requested"), std::nullopt, now() + seconds(2)});
  step(Submit{job("b", "reply-requested"), now() + seconds(9), now() + seconds(2)});
  acknowledge("b");
  advance(milliseconds(1999));
  EXPECT_THAT(failures(), IsEmpty());
  advance(milliseconds(1));
  EXPECT_THAT(failures(), ElementsAre(std::make_pair("a", ErrorCode::kTimedOut)));
  advance(milliseconds(6999));
  EXPECT_THAT(failures(), IsEmpty());
  advance(milliseconds(1));
  EXPECT_THAT(failures(), ElementsAre(std::make_pair("b", ErrorCode::kTimedOut)));
}

TEST_F(ClientSessionTest, OutageFailsTheRequestsWhoseResultNobodyCanTell) {
  connect();
  submit("asked", "reply-requested,guarantee");
  submit("told");
  acknowledge("asked");
  step(LinkLost{});
  advance(kOutage - milliseconds(1));
  EXPECT_THAT(failures(), IsEmpty());
  advance(milliseconds(1));
  EXPECT_THAT(failures(), ElementsAre(std::pair("asked", ErrorCode::kUnreachable)))
      << "what was not acknowledged waits for its own deadline";
}

TEST_F(ClientSessionTest, OutageThatEndedCountsNoMore) {
  connect();
  submit("asked", "reply-requested,guarantee");
  acknowledge("asked");
  step(LinkLost{});
  advance(kOutage / 2);
  meet_broker();
  step(LinkLost{});
  advance(kOutage - seconds(1));
  EXPECT_THAT(failures(), IsEmpty());
}

TEST_F(ClientSessionTest, OutageThatBeganWithNothingToLoseCountsFromTheLossOfTheBroker) {
  connect();
  submit("asked", "reply-requested,guarantee");
  step(LinkLost{});
  advance(kOutage * 2);
  EXPECT_THAT(failures(), IsEmpty()) << "it was never acknowledged";
  meet_broker();
  acknowledge("asked");
  step(LinkLost{});
  advance(kOutage);
  EXPECT_THAT(failures(), ElementsAre(std::pair("asked", ErrorCode::kUnreachable)));
}

TEST_F(ClientSessionTest, ForgottenSubmissionIsSeenThroughInSilence) {
  connect();
  submit_within("a", seconds(2), "reply-requested");
  step(Forget{Bytes("a")});
  acknowledge("a");
  reply("a");
  advance(seconds(3));
  EXPECT_THAT(accepted_ids(), IsEmpty());
  EXPECT_TRUE(take<Replied>().empty());
  EXPECT_THAT(failures(), IsEmpty());
}

TEST_F(ClientSessionTest, IdThatIsUnderWayIsRefused) {
  connect();
  submit("a");
  submit("a");
  EXPECT_THAT(failures(), ElementsAre(std::make_pair("a", ErrorCode::kBadValue)));
  EXPECT_THAT(sent_ids(), ElementsAre("a"));
}

TEST_F(ClientSessionTest, HundredThousandDeadlinesPassInOrder) {
  connect();
  constexpr int kCount = 100'000;
  for (int i = 0; i < kCount; ++i) submit_within("id-" + std::to_string(i), milliseconds(1 + (kCount - i - 1) / 1000));
  clear();
  advance(milliseconds(50));
  EXPECT_EQ(take<Failed>().size(), size_t{kCount} / 2);
  advance(milliseconds(50));
  const std::vector<Failed> rest = take<Failed>();
  ASSERT_EQ(rest.size(), size_t{kCount} / 2);
  EXPECT_EQ(rest.front().id.view(), "id-49000");  // of those due together, the first submitted
  EXPECT_EQ(rest.back().id.view(), "id-999");
}

}  // namespace
}  // namespace eventmq
