// The rules of the link, seen through a client, which adds nothing to them.
#include "src/session/link.h"

#include <gtest/gtest.h>

#include "src/session/client_session.h"
#include "src/session/test_conversation.h"

namespace eventmq {
namespace {

constexpr std::string_view kAll = "settle,errors,cancel,progress,multi-ack,resume,instance:one";

using Conversation = TestConversation<ClientSession, ClientEvent, ClientEffect>;

Conversation client_of(std::vector<std::string> addresses, std::string name = "") {
  ClientSessionSettings settings;
  settings.link.addresses = std::move(addresses);
  settings.link.name = std::move(name);
  return Conversation(ClientSession(settings, IdSource::from_small_seed(7)));
}

Conversation connected_client(std::vector<std::string> addresses = {"tcp://a:1"}) {
  Conversation client = client_of(std::move(addresses));
  client.step(ClientStarted{});
  client.acknowledge_inform(kAll);
  client.clear();
  return client;
}

TEST(LinkTest, StartConnectsToTheFirstAddressAndInforms) {
  Conversation client = client_of({"tcp://a:1", "tcp://b:2"});
  client.step(ClientStarted{});
  ASSERT_EQ(client.effects().size(), 2u);
  const Connect& connect = std::get<Connect>(client.effects()[0]);
  EXPECT_EQ(connect.address, "tcp://a:1");
  EXPECT_EQ(connect.routing_id.size(), 36u);
  EXPECT_TRUE(std::holds_alternative<Inform>(std::get<ToBroker>(client.effects()[1]).message.body));
  EXPECT_FALSE(client.session().connected());
}

TEST(LinkTest, NameIsTheRoutingId) {
  Conversation client = client_of({"tcp://a:1"}, "reports");
  client.step(ClientStarted{});
  EXPECT_EQ(client.take<Connect>().at(0).routing_id, "reports");
}

TEST(LinkTest, OnlyTheAckOfItsInformConnects) {
  Conversation client = client_of({"tcp://a:1"});
  client.step(ClientStarted{});
  client.hear(Ack{Bytes("something else"), {}});
  EXPECT_FALSE(client.session().connected());
  client.acknowledge_inform(kAll);
  EXPECT_TRUE(client.session().connected());
}

TEST(LinkTest, NoAckWithinTheTimeoutTriesTheNextAddress) {
  Conversation client = client_of({"tcp://a:1", "tcp://b:2"});
  client.step(ClientStarted{});
  const std::string first_id = client.take<Connect>().at(0).routing_id;
  client.advance(milliseconds(4999));
  EXPECT_TRUE(client.take<Connect>().empty());
  client.advance(milliseconds(1));
  const std::vector<Connect> second = client.take<Connect>();
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0].address, "tcp://b:2");
  EXPECT_NE(second[0].routing_id, first_id);
}

TEST(LinkTest, LostLinkBeginsAnewAtOnceWithTheSameAddress) {
  Conversation client = connected_client({"tcp://a:1", "tcp://b:2"});
  client.step(LinkLost{});
  EXPECT_FALSE(client.session().connected());
  EXPECT_EQ(client.take<Connect>().at(0).address, "tcp://a:1");
  EXPECT_EQ(client.take_sent<Inform>().size(), 1u);
}

TEST(LinkTest, EveryAddressIsTriedOnceBeforeTheFirstWait) {
  Conversation client = client_of({"tcp://a:1", "tcp://b:2"});
  client.step(ClientStarted{});
  client.step(LinkLost{});
  client.step(LinkLost{});
  EXPECT_EQ(client.take<Connect>().size(), 3u);
  client.step(LinkLost{});
  EXPECT_TRUE(client.take<Connect>().empty());
  client.advance(milliseconds(100));
  EXPECT_EQ(client.take<Connect>().size(), 1u);
}

TEST(LinkTest, WaitsGrowUpToTheReconnectTimeout) {
  Conversation client = client_of({"tcp://a:1"});
  client.step(ClientStarted{});
  client.step(LinkLost{});
  int64_t longest_ms = 0;
  int64_t last_ms = 0;
  for (int tries = 0; tries < 12; ++tries) {
    client.clear();
    client.step(LinkLost{});
    const Duration wait = client.session().next_wake() - client.now();
    EXPECT_GT(wait, Duration{});
    last_ms = wait.ms();
    longest_ms = std::max(longest_ms, last_ms);
    client.advance(wait);
    EXPECT_EQ(client.take<Connect>().size(), 1u);
  }
  EXPECT_LE(longest_ms, 5000);
  EXPECT_GE(last_ms, 2500);
}

