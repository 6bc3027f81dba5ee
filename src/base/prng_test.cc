#include "src/base/prng.h"

#include <gtest/gtest.h>

#include <array>

namespace eventmq {
namespace {

TEST(PrngTest, AgreesWithThePublishedSequence) {  // of SplitMix64 from the seed 1234567
  Prng prng(1234567);
  EXPECT_EQ(prng.next(), 6457827717110365317u);
  EXPECT_EQ(prng.next(), 3203168211198807973u);
  EXPECT_EQ(prng.next(), 9817491932198370423u);
}

TEST(PrngTest, TheSameSeedGivesTheSameNumbers) {
  Prng first(42);
  Prng second(42);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(first.next(), second.next());
}

TEST(PrngTest, BelowStaysBelowAndReachesAll) {
  Prng prng(1);
  std::array<int, 7> counts{};
  for (int i = 0; i < 7000; ++i) ++counts.at(prng.below(7));
  for (const int count : counts) EXPECT_NEAR(count, 1000, 150);
}

TEST(PrngTest, BelowOneIsZero) {
  Prng prng(1);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(prng.below(1), 0u);
}

TEST(PrngTest, BelowTakesTheGreatestBound) {
  Prng prng(1);
  for (int i = 0; i < 100; ++i) EXPECT_LT(prng.below(UINT64_MAX), UINT64_MAX);
}

TEST(PrngTest, ChancesAreInPercent) {
  Prng prng(3);
  int hits = 0;
  for (int i = 0; i < 10'000; ++i) hits += prng.chance(30) ? 1 : 0;
  EXPECT_NEAR(hits, 3000, 200);
  EXPECT_FALSE(prng.chance(0));
  EXPECT_TRUE(prng.chance(100));
}

TEST(PrngDeathTest, BelowZeroIsABug) {
  Prng prng(1);
  EXPECT_DEATH(prng.below(0), "bound");
}

}  // namespace
}  // namespace eventmq
