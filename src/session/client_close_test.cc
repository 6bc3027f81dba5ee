// How a client ends: by close(), or leaving a broker that shuts down.
#include <gmock/gmock.h>

#include "src/session/test_client.h"

namespace eventmq {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using ClientCloseTest = ClientSessionTest;

TEST_F(ClientCloseTest, CloseWaitsForWhatIsNotAcknowledged) {
  connect();
  submit("a");
  step(CloseRequested{now() + seconds(10)});
  EXPECT_FALSE(ended());
  acknowledge("a");
  EXPECT_EQ(take_sent<Goodbye>().size(), 1u);
  EXPECT_TRUE(ended());
  EXPECT_EQ(session().next_wake(), Instant::never());
}

TEST_F(ClientCloseTest, CloseTakesWhatABrokerThatShutsDownWasNotSentToAnother) {
  connect();
  submit("a", "reply-requested");
  submit("sent");
  hear(Disconnect{});
  submit("b");
  step(CloseRequested{now() + seconds(10)});
  acknowledge("a");
  EXPECT_TRUE(take_sent<Goodbye>().empty()) << "the broker has yet to answer for what it was sent";
  sent_ids();
  acknowledge("sent");
  EXPECT_EQ(take_sent<Goodbye>().size(), 1u) << "the result of a is not waited for";
  EXPECT_FALSE(ended());
  advance(milliseconds(100));
  acknowledge_inform(kOtherBroker);
  EXPECT_THAT(sent_ids(), Contains("b"));
  acknowledge("b");
  EXPECT_TRUE(ended());
}

TEST_F(ClientCloseTest, CloseGivesUpAtItsDeadline) {
  connect();
  submit("a");
  step(CloseRequested{now() + seconds(10)});
  advance(milliseconds(9999));
  EXPECT_FALSE(ended());
  advance(milliseconds(1));
  EXPECT_THAT(failures(), ElementsAre(std::make_pair("a", ErrorCode::kClosed)));
  EXPECT_TRUE(ended());
}

TEST_F(ClientCloseTest, CloseDoesNotWaitForReplies) {
  connect();
  submit("a", "reply-requested");
  acknowledge("a");
  step(CloseRequested{now() + seconds(10)});
  EXPECT_THAT(failures(), ElementsAre(std::make_pair("a", ErrorCode::kClosed)));
  EXPECT_TRUE(ended());
}

TEST_F(ClientCloseTest, NothingIsTakenAfterClose) {
  connect();
  step(CloseRequested{now() + seconds(10)});
  EXPECT_TRUE(ended());
  submit("late");
  EXPECT_THAT(failures(), ElementsAre(std::make_pair("late", ErrorCode::kClosed)));
}

TEST_F(ClientCloseTest, CloseWithoutABrokerEndsAtOnceWhenNothingIsOpen) {
  step(ClientStarted{});
  step(CloseRequested{now() + seconds(10)});
  EXPECT_TRUE(ended());
}

TEST_F(ClientCloseTest, BrokerThatShutsDownIsLeftOnceItsRepliesHaveCome) {
  connect();
  submit("a", "reply-requested");
  acknowledge("a");
  hear(Disconnect{});
  submit("b");
  sent_ids();
  EXPECT_TRUE(take_sent<Goodbye>().empty());
  reply("a");
  EXPECT_EQ(take<Replied>().size(), 1u);
  EXPECT_EQ(take_sent<Goodbye>().size(), 1u);
  EXPECT_THAT(sent_ids(), IsEmpty()) << "what is new waits for the next broker";
  advance(milliseconds(100));
  acknowledge_inform(kOtherBroker);
  EXPECT_THAT(sent_ids(), ElementsAre("b"));
}

}  // namespace
}  // namespace eventmq
