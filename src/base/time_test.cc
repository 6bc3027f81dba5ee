#include "src/base/time.h"

#include <gtest/gtest.h>

namespace eventmq {
namespace {

TEST(TimeTest, UnitsAgree) {
  EXPECT_EQ(seconds(2), milliseconds(2000));
  EXPECT_EQ(milliseconds(3), microseconds(3000));
  EXPECT_EQ(seconds_of(0.5), milliseconds(500));
  EXPECT_EQ(seconds(3).ms(), 3000);
  EXPECT_DOUBLE_EQ(milliseconds(1500).seconds(), 1.5);
}

TEST(TimeTest, DurationsAreReckonedWith) {
  EXPECT_EQ(seconds(3) + seconds(4), seconds(7));
  EXPECT_EQ(seconds(3) - seconds(4), seconds(-1));
  EXPECT_EQ(seconds(3) * 2, seconds(6));
  EXPECT_EQ(seconds(3) / 2, milliseconds(1500));
  EXPECT_LT(seconds(1), seconds(2));
}

TEST(TimeTest, InstantsAndDurationsGoTogether) {
  const Instant start{1'000'000};
  EXPECT_EQ((start + seconds(2)) - start, seconds(2));
  EXPECT_EQ((start - seconds(1)).us, 0);
  EXPECT_GT(start + microseconds(1), start);
}

TEST(TimeTest, NeverIsLaterThanAnyInstant) {
  constexpr Instant kFarAway{4'102'444'800'000'000};  // the year 2100
  EXPECT_LT(kFarAway, Instant::never());
  EXPECT_EQ(Instant::never(), Instant::never());
}

}  // namespace
}  // namespace eventmq
