#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <functional>
#include <memory>
#include <thread>

#include "src/transport/connection_guard.h"
#include "src/transport/raw_peer.h"
#include "src/transport/transport_test_support.h"

namespace eventmq {
namespace {

using namespace test;
using testing::HasSubstr;

// A limit of open files for the time of a test.
class FileLimit {
 public:
  explicit FileLimit(rlim_t files) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = files;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  ~FileLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;

 private:
  rlimit before_{};
};

// The limit with which so many more files can be opened: there may be open ones above the first that is free.
rlim_t limit_that_leaves(int files) {
  int descriptor = 0;
  for (; files > 0; ++descriptor) files -= ::fcntl(descriptor, F_GETFD) == -1 ? 1 : 0;
  return static_cast<rlim_t>(descriptor);
}

class SheddingTest : public testing::Test {
 protected:
  using Idle = std::vector<std::unique_ptr<RawPeer>>;

  explicit SheddingTest(uint64_t connections = 3) : guard_({.connections = connections}) {}
  void SetUp() override { ASSERT_TRUE(router_.bind("tcp://127.0.0.1:*")); }

  // One turn of a router's loop, whose peers are answered with what they send.
  void turn(RouterSocket& router) {
    Bytes peer;
    for (Frames frames; router.receive(peer, frames); frames = Frames()) router.send(peer, frames);
    now_ = now_ + seconds(1);
    // Our time runs faster than the peers' handshakes, which may be told of as unheard.
    for (FaultyConnection& found : guard_.check(now_, 0)) {
      if (found.fault == ConnectionFault::kShed) cuts_.push_back(std::move(found));
    }
  }
  bool turn_until(const std::function<bool()>& condition) {
    const auto since = std::chrono::steady_clock::now();
    while (!expired(since)) {
      if (condition()) return true;
      turn(router_);
      if (other_) turn(*other_);
      std::this_thread::yield();
    }
    return false;
  }
  // A message goes to the router and back.
  bool served(DealerSocket& peer) {
    EXPECT_TRUE(peer.send(frames_of({"hello"})));
    Frames frames;
    return turn_until([&] { return peer.receive(frames) == DealerInput::kMessage; });
  }
  std::unique_ptr<DealerSocket> served_peer(const std::string& name) {
    auto peer = std::make_unique<DealerSocket>(context_, small_options());
    EXPECT_TRUE(peer->connect(router_.endpoint(), name));
    EXPECT_TRUE(served(*peer));
    return peer;
  }
  // It is there, and the guard has heard of it.
  void add_idle(Idle& idle, const RouterSocket& router) {
    idle.push_back(std::make_unique<RawPeer>(router.endpoint()));
    ASSERT_TRUE(idle.back()->handshake("idle-" + std::to_string(idle.size())));
    turn(router_);
    if (other_) turn(*other_);
  }

  ZmqContext context_;
  ConnectionGuard guard_;
  RouterSocket router_{context_, small_options(), &guard_};
  std::unique_ptr<RouterSocket> other_;
  std::vector<FaultyConnection> cuts_;
  Instant now_{0};
};

TEST_F(SheddingTest, OfThoseThatNeverSpokeTheOldestGoes) {
  const auto spoke = served_peer("spoke");
  Idle idle;
  for (int i = 0; i < 4; ++i) add_idle(idle, router_);
  ASSERT_TRUE(turn_until([&] { return cuts_.size() >= 2; }));
  EXPECT_EQ(cuts_.size(), 2u) << cuts_.back().reason;
  EXPECT_TRUE(idle[0]->closed_by_other_side());
  EXPECT_TRUE(idle[1]->closed_by_other_side());
  for (const FaultyConnection& cut : cuts_) {
    EXPECT_EQ(cut.fault, ConnectionFault::kShed);
    EXPECT_THAT(cut.address, HasSubstr("127.0.0.1:"));
    EXPECT_THAT(cut.reason, HasSubstr("never sent a message"));
  }
  EXPECT_TRUE(served(*spoke));
  EXPECT_TRUE(served(*served_peer("new"))) << "there is always room for one that speaks";
}

TEST_F(SheddingTest, WhenAllSpokeTheNewestGoes) {
  std::vector<std::unique_ptr<DealerSocket>> peers;
  for (int i = 0; i < 4; ++i) {
    peers.push_back(std::make_unique<DealerSocket>(context_, small_options()));
    ASSERT_TRUE(peers.back()->connect(router_.endpoint(), "peer-" + std::to_string(i)));
    ASSERT_TRUE(peers.back()->send(frames_of({"hello"})));
    Bytes peer;
    Frames frames;
    ASSERT_TRUE(wait_message(router_, peer, frames));
  }
  ASSERT_TRUE(turn_until([&] { return cuts_.size() == 1; }));
  EXPECT_THAT(cuts_[0].reason, HasSubstr("it was the newest"));
  peers.pop_back();
  for (const auto& peer : peers) EXPECT_TRUE(served(*peer));
}

TEST_F(SheddingTest, OneThatNeverSpokeGoesBeforeThoseThatDid) {
  std::vector<std::unique_ptr<DealerSocket>> peers;
  for (int i = 0; i < 3; ++i) peers.push_back(served_peer("peer-" + std::to_string(i)));
  Idle idle;
  add_idle(idle, router_);
  ASSERT_TRUE(turn_until([&] { return cuts_.size() == 1; }));
  EXPECT_TRUE(idle[0]->closed_by_other_side());
  for (const auto& peer : peers) EXPECT_TRUE(served(*peer));
  EXPECT_EQ(cuts_.size(), 1u);
}

TEST_F(SheddingTest, ASocketsOwnConnectionsDoNotCount) {
  SocketOptions options = small_options();
  options.own_connections = 2;
  other_ = std::make_unique<RouterSocket>(context_, options, &guard_);
  ASSERT_TRUE(other_->bind("tcp://127.0.0.1:*"));
  Idle its, others;
  for (int i = 0; i < 2; ++i) add_idle(its, *other_);
  for (int i = 0; i < 5; ++i) add_idle(others, router_);
  ASSERT_TRUE(turn_until([&] { return cuts_.size() == 2; }));
  EXPECT_TRUE(others[0]->closed_by_other_side());
  EXPECT_TRUE(others[1]->closed_by_other_side());
  // Those beyond its own do: the oldest of all that never spoke.
  add_idle(its, *other_);
  ASSERT_TRUE(turn_until([&] { return cuts_.size() == 3; }));
  EXPECT_TRUE(its[0]->closed_by_other_side());
}

class NoFilesTest : public SheddingTest {
 protected:
  NoFilesTest() : SheddingTest(limits::kConnections) {}
};

TEST_F(NoFilesTest, RoomIsMadeWhenTheProcessMayOpenNoMoreFiles) {
  const auto spoke = served_peer("spoke");
  const FileLimit limit(limit_that_leaves(61));  // 30 connections with both ends, and one end
  Idle idle;
  for (int i = 0; i < 30; ++i) add_idle(idle, router_);
  EXPECT_TRUE(cuts_.empty()) << cuts_[0].reason;
  RawPeer last(router_.endpoint());
  ASSERT_TRUE(turn_until([&] { return !cuts_.empty(); }));
  EXPECT_TRUE(last.handshake("last")) << "it was let in";
  EXPECT_TRUE(idle[0]->closed_by_other_side());
  EXPECT_THAT(cuts_[0].reason, HasSubstr("open no more files"));
  EXPECT_TRUE(served(*spoke));
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
