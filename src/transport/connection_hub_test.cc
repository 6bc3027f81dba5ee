#include "src/transport/connection_hub.h"

#include <memory>

#include "src/transport/testing/hub_test_support.h"

namespace eventmq {
namespace {

using namespace test;

const Duration kPatience = seconds(60);

// --- Two sockets of one hub ---

class TwoSocketsTest : public HubTest {
 protected:
  void SetUp() override {
    HubTest::SetUp();
    other_ = std::make_unique<RouterSocket>(hub_, small_options());
    listen_at(*other_, ipc_address("other"));
  }
  std::unique_ptr<RouterSocket> other_;
};

TEST_F(TwoSocketsTest, EachHasItsOwnPeersAndNames) {
  const RawPeer its(router_.endpoint()), others(other_->endpoint());
  ASSERT_TRUE(meets(its, "name"));
  ASSERT_TRUE(meets(others, "name")) << "whichever socket somebody waits for";
  its.send_frame("to the first", false);
  others.send_frame("to the other", false);
  EXPECT_EQ(received(*other_), "name: to the other");
  EXPECT_EQ(received(router_), "name: to the first");
  EXPECT_EQ(other_->send(Bytes("name"), frames_of({"from the other"})), SendResult::kSent);
  EXPECT_EQ(frame_at(others), "from the other");
  EXPECT_TRUE(is_served(its));
}

TEST_F(TwoSocketsTest, TheEndOfOneLeavesThePeersOfTheOther) {
  const RawPeer its(router_.endpoint()), others(other_->endpoint()), unmet(other_->endpoint());
  ASSERT_TRUE(meets(its, "its"));
  ASSERT_TRUE(meets(others, "others"));
  others.send_frame("unread", false);
  other_->close(Duration{});
  EXPECT_TRUE(others.closed_by_other_side());
  EXPECT_TRUE(unmet.closed_by_other_side());
  EXPECT_FALSE(RawPeer(other_->endpoint()).handshake("late")) << "nobody listens any more";
  EXPECT_TRUE(is_served(its));
  other_.reset();
  EXPECT_TRUE(is_served(its));
  EXPECT_TRUE(faults().empty());
}

TEST_F(TwoSocketsTest, OneThatEndsInTheMidstOfItsMessagesLeavesNothing) {
  const RawPeer others(other_->endpoint());
  ASSERT_TRUE(meets(others, "others"));
  others.send_bytes(RawPeer::frame("1", false) + RawPeer::frame("2", false) + RawPeer::frame("half", true));
  EXPECT_EQ(received(*other_), "others: 1");
  other_->close(Duration{});
  const RawPeer its(router_.endpoint());
  ASSERT_TRUE(meets(its, "others"));
  EXPECT_TRUE(is_served(its));
}

// --- The end of a socket ---

class ClosingTest : public HubTest {
 protected:
  static constexpr size_t kLarge = 20'000'000;  // more than the system buffers

