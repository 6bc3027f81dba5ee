#include "src/runtime/held_sends.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <vector>

#include "src/base/prng.h"

namespace eventmq {
namespace {

Send make(std::string_view peer, CommitNumber after, std::string_view id = "m", Side side = Side::kFrontend) {
  return {side, Bytes(peer), Message{Bytes(id), Ready{}}, after};
}

TEST(HeldSendsTest, WhatWaitsForNothingPasses) {
  HeldSends held(KeyedHash{1, 2});
  EXPECT_TRUE(held.pass_or_hold(make("a", 0), 0));
  EXPECT_TRUE(held.pass_or_hold(make("a", 3), 3));
  EXPECT_EQ(held.size(), 0u);
}

TEST(HeldSendsTest, WhatWaitsForACommitIsReleasedByIt) {
  HeldSends held(KeyedHash{1, 2});
  EXPECT_FALSE(held.pass_or_hold(make("a", 2), 1));
  EXPECT_FALSE(held.release(1));
  const auto released = held.release(2);
  ASSERT_TRUE(released);
  EXPECT_EQ(released->peer, "a");
  EXPECT_FALSE(held.release(2));
}

TEST(HeldSendsTest, ALaterSendToTheSamePeerDoesNotOvertake) {
  HeldSends held(KeyedHash{1, 2});
  EXPECT_FALSE(held.pass_or_hold(make("a", 4, "first"), 2));
  EXPECT_FALSE(held.pass_or_hold(make("a", 3, "second"), 2));
  EXPECT_TRUE(held.pass_or_hold(make("b", 2), 2)) << "another peer does not wait";
  EXPECT_TRUE(held.pass_or_hold(make("a", 2, "x", Side::kBackend), 2))
      << "the same id on another socket is another peer";
  EXPECT_FALSE(held.pass_or_hold(make("a", 2, "third"), 2)) << "its own commit is there, but it is not its turn";
  EXPECT_EQ(held.release(4)->message.id, "first");
  EXPECT_EQ(held.release(4)->message.id, "second");
  EXPECT_EQ(held.release(4)->message.id, "third");
  EXPECT_TRUE(held.pass_or_hold(make("a", 4), 4)) << "nothing waits any more";
}

TEST(HeldSendsTest, WhatWaitsForNothingPassesThoseThatWait) {
  HeldSends held(KeyedHash{1, 2});
  EXPECT_FALSE(held.pass_or_hold(make("a", 1), 0));
  EXPECT_TRUE(held.pass_or_hold(make("a", 0), 0));
}

TEST(HeldSendsTest, WhatIsHeldForAPeerThatIsGoneIsThrownAway) {
  HeldSends held(KeyedHash{1, 2});
  EXPECT_FALSE(held.pass_or_hold(make("a", 1, "old"), 0));
  EXPECT_FALSE(held.pass_or_hold(make("b", 1, "other"), 0));
  held.discard(Side::kFrontend, Bytes("a"));
  EXPECT_FALSE(held.pass_or_hold(make("a", 1, "new"), 0));
  EXPECT_EQ(held.release(1)->message.id, "other");
  EXPECT_EQ(held.release(1)->message.id, "new");
  EXPECT_FALSE(held.release(1));
  held.discard(Side::kFrontend, Bytes("nobody"));
}

TEST(HeldSendsTest, EveryPeerSeesThoseThatWaitInOrderWhateverTheStoreDoes) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Prng prng(seed);
    HeldSends held(KeyedHash{1, 2});
    CommitNumber given = 1, committed = 0;
    std::map<std::string, std::deque<std::string>> expected, seen;
    const auto deliver = [&](const Send& send) {
      EXPECT_LE(send.after, committed);
      seen[send.peer.str()].push_back(send.message.id.str());
    };
    for (int i = 0; i < 300; ++i) {
      if (prng.chance(30)) ++given;
      if (prng.chance(20)) committed += prng.below(given - committed + 1);
      while (auto send = held.release(committed)) deliver(*send);
      const std::string peer(1, static_cast<char>('a' + prng.below(4)));
      const std::string id = std::to_string(i);
      expected[peer].push_back(id);
      if (auto send = held.pass_or_hold(make(peer, prng.chance(50) ? given : 1, id), committed)) deliver(*send);
    }
    committed = given;
    while (auto send = held.release(committed)) deliver(*send);
    EXPECT_EQ(held.size(), 0u);
    EXPECT_EQ(seen, expected) << "seed " << seed;
  }
}

}  // namespace
}  // namespace eventmq
