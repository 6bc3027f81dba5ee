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
  EXPECT_FALSE(held.pass_or_hold(make("a", 1, "first"), 0));
  EXPECT_FALSE(held.pass_or_hold(make("a", 0, "second"), 0));
  EXPECT_TRUE(held.pass_or_hold(make("b", 0), 0)) << "another peer does not wait";
  EXPECT_TRUE(held.pass_or_hold(make("a", 0, "x", Side::kBackend), 0))
      << "the same id on another socket is another peer";
  EXPECT_EQ(held.release(1)->message.id, "first");
  EXPECT_EQ(held.release(1)->message.id, "second");
  EXPECT_TRUE(held.pass_or_hold(make("a", 0), 1)) << "nothing waits any more";
}

TEST(HeldSendsTest, EveryPeerSeesItsSendsInOrderWhateverTheStoreDoes) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Prng prng(seed);
    HeldSends held(KeyedHash{1, 2});
    CommitNumber given = 0, committed = 0;
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
      if (auto send = held.pass_or_hold(make(peer, prng.chance(50) ? given : 0, id), committed)) deliver(*send);
    }
    committed = given;
    while (auto send = held.release(committed)) deliver(*send);
    EXPECT_EQ(held.size(), 0u);
    EXPECT_EQ(seen, expected) << "seed " << seed;
  }
}

}  // namespace
}  // namespace eventmq