  // Reads to the end.
  static size_t bytes_until_closed(const RawPeer& peer) {
    size_t frames = 0, bytes = 0;
    while (peer.next_frame()) {
      ++frames;
      bytes += peer.last_frame().size();
    }
    return frames == 0 ? 0 : bytes;
  }
};

TEST_F(ClosingTest, WhatIsQueuedForAPeerThatReadsLeavesFirst) {
  const RawPeer slow(router_.endpoint());
  ASSERT_TRUE(meets(slow, "slow"));
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(router_.send(Bytes("slow"), frames_of({std::string(kLarge, 'x')})), SendResult::kSent);
  }
  ASSERT_EQ(router_.send(Bytes("slow"), frames_of({"the last"})), SendResult::kSent);
  size_t read = 0;
  std::thread reader([&] { read = bytes_until_closed(slow); });
  router_.close(kPatience);
  reader.join();
  EXPECT_EQ(read, 2 * kLarge + 8);
  EXPECT_EQ(slow.last_frame(), "the last");
}

TEST_F(ClosingTest, WithoutLingerItWaitsForNobody) {
  const RawPeer deaf(router_.endpoint());
  ASSERT_TRUE(meets(deaf, "deaf"));
  ASSERT_EQ(router_.send(Bytes("deaf"), frames_of({std::string(2 * kLarge, 'x')})), SendResult::kSent);
  router_.close(Duration{});
  EXPECT_EQ(bytes_until_closed(deaf), 0u) << "the message did not fit";
}

TEST_F(ClosingTest, WithLingerItWaitsNoLongerThanThat) {
  const RawPeer deaf(router_.endpoint());
  ASSERT_TRUE(meets(deaf, "deaf"));
  ASSERT_EQ(router_.send(Bytes("deaf"), frames_of({std::string(2 * kLarge, 'x')})), SendResult::kSent);
  const Instant before = ConnectionHub::now();
  router_.close(milliseconds(30));
  EXPECT_GE(ConnectionHub::now() - before, milliseconds(30));
  EXPECT_EQ(bytes_until_closed(deaf), 0u);
}

TEST_F(ClosingTest, APeerThatHasGoneIsNotWaitedFor) {
  auto gone = std::make_unique<RawPeer>(router_.endpoint());
  ASSERT_TRUE(meets(*gone, "gone"));
  ASSERT_EQ(router_.send(Bytes("gone"), frames_of({std::string(2 * kLarge, 'x')})), SendResult::kSent);
  gone.reset();
  router_.close(seconds(100'000));
}

// --- The end of a peer ---

class LeavingTest : public HubTest {
 protected:
  static std::string numbered(int messages) {
    std::string bytes;
    for (int i = 0; i < messages; ++i) bytes += RawPeer::frame(std::to_string(i), false);
    return bytes;
  }
};

TEST_F(LeavingTest, AllThatAPeerSentBeforeItClosedIsReceived) {
  constexpr int kMessages = 5000;
  {
    const RawPeer peer(router_.endpoint());
    ASSERT_TRUE(meets(peer, "leaves"));
    ASSERT_TRUE(peer.send_bytes(numbered(kMessages)));
  }
  for (int i = 0; i < kMessages; ++i) ASSERT_EQ(received(), "leaves: " + std::to_string(i));
}

TEST_F(LeavingTest, WhatAPeerSentIsReceivedThoughItCannotBeAnsweredAnyMore) {
  {
    const RawPeer peer(router_.endpoint());
    ASSERT_TRUE(meets(peer, "leaves"));
    ASSERT_TRUE(peer.send_bytes(numbered(3)));
  }
  EXPECT_EQ(received(), "leaves: 0");
  // What is written to a closed socket breaks the connection.
  const auto since = std::chrono::steady_clock::now();
  while (router_.send(Bytes("leaves"), frames_of({"an answer"})) != SendResult::kUnreachable) {
    ASSERT_FALSE(expired(since));
  }
  EXPECT_EQ(received(), "leaves: 1");
  EXPECT_EQ(received(), "leaves: 2");
}

TEST_F(LeavingTest, AResetHarmsNobodyAndFreesTheName) {
  const RawPeer good(router_.endpoint());
  ASSERT_TRUE(meets(good, "good"));
  for (int i = 0; i < 20; ++i) {
    const RawPeer rude(router_.endpoint());
    ASSERT_TRUE(meets_while_all_is_read(rude, "rude"));
    ASSERT_TRUE(rude.send_bytes(numbered(100) + RawPeer::frame("half", true)));
    rude.leave_rudely();
  }
  // What has arrived is received, in its order, or lost with the connection.
  const RawPeer next(router_.endpoint());
  ASSERT_TRUE(meets_while_all_is_read(next, "rude"));
  EXPECT_TRUE(is_served(next));
  EXPECT_TRUE(is_served(good));
  EXPECT_TRUE(faults().empty());
}

TEST_F(LeavingTest, OneThatStopsSendingHasLeft) {
  const RawPeer peer(router_.endpoint());
  ASSERT_TRUE(meets(peer, "half"));
  peer.send_frame("the last", false);
  peer.stop_sending();
  EXPECT_EQ(received(), "half: the last");
  EXPECT_TRUE(is_closed(peer));
}

// --- When something leaves ---

class SendingTest : public HubTest {
 protected:
  explicit SendingTest(HubOptions options = {}) : HubTest(small_options(), options) {}
  std::string address() const override { return ipc_address(); }  // where what is sent has arrived
  void send(std::initializer_list<std::string_view> texts) {
    ASSERT_EQ(router_.send(Bytes("peer"), frames_of(texts)), SendResult::kSent);
  }
};

class GatheringTest : public SendingTest {
 protected:
  GatheringTest() : SendingTest({.gathers_sends = true}) {}
};

TEST_F(SendingTest, AMessageLeavesAtOnce) {
  const RawPeer peer(router_.endpoint());
  ASSERT_TRUE(meets(peer, "peer"));
  send({"one"});
  EXPECT_EQ(peer.bytes_arrived(), 5u);
}

TEST_F(GatheringTest, NothingLeavesBeforeThePollerWaitsAndThenAll) {
  const RawPeer peer(router_.endpoint());
  ASSERT_TRUE(meets(peer, "peer"));
  for (const char* text : {"one", "two", "six"}) send({text});
  EXPECT_EQ(peer.bytes_arrived(), 0u);
  Poller poller;
  poller.watch(hub_);
  poller.wait(Duration{});
  EXPECT_EQ(peer.bytes_arrived(), 15u);
  for (const char* text : {"one", "two", "six"}) EXPECT_EQ(frame_at(peer), text);
}

TEST_F(GatheringTest, MuchOfItLeavesAtOnce) {
  const RawPeer peer(router_.endpoint());
  ASSERT_TRUE(meets(peer, "peer"));
  send({"small"});
  send({std::string(100'000, 'x')});
  EXPECT_EQ(peer.bytes_arrived(), 7u + 9 + 100'000);
}

TEST_F(GatheringTest, WhatWasGatheredLeavesBeforeItsSocketCloses) {
  const RawPeer peer(router_.endpoint());
  ASSERT_TRUE(meets(peer, "peer"));
  send({"the last"});
  router_.close(Duration{});
  EXPECT_TRUE(peer.next_frame());
  EXPECT_EQ(peer.last_frame(), "the last");
  EXPECT_FALSE(peer.next_frame());
}

TEST_F(GatheringTest, WhatWasGatheredForAPeerThatLeftHarmsNobody) {
  auto peer = std::make_unique<RawPeer>(router_.endpoint());
  const RawPeer good(router_.endpoint());
  ASSERT_TRUE(meets(*peer, "peer"));
  ASSERT_TRUE(meets(good, "good"));
  send({"lost"});
  peer.reset();
  Bytes id;
  Frames frames;
  EXPECT_FALSE(router_.receive(id, frames));  // its connection is closed
  EXPECT_TRUE(is_served(good));
}

}  // namespace
}  // namespace eventmq
