// A client's session that tests drive, and what they say to it and see of it.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/session/client_session.h"
#include "src/session/test_conversation.h"

namespace eventmq {

inline constexpr std::string_view kFirstBroker = "errors,progress,multi-ack,instance:one";
inline constexpr Duration kOutage = seconds(60);
inline constexpr std::string_view kOtherBroker = "errors,progress,multi-ack,instance:two";

class ClientConversation : public ::testing::Test, public TestConversation<ClientSession, ClientEvent, ClientEffect> {
 protected:
  explicit ClientConversation(ClientSessionSettings settings)
      : TestConversation(ClientSession(std::move(settings), IdSource::from_small_seed(3))) {}

  void acknowledge(std::string_view ids) { hear(Ack{Bytes(ids), {}}); }
  std::vector<std::string> sent_ids() {
    std::vector<std::string> ids;
    for (const Message& message : take_messages<Request>()) ids.push_back(message.id.str());
    return ids;
  }
  std::vector<std::pair<std::string, ErrorCode>> failures() {
    std::vector<std::pair<std::string, ErrorCode>> list;
    for (const Failed& failed : take<Failed>()) list.emplace_back(failed.id.str(), failed.error.code);
    return list;
  }
};

class ClientSessionTest : public ClientConversation {
 protected:
  explicit ClientSessionTest(std::string name = {}) : ClientConversation(settings(std::move(name))) {}

  static ClientSessionSettings settings(std::string name = {}) {
    ClientSessionSettings settings;
    settings.link.addresses = {"tcp://a:1"};
    settings.link.name = std::move(name);
    settings.window = 3;
    settings.outage_timeout = kOutage;
    return settings;
  }
  void connect(std::string_view capabilities = kFirstBroker) {
    step(ClientStarted{});
    acknowledge_inform(capabilities);
    clear();
  }
  void reconnect(std::string_view capabilities) {
    step(LinkLost{});
    advance(milliseconds(100));
    acknowledge_inform(capabilities);
  }
  // A broker answers the next INFORM, which may take a while after many tries.
  void meet_broker() {
    clear();
    std::vector<Message> informs;
    for (; informs.empty(); informs = take_messages<Inform>()) advance(milliseconds(100));
    hear(Ack{informs.back().id, Bytes(kFirstBroker)});
    ASSERT_TRUE(session().connected());
  }
  static Message job(std::string_view id, std::string_view headers = "") {
    return {Bytes(id), Request{Bytes("queue"), *parse_headers(Bytes(headers)), Bytes("[]")}};
  }
  void submit(std::string_view id, std::string_view headers = "") {
    step(Submit{job(id, headers), std::nullopt, std::nullopt});
  }
  void submit_within(std::string_view id, Duration span, std::string_view headers = "") {
    step(Submit{job(id, headers), now() + span, std::nullopt});
  }
  void reply(std::string_view id, Outcome outcome = Outcome::kOk) {
    hear(Reply{Bytes(R"({"value": 5})"), Bytes(id), 0, true, outcome});
  }
  std::vector<std::string> accepted_ids() {
    std::vector<std::string> ids;
    for (const Accepted& accepted : take<Accepted>()) ids.push_back(accepted.id.str());
    return ids;
  }
};

}  // namespace eventmq
