// What a ConnectionHub does when there is too much: of unfinished messages, of connections, of files.
#include <algorithm>
#include <memory>

#include "src/transport/connection_hub.h"
#include "src/transport/testing/file_limit.h"
#include "src/transport/testing/hub_test_support.h"

namespace eventmq {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

// --- Unfinished messages ---

class UnfinishedTest : public HubTest {
 protected:
  UnfinishedTest() : HubTest(small_options(), {.unfinished_bytes = 4 * kMiB}) {}
  // A frame of a message that goes on, which the router has read.
  void begins(const RawPeer& peer, const std::string& name, size_t bytes) {
    ASSERT_TRUE(meets(peer, name));
    ASSERT_TRUE(sends(peer, RawPeer::frame(std::string(bytes, 'x'), true)));
  }
  std::string ends(const RawPeer& peer) {
    const std::string text = received_while_sent(peer, RawPeer::frame("end", false));
    const auto x = std::count(text.begin(), text.end(), 'x');
    return text.substr(0, text.find(':')) + " " + std::to_string(x / 1024);
  }
};

TEST_F(UnfinishedTest, WhenTheyAreTooLargeTogetherTheLargestIsCut) {
  const RawPeer small(router_.endpoint()), large(router_.endpoint()), last(router_.endpoint());
  begins(small, "small", kMiB);
  begins(large, "large", 2 * kMiB);
  begins(last, "last", kMiB + kMiB / 2);
  EXPECT_TRUE(is_closed(large));
  EXPECT_THAT(reasons(),
              ElementsAre("unfinished messages had more than 4 MiB together, and its one had the most, 2 MiB"));
  EXPECT_EQ(faults()[0].fault, ConnectionFault::kUnfinished);
  EXPECT_EQ(ends(small), "small 1024");
  EXPECT_EQ(ends(last), "last 1536");
  EXPECT_EQ(faults().size(), 1u);
}

TEST_F(UnfinishedTest, WhatIsFinishedOrLeftCountsNoLonger) {
  for (int i = 0; i < 5; ++i) {
    const RawPeer whole(router_.endpoint()), leaves(router_.endpoint());
    begins(whole, "whole-" + std::to_string(i), kMiB);
    EXPECT_THAT(ends(whole), EndsWith(" 1024"));
    begins(leaves, "leaves-" + std::to_string(i), kMiB);
  }
  EXPECT_TRUE(faults().empty());
}

TEST_F(UnfinishedTest, AMessageThatWasTakenCountsNoLongerThoughNobodyAsksForTheNext) {
  RouterSocket other(hub_, small_options());
  listen_at(other, "tcp://127.0.0.1:*");
  const RawPeer first(router_.endpoint()), second(other.endpoint());
  begins(first, "first", 3 * kMiB);
  EXPECT_EQ(ends(first), "first 3072");
  ASSERT_TRUE(meanwhile(other, [&] { return second.handshake("second"); }));
  const std::string large(2 * kMiB, 'x');
  ASSERT_TRUE(
      meanwhile(other, [&] { return second.send_bytes(RawPeer::frame(large, true) + RawPeer::frame("end", false)); }));
  EXPECT_EQ(received(other).size(), std::string("second:  end").size() + large.size());
  EXPECT_TRUE(faults().empty());
  EXPECT_TRUE(is_served(first));
}

TEST_F(UnfinishedTest, AMessageWithoutEndIsCutThoughNothingOfItIsKept) {
  const RawPeer peer(router_.endpoint());
  ASSERT_TRUE(meets(peer, "endless"));
  const std::string frame = RawPeer::frame(std::string(16 * kMiB, 'x'), true);
  bool refused = !sends(peer, repeated(RawPeer::frame("kept", true), limits::kFramesPerMessage));
  for (int i = 0; i < 70 && !refused; ++i) refused = !sends(peer, frame);
  EXPECT_TRUE(refused);
  EXPECT_THAT(reasons(), ElementsAre("it sent more than 1024 MiB of one message and not its end"));
  EXPECT_EQ(faults()[0].fault, ConnectionFault::kUnfinished);
}

// --- What waits for peers that do not read ---

class UnreadTest : public HubTest {
 protected:
  UnreadTest() : HubTest(small_options(), {.unsent_bytes = 50 * kMiB, .told_again = Duration{}}) {}
};

TEST_F(UnreadTest, WhenTooMuchWaitsTheConnectionWithTheMostGoes) {
  const RawPeer little(router_.endpoint()), most(router_.endpoint());
  ASSERT_TRUE(meets(little, "little"));
  ASSERT_TRUE(meets(most, "most"));
  EXPECT_EQ(router_.send(Bytes("little"), frames_of({std::string(20 * kMiB, 'x')})), SendResult::kSent);
  EXPECT_EQ(router_.send(Bytes("most"), frames_of({std::string(25 * kMiB, 'x')})), SendResult::kSent);
  EXPECT_EQ(router_.send(Bytes("most"), frames_of({std::string(25 * kMiB, 'x')})), SendResult::kSent);
  ASSERT_TRUE(turns_until([&] { return !faults().empty(); }));
  EXPECT_THAT(reasons(), ElementsAre(HasSubstr("what waits for peers that do not read had more than 50 MiB together")));
  EXPECT_EQ(faults()[0].fault, ConnectionFault::kUnread);
  EXPECT_EQ(router_.send(Bytes("most"), frames_of({"x"})), SendResult::kUnreachable);
  EXPECT_EQ(frame_at(little).size(), 20 * kMiB);
  EXPECT_TRUE(is_served(little));
}

// --- Connections ---

class ConnectionLimitTest : public HubTest {
 protected:
  explicit ConnectionLimitTest(uint64_t connections = 3, Duration told_again = {})
      : HubTest(small_options(), {.connections = connections, .told_again = told_again}) {}
  using Peers = std::vector<std::unique_ptr<RawPeer>>;
  // One that is met and says nothing.
  void add_idle(Peers& peers, const RouterSocket& router) {
    peers.push_back(std::make_unique<RawPeer>(router.endpoint()));
    ASSERT_TRUE(meets(*peers.back(), ""));
  }
  void add_served(Peers& peers) {
    add_idle(peers, router_);
    ASSERT_TRUE(is_served(*peers.back()));
  }
  void expect_shed(size_t count, const char* cause) {
    ASSERT_EQ(faults().size(), count);
    for (const FaultyConnection& fault : faults()) {
      EXPECT_EQ(fault.fault, ConnectionFault::kShed);
      EXPECT_THAT(fault.address, HasSubstr("127.0.0.1:"));
      EXPECT_THAT(fault.reason, HasSubstr(cause));
      EXPECT_THAT(fault.reason, EndsWith("of those that never sent a message it was the oldest"));
    }
  }
};

TEST_F(ConnectionLimitTest, OfThoseThatNeverSpokeTheOldestGoes) {
  Peers spoke, idle;
  add_served(spoke);
  for (int i = 0; i < 4; ++i) add_idle(idle, router_);
  expect_shed(2, "there are more connections than 3");
  EXPECT_TRUE(is_closed(*idle[0]));
  EXPECT_TRUE(is_closed(*idle[1]));
  EXPECT_TRUE(is_served(*spoke[0]));
  EXPECT_TRUE(is_served(*idle[2]));
  EXPECT_TRUE(is_served(*idle[3]));
}

TEST_F(ConnectionLimitTest, WhenAllSpokeTheNewcomerGoes) {
  Peers spoke;
  for (int i = 0; i < 3; ++i) add_served(spoke);
  const RawPeer newcomer(router_.endpoint());
  EXPECT_TRUE(is_closed(newcomer));
  expect_shed(1, "there are more connections than 3");
  for (const auto& peer : spoke) EXPECT_TRUE(is_served(*peer));
  spoke.pop_back();
  // The hub may not have seen yet that one has left, and then refuses another newcomer.
  ASSERT_TRUE(turns_until([&] {
    Bytes id;
    Frames frames;
    router_.receive(id, frames);
    const RawPeer next(router_.endpoint());
    return meets(next, "");
  }));
}

TEST_F(ConnectionLimitTest, ASocketsOwnConnectionsDoNotCount) {
  SocketOptions options = small_options();
  options.own_connections = 2;
  RouterSocket other(hub_, options);
  listen_at(other, "tcp://127.0.0.1:*");
  Peers its, others;
  for (int i = 0; i < 2; ++i) add_idle(its, other);
  for (int i = 0; i < 3; ++i) add_idle(others, router_);
  EXPECT_TRUE(faults().empty());
  add_idle(others, router_);
  expect_shed(1, "there are more connections than 3");
  EXPECT_TRUE(is_closed(*others[0]));
  // Those beyond its own do: the oldest of all that never spoke goes.
  add_idle(its, other);
  expect_shed(2, "there are more connections than 3");
  EXPECT_TRUE(meanwhile(other, [&] { return its[0]->closed_by_other_side(); }));
}

// --- Files ---

class FileLimitTest : public ConnectionLimitTest {
 protected:
  FileLimitTest() : ConnectionLimitTest(limits::kConnections, seconds(60)) {}
  void SetUp() override {
    ConnectionLimitTest::SetUp();
    poller_.watch(hub_);
    // A sanitizer needs files when it first sees a call of a type's functions.
    turn(1);
    faults();
  }
  // Without anything that needs files.
  void turn(int times) {
    for (int i = 0; i < times; ++i) poller_.wait(Duration{});
  }
  Poller poller_;
};

TEST_F(FileLimitTest, RoomIsMadeWhenTheProcessMayOpenNoMoreFiles) {
  Peers spoke, idle;
  add_served(spoke);
  for (int i = 0; i < 3; ++i) add_idle(idle, router_);
  auto last = std::make_unique<FileLimit>(limit_that_leaves(1));  // its own end
  const RawPeer newcomer(router_.endpoint());
  turn(5);
  last.reset();
  expect_shed(1, "the router may open no more files");
  EXPECT_TRUE(meets(newcomer, "newcomer"));
  EXPECT_TRUE(is_closed(*idle[0]));
  for (const RawPeer* peer : std::vector<const RawPeer*>{spoke[0].get(), idle[1].get(), idle[2].get(), &newcomer})
    EXPECT_TRUE(is_served(*peer));
}

TEST_F(FileLimitTest, TheLastFileIsUsedBeforeAnybodyGoes) {
  Peers spoke, idle;
  add_idle(idle, router_);
  auto last = std::make_unique<FileLimit>(limit_that_leaves(2));  // both its ends
  const RawPeer newcomer(router_.endpoint());
  turn(5);
  last.reset();
  EXPECT_TRUE(faults().empty());
  EXPECT_TRUE(is_served(*idle[0]));
  EXPECT_TRUE(meets(newcomer, "newcomer"));
}

TEST_F(FileLimitTest, WhenAllSpokeNewcomersWaitForAFileAndTheLoopIsNotBusy) {
  Peers spoke;
  for (int i = 0; i < 3; ++i) add_served(spoke);
  auto limit = std::make_unique<FileLimit>(limit_that_leaves(2));
  const RawPeer first(router_.endpoint()), second(router_.endpoint());
  turn(10);
  Poller::Token never = poller_.watch_readable(hub_.fd());
  poller_.wait(Duration{});
  EXPECT_FALSE(poller_.ready(never)) << "who waits does not wake the loop";
  EXPECT_GT(hub_.next_due(), hub_.time());
  EXPECT_THAT(reasons(), ElementsAre("newcomers must wait: the router may open no more files"));
  // They are looked at again and again, which is told once.
  ASSERT_TRUE(turns_for(milliseconds(300)));
  EXPECT_EQ(faults().size(), 1u);

  limit.reset();
  EXPECT_TRUE(meets(first, "first"));
  EXPECT_TRUE(meets(second, "second"));
  for (const RawPeer* peer : std::vector<const RawPeer*>{spoke[0].get(), spoke[1].get(), spoke[2].get(), &first})
    EXPECT_TRUE(is_served(*peer));
  EXPECT_EQ(faults().size(), 1u);
}

TEST_F(FileLimitTest, OneThatWaitedGetsTheOnlyFileThatIsFree) {
  Peers spoke;
  add_served(spoke);
  auto limit = std::make_unique<FileLimit>(limit_that_leaves(1));
  const RawPeer newcomer(router_.endpoint());
  turn(5);
  EXPECT_EQ(faults().size(), 1u) << "it waits";
  limit.reset();
  limit = std::make_unique<FileLimit>(limit_that_leaves(1));
  newcomer.send_bytes(RawPeer::greeting() + RawPeer::ready("newcomer"));
  ASSERT_TRUE(turns_until([&] { return newcomer.bytes_arrived() > 64; }));
  EXPECT_EQ(faults().size(), 1u);
  limit.reset();
  EXPECT_TRUE(newcomer.is_met());
}

TEST(ConnectionsPossibleTest, TheyAreWhatTheLimitOfFilesLeaves) {
  const FileLimit limit(1024);
  EXPECT_EQ(connections_possible(), 1024 - limits::kReservedFiles);
}

TEST(ConnectionsPossibleTest, ASmallLimitIsHalved) {
  const FileLimit limit(200);
  EXPECT_EQ(connections_possible(), 100u);
}

}  // namespace
}  // namespace eventmq
