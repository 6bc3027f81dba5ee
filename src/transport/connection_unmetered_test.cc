#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "src/transport/guard_test_support.h"

namespace eventmq {
namespace {

using namespace test;
using testing::HasSubstr;

constexpr uint64_t kPiecesAtMost = 4'000;  // each may take 2 MiB

class UnmeteredTest : public GuardedRouterTest {
 protected:
  using GuardedRouterTest::GuardedRouterTest;
  void SetUp() override { listen_on("ipc://" + folder_ + "/router"); }
  ~UnmeteredTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<RawPeer> peer(const std::string& routing_id) {
    auto made = std::make_unique<RawPeer>(router_.endpoint());
    EXPECT_TRUE(meets(*made, routing_id));
    return made;
  }
  std::unique_ptr<DealerSocket> good_peer(const std::string& routing_id) {
    auto made = std::make_unique<DealerSocket>(context_, small_options());
    EXPECT_TRUE(made->connect(router_.endpoint(), routing_id));
    EXPECT_TRUE(served(*made));
    return made;
  }
  // What the guard finds at a moment of our own; its own time stands still.
  void check_at(Instant moment) {
    for (FaultyConnection& cut : guard_.check(moment, 0)) cuts_.push_back(std::move(cut));
  }
  void expect_cut_and_bounded(const std::string& piece) {
    const uint64_t before = memory_.bytes();
    const auto good = good_peer("good"), idle = good_peer("idle");
    const auto hostile = peer("hostile");
    // The idle one may be cut a look before it. A guard that cuts nobody must not take all memory of the machine.
    const Flood flood(*hostile, piece, kPiecesAtMost);
    ASSERT_TRUE(turn_until([&] { return !served(*good) || flood.refused(); }));
    ASSERT_FALSE(cuts_.empty());
    EXPECT_THAT(cuts_.at(0).address, HasSubstr("process " + std::to_string(::getpid())));
    EXPECT_THAT(cuts_.at(0).reason, HasSubstr("memory grew by"));
    EXPECT_EQ(cuts_.at(0).fault, ConnectionFault::kUnfinished);
    EXPECT_TRUE(hostile->closed_by_other_side());
    EXPECT_LT(most_memory_, before + kGrowthMax);
    EXPECT_TRUE(served(*good)) << "of it messages came";
  }

