// What a client asks for again while the broker cannot look into its store.
#include <gmock/gmock.h>

#include "src/session/test_client.h"

namespace eventmq {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ClientPostponeTest : public ClientConversation {
 protected:
  ClientPostponeTest() : ClientConversation(settings()) { meet("one"); }

  static ClientSessionSettings settings() {
    ClientSessionSettings settings;
    settings.link.addresses = {"tcp://a:1"};
    settings.link.heartbeats_enabled = false;  // the broker of these tests may be silent for long
    settings.window = 2;
    return settings;
  }
  void meet(std::string_view instance) {
    step(LinkLost{});
    step(ClientStarted{});
    advance(milliseconds(100));
    acknowledge_inform("errors,multi-ack,instance:" + std::string(instance));
  }
  void submit(std::string_view id, std::optional<Duration> within = std::nullopt) {
    const std::optional<Instant> deadline = within ? std::optional(now() + *within) : std::nullopt;
    step(Submit{{Bytes(id), Request{Bytes("queue"), *parse_headers(Bytes::literal("reply-requested,guarantee")),
                                    Bytes::literal("[]")}},
                deadline,
                std::nullopt});
  }
  void refuse(std::string_view id, ErrorCode code = ErrorCode::kStoreUnavailable) {
    hear(ErrorMessage{Error{code, "no"}, Bytes(id)});
  }
  // One was ACKed and one not when the broker ended, and its next life finds neither.
  void postpone_both() {
    submit("sent", seconds(30));
    submit("acked");
    acknowledge("acked");
    meet("two");
    refuse("sent");
    refuse("acked");
    sent_ids();
    advance(seconds(1));
    ASSERT_THAT(sent_ids(), ElementsAre("sent"));
  }
};

TEST_F(ClientPostponeTest, TheNextAsksWhenTheOneThatAskedIsRefusedForAnotherReason) {
  postpone_both();
  refuse("sent", ErrorCode::kQueueFull);
  EXPECT_THAT(failures(), ElementsAre(std::pair("sent", ErrorCode::kQueueFull)));
  EXPECT_THAT(sent_ids(), IsEmpty());
  advance(seconds(1));
  EXPECT_THAT(sent_ids(), ElementsAre("acked"));
}

TEST_F(ClientPostponeTest, TheNextAsksWhenTheOneThatAskedMeetsItsDeadline) {
  postpone_both();
  advance(seconds(28));
  EXPECT_THAT(sent_ids(), IsEmpty()) << "the first is under way still";
  advance(seconds(3));
  EXPECT_THAT(failures(), ElementsAre(std::pair("sent", ErrorCode::kTimedOut)));
  EXPECT_THAT(sent_ids(), ElementsAre("acked"));
}

TEST_F(ClientPostponeTest, TheNextAsksWhenTheOneThatAskedIsForgotten) {
  submit("a");
  submit("b");
  acknowledge("a,b");
  meet("two");
  refuse("a");
  refuse("b");
  sent_ids();
  advance(seconds(1));
  ASSERT_THAT(sent_ids(), ElementsAre("a"));
  step(Forget{Bytes("a")});
  advance(seconds(1));
  EXPECT_THAT(sent_ids(), ElementsAre("b"));
}

TEST_F(ClientPostponeTest, OneThatStoodBehindTheWindowAfterAReconnectionWasSentBeforeAllTheSame) {
  for (const char* id : {"a", "b", "behind"}) {
    submit(id);
    acknowledge(id);
  }
  sent_ids();
  meet("one");
  ASSERT_THAT(sent_ids(), ElementsAre("a", "b"));
  meet("two");
  for (const char* id : {"a", "b", "behind"}) refuse(id);
  EXPECT_THAT(failures(), IsEmpty());
  EXPECT_THAT(sent_ids(), ElementsAre("a", "b", "behind"));
}

}  // namespace
}  // namespace eventmq