TEST(LinkTest, BrokerThatAcceptsAndBreaksOffDoesNotMakeItSpin) {
  Conversation client = connected_client();
  client.step(LinkLost{});
  client.acknowledge_inform(kAll);
  client.step(LinkLost{});
  EXPECT_TRUE(client.take<Connect>().empty());
}

TEST(LinkTest, ConversationThatLastedMakesTheNextBeginAtOnce) {
  Conversation client = client_of({"tcp://a:1"});
  client.step(ClientStarted{});
  for (int tries = 0; tries < 4; ++tries) {
    client.step(LinkLost{});
    client.advance(seconds(1));
  }
  client.acknowledge_inform(kAll);
  client.advance(seconds(6));
  client.clear();
  client.step(LinkLost{});
  EXPECT_EQ(client.take<Connect>().size(), 1u);
}

TEST(LinkTest, OneOutageIsOneWarning) {
  Conversation client = connected_client();
  for (int tries = 0; tries < 5; ++tries) {
    client.step(LinkLost{});
    client.advance(seconds(5));
  }
  const std::vector<SessionLog> lines = client.take<SessionLog>();
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(), [](const SessionLog& line) { return line.warning; }), 1);
}

std::vector<std::string> warnings_of(Conversation& client) {
  std::vector<std::string> texts;
  for (const SessionLog& line : client.take<SessionLog>()) {
    if (line.warning) texts.push_back(line.text);
  }
  return texts;
}

TEST(LinkTest, EachAddressThatDoesNotAnswerIsNamedOnceInAnOutage) {
  using Texts = std::vector<std::string>;
  Conversation client = connected_client({"tcp://a:1", "tcp://b:2", "tcp://c:3"});
  for (int tries = 0; tries < 20; ++tries) {
    client.step(LinkLost{});
    client.advance(seconds(5));
  }
  EXPECT_EQ(warnings_of(client),
            (Texts{"lost the connection to the broker at tcp://a:1", "no broker answers at tcp://b:2; trying tcp://c:3",
                   "no broker answers at tcp://c:3; trying tcp://a:1"}));
  client.acknowledge_inform(kAll);
  for (int tries = 0; tries < 20; ++tries) {
    client.step(LinkLost{});
    client.advance(seconds(5));
  }
  EXPECT_EQ(warnings_of(client).size(), 3u) << "another outage";
}

TEST(LinkTest, HeartbeatFollowsAnIntervalOfSendingNothing) {
  Conversation client = connected_client();
  client.advance(milliseconds(2999));
  EXPECT_TRUE(client.take_sent<Heartbeat>().empty());
  client.advance(milliseconds(1));
  const std::vector<Heartbeat> beats = client.take_sent<Heartbeat>();
  ASSERT_EQ(beats.size(), 1u);
  EXPECT_EQ(beats[0].time.view(), "1000003");
}

TEST(LinkTest, SendingSomethingElsePutsTheHeartbeatOff) {
  Conversation client = connected_client();
  client.advance(seconds(2));
  client.step(Submit{Message{Bytes("id-1"), Cancel{Bytes("job")}}, std::nullopt, std::nullopt});
  client.advance(milliseconds(2999));
  EXPECT_TRUE(client.take_sent<Heartbeat>().empty());
  client.advance(milliseconds(1));
  EXPECT_EQ(client.take_sent<Heartbeat>().size(), 1u);
}