 private:
  static std::string make_folder() {
    char path[] = "/tmp/emq-test-XXXXXX";
    return ::mkdtemp(path) == nullptr ? "" : path;
  }
  std::string folder_ = make_folder();
};

TEST_F(UnmeteredTest, WhoClaimsTooMuchIsToldOfThoughTheLibraryClosesAtOnce) {
  const auto good = good_peer("good");
  for (size_t i = 1; i <= 8; ++i) {
    const auto greedy = peer("greedy-" + std::to_string(i));
    greedy->announce_frame(200'000'000);
    ASSERT_TRUE(turn_until([&] { return cuts_.size() == i; }));
    EXPECT_TRUE(greedy->closed_by_other_side());
  }
  for (const FaultyConnection& cut : cuts_) {
    EXPECT_THAT(cut.address, HasSubstr("process " + std::to_string(::getpid()) + " of user"));
    EXPECT_THAT(cut.reason, HasSubstr("a frame of more than 64 MiB"));
    EXPECT_EQ(cut.fault, ConnectionFault::kUnfinished);
  }
  EXPECT_TRUE(served(*good));
}

TEST_F(UnmeteredTest, AClaimRightBehindTheHandshakeIsToldOfToo) {
  RawPeer hasty(router_.endpoint());
  std::thread other([&] {
    if (hasty.handshake("hasty")) hasty.announce_frame(200'000'000);
  });
  // If its handshake did not wait for the guard, it would be over before the guard looks.
  Poller poller;
  poller.watch(guard_);
  poller.wait(seconds(10));
  EXPECT_TRUE(turn_until([&] { return !cuts_.empty(); }));
  other.join();
  EXPECT_EQ(cuts_.at(0).fault, ConnectionFault::kUnfinished);
  EXPECT_TRUE(hasty.closed_by_other_side());
}

TEST_F(UnmeteredTest, WhoLeavesIsNotToldOf) {
  for (int visit = 0; visit < 18; ++visit) {
    const auto visitor = peer("visitor-" + std::to_string(visit));
    // In part of the visits the message is whole, in the others it is not when the peer leaves.
    visitor->send_frame(std::string(3'000, 'x'), visit % 2 == 0);
    if (visit % 3 != 0) turn();
  }
  { RawPeer looks(router_.endpoint()); }
  EXPECT_TRUE(served(*good_peer("good")));
  check_at(now() + seconds(1));
  EXPECT_TRUE(cuts_.empty()) << cuts_[0].reason;
}

TEST_F(UnmeteredTest, AFrameAboveTheLimitAndBelowThatOfTheLibraryComesMarked) {
  const auto large = peer("large");
  const Flood flood(*large, RawPeer::frame(std::string(limits::kFrameBytesDefault + 1, 'x'), false), 1);
  Bytes id;
  Frames frames;
  ASSERT_TRUE(wait_message(router_, id, frames));
  EXPECT_TRUE(frames.too_large());
}

TEST_F(UnmeteredTest, AMessageOfEndlessLargeFramesIsCut) {
  expect_cut_and_bounded(RawPeer::frame(std::string(kMiB, 'x'), true));
}

TEST_F(UnmeteredTest, AMessageOfEndlessEmptyFramesIsCut) {
  expect_cut_and_bounded(repeated(std::string("\1\0", 2), 32 * 1024));
}

// The memory of the test is that of the router.
TEST_F(UnmeteredTest, WhoIsIdleWhileMemoryGrowsGoesAfterThoseThatSend) {
  SocketOptions options = small_options();
  options.receive_queue_messages = 1;
  RouterSocket other(context_, options, &guard_);
  ASSERT_TRUE(other.bind(router_.endpoint() + "-other"));
  const auto idle = good_peer("idle");
  RawPeer first(other.endpoint()), second(other.endpoint());
  ASSERT_TRUE(meets(first, "twin"));
  ASSERT_TRUE(meets(second, "twin"));
  // Never received, so what the queue of the library does not take stays unread.
  ASSERT_TRUE(second.send_bytes(repeated(RawPeer::frame("hello", false), 4'000)));
  // What other tests freed would hide that memory grows, if it were given back later.
  kernel_counts::return_freed_memory();
  check_at(now() + milliseconds(200));
  const std::string grown(300 * kMiB, 'x');
  ASSERT_TRUE(turn_until([&] { return !cuts_.empty(); }));
  EXPECT_TRUE(second.closed_by_other_side());
  EXPECT_TRUE(served(*idle));
  check_at(now() + milliseconds(200));  // it hears of the idle one's message before memory grows on
  const std::string grown_more(600 * kMiB, 'x');
  EXPECT_EQ(cuts_.size(), 1u);
  ASSERT_TRUE(turn_until([&] { return cuts_.size() == 3; })) << "the idle ones too";
  EXPECT_TRUE(first.closed_by_other_side());
}

TEST_F(UnmeteredTest, ManyLargeMessagesOneAfterTheOtherAreNoUnfinishedOne) {
  const auto busy = peer("busy");
  std::string message = RawPeer::frame("", true) + RawPeer::frame(std::string(5 * kMiB, 'x'), false);
  const Flood flood(*busy, std::move(message), 100);
  EXPECT_TRUE(turn_until([&] { return received_bytes_ == 500 * kMiB; }));
  EXPECT_TRUE(cuts_.empty()) << cuts_[0].reason;
}

TEST_F(UnmeteredTest, WhoSaysNothingForAMinuteIsToldOfOnceAsASecondPeerWithOneRoutingIdMayBe) {
  const auto first = good_peer("twin");
  const auto second = peer("twin");
  second->send_frame("nobody hears this", false);
  check_at(now() + seconds(59));
  EXPECT_TRUE(cuts_.empty());
  check_at(now() + seconds(61));
  ASSERT_EQ(cuts_.size(), 1u);
  EXPECT_EQ(cuts_[0].fault, ConnectionFault::kUnheard);
  EXPECT_THAT(cuts_[0].reason, HasSubstr("another peer has its routing id"));
  check_at(now() + seconds(1000));
  EXPECT_EQ(cuts_.size(), 1u);
}

TEST_F(UnmeteredTest, WhoDoesNotSpeakZmtpIsToldOf) {
  RawPeer stranger(router_.endpoint());
  stranger.send_bytes(std::string("\xff\0\0\0\0\0\0\0\1\x7f\3\0NEWS", 16) + std::string(48, '\0'));
  ASSERT_TRUE(turn_until([&] { return !cuts_.empty(); }));
  EXPECT_EQ(cuts_[0].fault, ConnectionFault::kHandshake);
  EXPECT_TRUE(stranger.closed_by_other_side());
}

TEST_F(UnmeteredTest, WhoSpeaksWhatIsNoZmtp3IsToldOfThoughTheLibraryReportsNoFailure) {
  const std::string http = "GET / HTTP/1.1\r\nHost: router\r\n\r\n", zmtp_1("\1\0", 2);
  size_t strangers = 0;
  for (const std::string& words : {http, zmtp_1}) {
    RawPeer stranger(router_.endpoint());
    stranger.send_bytes(words);
    ASSERT_TRUE(stranger.closed_by_other_side());
    ASSERT_TRUE(turn_until([&] { return cuts_.size() > strangers; }));
    EXPECT_EQ(cuts_[strangers++].fault, ConnectionFault::kHandshake);
  }
}

TEST_F(UnmeteredTest, WhoseHandshakeTookTooLongBecauseWeDidNotLookIsNotToldOf) {
  SocketOptions hasty = small_options();
  hasty.handshake_timeout = milliseconds(50);
  RouterSocket other(context_, hasty, &guard_);
  ASSERT_TRUE(other.bind(router_.endpoint() + "-other"));
  const RawPeer patient(other.endpoint());
  EXPECT_FALSE(patient.handshake("patient")) << "nobody lets it in";
  EXPECT_TRUE(served(*good_peer("good")));
  EXPECT_TRUE(cuts_.empty()) << cuts_[0].reason;
}

TEST_F(UnmeteredTest, TwoSocketsAreWatchedAndOneMayCloseBeforeTheOther) {
  RouterSocket other(context_, small_options(), &guard_);
  ASSERT_TRUE(other.bind(router_.endpoint() + "-other"));
  const auto before = peer("before");
  other.close(Duration{});
  const auto after = peer("after");
  router_.close(Duration{});
  EXPECT_EQ(guard_.waiting_handshakes(), nullptr);
  EXPECT_TRUE(guard_.check(now() + seconds(1), 0).empty());
}

TEST_F(UnmeteredTest, WhenTheLastSocketHasLeftTheNextOneIsWatchedAtOnce) {
  const std::string path = router_.endpoint();
  router_.close(Duration{});
  for (int i = 0; i < 100; ++i) {
    RouterSocket next(context_, small_options(), &guard_);
    const Result<void> bound = next.bind(path + std::to_string(i));
    ASSERT_TRUE(bound) << i << ": " << bound.error().text;
  }
}

class UnmeteredSheddingTest : public UnmeteredTest {
 protected:
  UnmeteredSheddingTest() : UnmeteredTest({.connections = 5}) {}
};

TEST_F(UnmeteredSheddingTest, AConnectionCountsTwiceSinceItTakesTwoFiles) {
  const auto good = good_peer("good");
  const auto first = peer("first"), second = peer("second");
  ASSERT_TRUE(turn_until([&] { return !cuts_.empty(); }));
  EXPECT_TRUE(served(*good));
  ASSERT_EQ(cuts_.size(), 1u);
  EXPECT_EQ(cuts_[0].fault, ConnectionFault::kShed);
  EXPECT_TRUE(first->closed_by_other_side());
}

}  // namespace
}  // namespace eventmq
