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

class HeldSendsTest : public testing::Test {
 protected:
  bool holds(Send send, CommitNumber committed) { return held_.hold(send, committed); }
  std::vector<std::string> released(CommitNumber committed) {
    std::vector<std::string> ids;
    held_.release(committed, [&](const Send& send) { ids.push_back(send.message.id.str()); });
    return ids;
  }
  using Ids = std::vector<std::string>;

  HeldSends held_{KeyedHash{1, 2}};
};

TEST_F(HeldSendsTest, WhatWaitsForNothingPasses) {
  EXPECT_FALSE(holds(make("a", 0), 0));
  EXPECT_FALSE(holds(make("a", 3), 3));
  EXPECT_EQ(held_.size(), 0u);
}

TEST_F(HeldSendsTest, WhatPassesIsLeftAsItWas) {
  Send send = make("a", 3);
  EXPECT_FALSE(held_.hold(send, 3));
  EXPECT_EQ(send.peer, "a");
  EXPECT_EQ(send.message.id, "m");
}

TEST_F(HeldSendsTest, WhatWaitsForACommitIsReleasedByIt) {
  EXPECT_TRUE(holds(make("a", 2), 1));
  EXPECT_EQ(released(1), Ids{});
  EXPECT_EQ(released(2), Ids{"m"});
  EXPECT_EQ(released(2), Ids{});
}

TEST_F(HeldSendsTest, ALaterSendToTheSamePeerDoesNotOvertake) {
  EXPECT_TRUE(holds(make("a", 4, "first"), 2));
  EXPECT_TRUE(holds(make("a", 3, "second"), 2));
  EXPECT_FALSE(holds(make("b", 2), 2)) << "another peer does not wait";
  EXPECT_FALSE(holds(make("a", 2, "x", Side::kBackend), 2)) << "the same id on another socket is another peer";
  EXPECT_TRUE(holds(make("a", 2, "third"), 2)) << "its own commit is there, but it is not its turn";
  EXPECT_EQ(released(4), (Ids{"first", "second", "third"}));
  EXPECT_FALSE(holds(make("a", 4), 4)) << "nothing waits any more";
}

TEST_F(HeldSendsTest, WhatWaitsForNothingPassesThoseThatWait) {
  EXPECT_TRUE(holds(make("a", 1), 0));
  EXPECT_FALSE(holds(make("a", 0), 0));
}

TEST_F(HeldSendsTest, WhatIsHeldForAPeerThatIsGoneIsThrownAway) {
  EXPECT_TRUE(holds(make("a", 1, "old"), 0));
  EXPECT_TRUE(holds(make("b", 1, "other"), 0));
  held_.discard(Side::kFrontend, Bytes("a"));
  EXPECT_TRUE(holds(make("a", 1, "new"), 0));
  EXPECT_EQ(released(1), (Ids{"other", "new"}));
  held_.discard(Side::kFrontend, Bytes("nobody"));
}

TEST_F(HeldSendsTest, EveryPeerSeesThoseThatWaitInOrderWhateverTheStoreDoes) {
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
      held.release(committed, deliver);
      const std::string peer(1, static_cast<char>('a' + prng.below(4)));
      const std::string id = std::to_string(i);
      expected[peer].push_back(id);
      Send send = make(peer, prng.chance(50) ? given : 1, id);
      if (!held.hold(send, committed)) deliver(send);
    }
    committed = given;
    held.release(committed, deliver);
    EXPECT_EQ(held.size(), 0u);
    EXPECT_EQ(seen, expected) << "seed " << seed;
  }
}

}  // namespace
}  // namespace eventmq
