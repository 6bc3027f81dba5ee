#include "src/transport/connection_guard.h"

#include <gmock/gmock.h>

#include <thread>

#include "src/transport/guard_test_support.h"

namespace eventmq {
namespace {

using namespace test;
using testing::HasSubstr;

class ConnectionGuardTest : public GuardedRouterTest {
 protected:
  void SetUp() override { listen_on("tcp://127.0.0.1:*"); }
  void expect_cut_and_bounded(const std::string& piece) {
    const uint64_t before = memory_.bytes();
    DealerSocket good(context_, small_options());
    ASSERT_TRUE(good.connect(router_.endpoint(), "good"));
    ASSERT_TRUE(served(good));
    RawPeer hostile(router_.endpoint());
    ASSERT_TRUE(hostile.handshake("hostile"));
    const Flood flood(hostile, piece);
    ASSERT_TRUE(turn_until([&] { return !cuts_.empty(); }));
    EXPECT_EQ(cuts_.size(), 1u);
    EXPECT_THAT(cuts_[0].address, HasSubstr("127.0.0.1:"));
    EXPECT_TRUE(hostile.closed_by_other_side());
    EXPECT_LT(most_memory_, before + kGrowthMax);
    EXPECT_TRUE(served(good));
  }
};

TEST_F(ConnectionGuardTest, AMessageOfEndlessLargeFramesIsCut) {
  expect_cut_and_bounded(RawPeer::frame(std::string(kMiB, 'x'), true));
  EXPECT_THAT(cuts_.at(0).reason, HasSubstr("MiB of one message and not its end"));
}

TEST_F(ConnectionGuardTest, AMessageOfEndlessEmptyFramesIsCut) {
  expect_cut_and_bounded(repeated(std::string("\1\0", 2), 32 * 1024));
  EXPECT_THAT(cuts_.at(0).reason, HasSubstr("while memory grew"));
}

TEST_F(ConnectionGuardTest, AnEndlessCommandIsCut) {
  RawPeer hostile(router_.endpoint());
  ASSERT_TRUE(hostile.handshake("hostile"));
  const std::string command_of_31_mib = std::string("\6\0\0\0\0\1\xf0\0\0", 9) + "\4PING";
  const Flood flood(hostile, command_of_31_mib + std::string(31 * kMiB - 5, 'x'));
  ASSERT_TRUE(turn_until([&] { return !cuts_.empty(); }));
  EXPECT_TRUE(hostile.closed_by_other_side());
}

TEST_F(ConnectionGuardTest, TheLargestIsCutWhenAllTogetherAreTooMuch) {
  RawPeer small(router_.endpoint()), large(router_.endpoint());
  ASSERT_TRUE(small.handshake("small"));
  ASSERT_TRUE(large.handshake("large"));
  const std::string piece = RawPeer::frame(std::string(kMiB, 'x'), true);
  const Flood first(small, piece, 15), second(large, piece, 30);
  ASSERT_TRUE(turn_until([&] { return !cuts_.empty(); }));
  EXPECT_THAT(cuts_[0].reason, HasSubstr("all connections together"));
  EXPECT_TRUE(large.closed_by_other_side());
}

TEST_F(ConnectionGuardTest, ASlowMessageOfTheLargestSizeIsReceivedWhileOthersAreServed) {
  RawPeer slow(router_.endpoint());
  ASSERT_TRUE(slow.handshake("slow"));
  DealerSocket good(context_, small_options());
  ASSERT_TRUE(good.connect(router_.endpoint(), "good"));
  slow.announce_frame(32 * kMiB);
  for (int piece = 0; piece < 64; ++piece) {
    slow.send_bytes(std::string(kMiB / 2, 'x'));
    ASSERT_TRUE(served(good));
    for (int i = 0; i < 3; ++i) turn();
  }
  EXPECT_TRUE(turn_until([&] { return received_bytes_ > 32 * kMiB; }));
  EXPECT_TRUE(cuts_.empty()) << cuts_[0].reason;
}

TEST_F(ConnectionGuardTest, ManyLargeMessagesOneAfterTheOtherAreNoUnfinishedOne) {
  RawPeer busy(router_.endpoint());
  ASSERT_TRUE(busy.handshake("busy"));
  std::string message = RawPeer::frame("", true) + RawPeer::frame(std::string(5 * kMiB, 'x'), false);
  const Flood flood(busy, std::move(message), 100);
  EXPECT_TRUE(turn_until([&] { return received_bytes_ == 500 * kMiB; }));
  EXPECT_TRUE(cuts_.empty()) << cuts_[0].reason;
}

TEST_F(ConnectionGuardTest, AnEndlessMessageIsCutThoughTheSocketIsNeverEmpty) {
  RawPeer noisy(router_.endpoint()), hostile(router_.endpoint());
  ASSERT_TRUE(noisy.handshake("noisy"));
  ASSERT_TRUE(hostile.handshake("hostile"));
  const Flood noise(noisy, repeated(std::string("\0\1x", 3), 10'000));
  const Flood flood(hostile, RawPeer::frame(std::string(kMiB, 'x'), true));
  const auto since = std::chrono::steady_clock::now();
  Bytes peer;
  while (cuts_.empty() && !expired(since)) {
    for (int message = 0; message < 256; ++message) {
      Frames frames;
      ASSERT_TRUE(wait_message(router_, peer, frames));
    }
    for (FaultyConnection& cut : guard_.check(now(), 0)) cuts_.push_back(std::move(cut));
  }
  ASSERT_EQ(cuts_.size(), 1u);
  EXPECT_TRUE(hostile.closed_by_other_side());
}

TEST_F(ConnectionGuardTest, ConnectionsThatComeAndGoAreNotMistakenForOneAnother) {
  for (int visit = 0; visit < 50; ++visit) {
    RawPeer peer(router_.endpoint());
    ASSERT_TRUE(peer.handshake("visitor-" + std::to_string(visit)));
    // In part of the visits the message is whole, in the others it is not when the peer leaves.
    peer.send_frame(std::string(300'000, 'x'), visit % 2 == 0);
    turn();
  }
  DealerSocket good(context_, small_options());
  ASSERT_TRUE(good.connect(router_.endpoint(), "good"));
  EXPECT_TRUE(served(good));
  EXPECT_TRUE(cuts_.empty()) << cuts_[0].reason;
}

TEST_F(ConnectionGuardTest, ADescriptorThatPassedFromOneSocketToAnotherIsStillWatched) {
  RouterSocket others[] = {RouterSocket(context_, small_options(), &guard_),
                           RouterSocket(context_, small_options(), &guard_)};
  for (RouterSocket& other : others) {
    ASSERT_TRUE(other.bind("tcp://127.0.0.1:*"));
    RawPeer visitor(other.endpoint());
    ASSERT_TRUE(visitor.handshake("visitor"));
    visitor.announce_frame(limits::kFrameBytesAnnounced + 1);
    EXPECT_TRUE(visitor.closed_by_other_side());
  }
  // The guard has not looked yet, so it hears of all three connections at once.
  RawPeer hostile(router_.endpoint());
  ASSERT_TRUE(hostile.handshake("hostile"));
  const Flood flood(hostile, RawPeer::frame(std::string(kMiB, 'x'), true));
  ASSERT_TRUE(turn_until([&] { return !cuts_.empty(); }));
  EXPECT_TRUE(hostile.closed_by_other_side());
}

TEST(HandshakeTest, WhoeverDoesNotSpeakZmtpIsToldWithItsAddressAndWhoeverOnlyLooksIsNot) {
  ZmqContext context;
  ConnectionGuard guard;
  SocketOptions options = small_options();
  options.handshake_timeout = milliseconds(300);
  RouterSocket router(context, options, &guard);
  ASSERT_TRUE(router.bind("tcp://127.0.0.1:*"));
  std::vector<FaultyConnection> cuts;
  const auto check_until = [&](size_t number) {
    const auto since = std::chrono::steady_clock::now();
    for (Instant now{0}; cuts.size() < number && !expired(since); now = now + seconds(1)) {
      for (FaultyConnection& cut : guard.check(now, 0)) cuts.push_back(std::move(cut));
      std::this_thread::yield();
    }
  };
  { RawPeer looks(router.endpoint()); }
  RawPeer browser(router.endpoint());
  browser.send_bytes("GET / HTTP/1.1\r\nHost: router\r\n\r\n");
  check_until(1);
  EXPECT_TRUE(browser.closed_by_other_side());
  RawPeer stranger(router.endpoint());
  stranger.send_bytes(std::string("\xff\0\0\0\0\0\0\0\1\x7f\3\0NEWS", 16) + std::string(48, '\0'));
  check_until(2);
  EXPECT_TRUE(stranger.closed_by_other_side());
  ASSERT_EQ(cuts.size(), 2u);
  EXPECT_THAT(cuts[0].address, HasSubstr("127.0.0.1:"));
  for (const FaultyConnection& cut : cuts) {
    EXPECT_EQ(cut.fault, ConnectionFault::kHandshake);
    EXPECT_THAT(cut.reason, HasSubstr("handshake"));
  }
}

TEST_F(ConnectionGuardTest, ASecondPeerWithOneRoutingIdIsToldOf) {
  RawPeer first(router_.endpoint());
  ASSERT_TRUE(first.handshake("twin"));
  ASSERT_TRUE(first.send_bytes(RawPeer::frame("hello", false)));
  ASSERT_TRUE(turn_until([&] { return received_bytes_ == 5; }));
  RawPeer idle(router_.endpoint());
  ASSERT_TRUE(idle.handshake("idle"));
  RawPeer second(router_.endpoint());
  ASSERT_TRUE(second.handshake("twin"));
  ASSERT_TRUE(second.send_bytes(RawPeer::frame(std::string(400, 'x'), false)));
  ASSERT_TRUE(turn_until([&] { return !cuts_.empty(); }));
  EXPECT_EQ(cuts_[0].fault, ConnectionFault::kUnheard);
  EXPECT_THAT(cuts_[0].reason, HasSubstr("routing id"));
  EXPECT_EQ(cuts_.size(), 1u);
  EXPECT_EQ(received_bytes_, 5u);
}

TEST_F(ConnectionGuardTest, ASocketCanCloseBeforeTheGuardEnds) {
  RawPeer peer(router_.endpoint());
  ASSERT_TRUE(peer.handshake("peer"));
  turn();
  router_.close(Duration{});
  EXPECT_EQ(guard_.next_check(), Instant::never());
  EXPECT_TRUE(guard_.check(now() + seconds(1), 0).empty());
}

}  // namespace
}  // namespace eventmq