TEST(LinkTest, BrokerSilentForEveryMissIsTakenForGone) {
  Conversation client = connected_client({"tcp://a:1", "tcp://b:2"});
  client.advance(milliseconds(14'999));
  EXPECT_TRUE(client.session().connected());
  client.advance(milliseconds(1));
  EXPECT_FALSE(client.session().connected());
  EXPECT_EQ(client.take<Connect>().at(0).address, "tcp://b:2");
}

TEST(LinkTest, AnyMessageCountsAsTheBrokersHeartbeat) {
  Conversation client = connected_client();
  client.advance(seconds(14));
  client.hear(Ack{Bytes("whatever"), {}});
  client.advance(milliseconds(14'999));
  EXPECT_TRUE(client.session().connected());
}

TEST(LinkTest, DisabledHeartbeatsAreNeitherSentNorMissed) {
  ClientSessionSettings settings;
  settings.link.addresses = {"tcp://a:1"};
  settings.link.heartbeats_enabled = false;
  Conversation client(ClientSession(settings, IdSource::from_small_seed(7)));
  client.step(ClientStarted{});
  client.acknowledge_inform(kAll);
  EXPECT_EQ(client.session().next_wake(), Instant::never());
  client.advance(seconds(1000));
  EXPECT_TRUE(client.take_sent<Heartbeat>().empty());
  EXPECT_TRUE(client.session().connected());
}

TEST(LinkTest, GoodbyeFromTheBrokerLeadsToANewConversationWithItAfterAWait) {
  Conversation client = connected_client({"tcp://a:1", "tcp://b:2"});
  client.hear(Goodbye{});
  EXPECT_FALSE(client.session().connected());
  EXPECT_TRUE(client.take<Connect>().empty());
  client.advance(milliseconds(100));
  EXPECT_EQ(client.take<Connect>().at(0).address, "tcp://a:1");
}

// The warning after silence of six seconds and a goodbye, so long after what was said then.
std::string told_after_silence(bool heartbeats_enabled, Duration later = {}) {
  ClientSessionSettings settings;
  settings.link.addresses = {"tcp://a:1"};
  settings.link.heartbeats_enabled = heartbeats_enabled;
  settings.link.heartbeat_interval = seconds(6);
  Conversation client(ClientSession(settings, IdSource::from_small_seed(7)));
  client.step(ClientStarted{});
  client.acknowledge_inform(kAll);
  client.advance(milliseconds(6001));
  if (!heartbeats_enabled) client.step(Submit{{Bytes("p1"), Publish{Bytes("news"), {}, Bytes("hello")}}, {}, {}});
  client.advance(later);
  client.hear(Goodbye{});
  return client.take<SessionLog>().back().text;
}

TEST(LinkTest, WhoIsGivenUpForItsSilenceIsToldWhatMayBeTheCause) {
  EXPECT_EQ(told_after_silence(true),
            "the broker at tcp://a:1 ended the conversation after we had sent nothing for 6 s; if its "
            "heartbeat_timeout is not longer than that, make heartbeat_interval shorter here");
  EXPECT_EQ(told_after_silence(false),
            "the broker at tcp://a:1 ended the conversation after we had sent nothing for 6 s; it may want "
            "heartbeats, which are disabled here");
}

TEST(LinkTest, GoodbyeThatAnswersNothingIsNoMatterOfHeartbeats) {
  EXPECT_EQ(told_after_silence(true, seconds(2)), "the broker at tcp://a:1 ended the conversation");
  EXPECT_EQ(told_after_silence(false, seconds(2)), "the broker at tcp://a:1 ended the conversation");
}

TEST(LinkTest, SilenceThatIsShorterThanItsHeartbeatsIsNotToldOf) {
  Conversation client = connected_client();
  client.advance(milliseconds(2900));  // of the 3 s after which it sends one
  client.step(Submit{{Bytes("p1"), Publish{Bytes("news"), {}, Bytes("hello")}}, {}, {}});
  client.hear(Goodbye{});
  EXPECT_EQ(client.take<SessionLog>().back().text, "the broker at tcp://a:1 ended the conversation");
}

TEST(LinkTest, WhoWasHeardAMomentAgoIsNotToldOfItsHeartbeats) {
  Conversation client = connected_client();
  client.hear(Goodbye{});
  EXPECT_EQ(client.take<SessionLog>().back().text, "the broker at tcp://a:1 ended the conversation");
}

TEST(LinkTest, DisconnectFromTheBrokerIsAnsweredWithGoodbye) {
  Conversation client = connected_client({"tcp://a:1", "tcp://b:2"});
  client.hear(Disconnect{});
  EXPECT_EQ(client.take_sent<Goodbye>().size(), 1u);
  client.advance(milliseconds(100));
  EXPECT_EQ(client.take<Connect>().at(0).address, "tcp://b:2");
}

TEST(LinkTest, RefusedInformTriesAnotherBrokerAfterAWait) {
  Conversation client = client_of({"tcp://a:1", "tcp://b:2"});
  client.step(ClientStarted{});
  client.take<Connect>();
  const Bytes inform_id = client.take_messages<Inform>().at(0).id;
  client.hear(ErrorMessage{Error{ErrorCode::kQueueFull, "too many"}, inform_id});
  EXPECT_TRUE(client.take<Connect>().empty());
  client.advance(milliseconds(100));
  EXPECT_EQ(client.take<Connect>().at(0).address, "tcp://b:2");
}

TEST(LinkTest, MessagesBetweenConversationsAreNotHeard) {
  Conversation client = connected_client();
  client.hear(Goodbye{});
  client.clear();
  client.hear(Disconnect{});
  client.step(LinkLost{});
  EXPECT_TRUE(client.effects().empty());
}

}  // namespace
}  // namespace eventmq
