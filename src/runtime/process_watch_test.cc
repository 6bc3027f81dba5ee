#include "src/runtime/process_watch.h"

#include <gtest/gtest.h>

namespace eventmq {
namespace {

using Advice = ProcessWatch::Advice;

struct ProcessWatchTest : testing::Test {
  Advice look(bool serving, bool may_leave, Duration after) { return watch.look(serving, may_leave, start + after); }

  Instant start{1'000'000'000};
  ProcessWatch watch{seconds(2)};
};

TEST_F(ProcessWatchTest, TheBrokerIsLeftOnceNoneHasServedForThatLong) {
  EXPECT_EQ(look(true, true, seconds(0)), Advice::kNone);
  EXPECT_EQ(watch.due(), Instant::never());
  EXPECT_EQ(look(false, true, seconds(10)), Advice::kNone);
  EXPECT_EQ(watch.due(), start + seconds(12));
  EXPECT_EQ(look(false, true, milliseconds(11'999)), Advice::kNone);
  EXPECT_EQ(look(false, true, seconds(12)), Advice::kLeave);
  EXPECT_EQ(look(false, true, seconds(60)), Advice::kNone) << "once";
  EXPECT_EQ(watch.due(), Instant::never());
  EXPECT_EQ(look(true, false, seconds(61)), Advice::kComeBack);
  EXPECT_EQ(look(true, false, seconds(62)), Advice::kNone) << "once";
}

TEST_F(ProcessWatchTest, OneThatServesInBetweenBeginsTheTimeAnew) {
  look(false, true, seconds(0));
  EXPECT_EQ(look(true, true, seconds(1)), Advice::kNone);
  EXPECT_EQ(look(false, true, seconds(2)), Advice::kNone);
  EXPECT_EQ(watch.due(), start + seconds(4));
}

TEST_F(ProcessWatchTest, ASlowStartIsNoReasonUntilOneFails) {
  EXPECT_EQ(look(false, false, seconds(0)), Advice::kNone);
  EXPECT_EQ(look(false, false, seconds(100)), Advice::kNone);
  EXPECT_EQ(watch.due(), Instant::never()) << "nothing to be woken for";
  EXPECT_EQ(look(false, true, seconds(101)), Advice::kLeave);
}

}  // namespace
}  // namespace eventmq
