#include "src/broker/backoff.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace eventmq {
namespace {

struct Bounds {
  Duration shortest = seconds(1'000'000);
  Duration longest;
};

Bounds bounds_of(Duration base, Duration longest, uint32_t retry) {
  Prng prng(1);
  Bounds bounds;
  for (int i = 0; i < 10'000; ++i) {
    const Duration delay = retry_delay(base, longest, retry, prng);
    bounds.shortest = std::min(bounds.shortest, delay);
    bounds.longest = std::max(bounds.longest, delay);
  }
  return bounds;
}

TEST(BackoffTest, IsBetweenHalfAndTheWholeOfADoublingTime) {
  for (uint32_t retry = 1; retry <= 6; ++retry) {
    const Duration whole = seconds(1) * (1 << (retry - 1));
    const Bounds bounds = bounds_of(seconds(1), seconds(600), retry);
    EXPECT_GE(bounds.shortest, whole / 2);
    EXPECT_LT(bounds.shortest, whole * 51 / 100);
    EXPECT_LE(bounds.longest, whole);
    EXPECT_GT(bounds.longest, whole * 99 / 100);
  }
}

TEST(BackoffTest, DoesNotPassTheLongest) {
  const Bounds bounds = bounds_of(seconds(1), seconds(60), 1000);
  EXPECT_GE(bounds.shortest, seconds(30));
  EXPECT_LE(bounds.longest, seconds(60));
  EXPECT_LE(bounds_of(seconds(100), seconds(60), 1).longest, seconds(60));
}

TEST(BackoffTest, ZeroIsAtOnce) {
  EXPECT_EQ(bounds_of(Duration{}, seconds(60), 5).longest, Duration{});
  EXPECT_EQ(bounds_of(seconds(1), Duration{}, 5).longest, Duration{});
}

TEST(BackoffTest, TheSmallestTimeIsNotLost) {
  EXPECT_LE(bounds_of(microseconds(1), seconds(60), 1).longest, microseconds(1));
}

}  // namespace
}  // namespace eventmq
