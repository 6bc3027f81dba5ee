#include "src/broker/dedupe_window.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace eventmq {
namespace {

constexpr Instant kStart{1'000'000};

TEST(DedupeWindowTest, RemembersForTheWindow) {
  DedupeWindow window(1, seconds(10), 100);
  window.remember("a", kStart);
  EXPECT_TRUE(window.contains("a", kStart));
  EXPECT_TRUE(window.contains("a", kStart + seconds(10) - microseconds(1)));
  EXPECT_FALSE(window.contains("a", kStart + seconds(10)));
  EXPECT_FALSE(window.contains("b", kStart));
}

TEST(DedupeWindowTest, RemembersSoManyAndNoMore) {
  DedupeWindow window(1, seconds(10), 3);
  for (const char* id : {"a", "b", "c", "d"}) window.remember(id, kStart);
  EXPECT_EQ(window.size(), 3u);
  EXPECT_FALSE(window.contains("a", kStart));
  for (const char* id : {"b", "c", "d"}) EXPECT_TRUE(window.contains(id, kStart)) << id;
}

TEST(DedupeWindowTest, RememberedAgainItStaysForANewWindow) {
  DedupeWindow window(1, seconds(10), 100);
  window.remember("a", kStart);
  window.remember("a", kStart + seconds(9));
  window.remember("b", kStart + seconds(11));  // clears away the first "a"
  EXPECT_TRUE(window.contains("a", kStart + seconds(18)));
  EXPECT_FALSE(window.contains("a", kStart + seconds(19)));
}

TEST(DedupeWindowTest, ZeroRemembersNothing) {
  DedupeWindow no_ids(1, seconds(10), 0);
  no_ids.remember("a", kStart);
  EXPECT_FALSE(no_ids.contains("a", kStart));
  DedupeWindow no_time(1, Duration{}, 10);
  no_time.remember("a", kStart);
  EXPECT_FALSE(no_time.contains("a", kStart));
  EXPECT_EQ(no_time.size(), 0u);
}

TEST(DedupeWindowTest, TheGreatestNumberIsNoLimit) {
  DedupeWindow window(1, seconds(10), UINT64_MAX);
  window.remember("a", kStart);
  EXPECT_TRUE(window.contains("a", kStart));
}

TEST(DedupeWindowTest, OldIdsAreClearedAwayAsNewOnesCome) {
  DedupeWindow window(1, seconds(10), 1'000'000);
  for (int i = 0; i < 10'000; ++i) window.remember(fmt::format("old{}", i), kStart);
  const Instant later = kStart + seconds(20);
  EXPECT_FALSE(window.contains("old9999", later));
  for (int i = 0; i < 1'000; ++i) window.remember(fmt::format("new{}", i), later);
  EXPECT_EQ(window.size(), 1'000u);
}

TEST(DedupeWindowTest, WhatIsRecalledIsOlderThanWhatIsRemembered) {
  DedupeWindow window(1, seconds(10), 3);
  window.remember("now", kStart);
  EXPECT_EQ(window.room(), 2u);
  EXPECT_TRUE(window.recall("newer", kStart - seconds(1), KnownId::kEnded));
  EXPECT_TRUE(window.recall("older", kStart - seconds(2), KnownId::kInBacklog));
  EXPECT_FALSE(window.recall("oldest", kStart - seconds(3), KnownId::kEnded));
  EXPECT_EQ(window.find("newer", kStart), KnownId::kEnded);
  EXPECT_EQ(window.find("older", kStart), KnownId::kInBacklog);
  EXPECT_FALSE(window.contains("oldest", kStart));
  window.remember("next", kStart);
  EXPECT_FALSE(window.contains("older", kStart)) << "the oldest gives way";
  EXPECT_TRUE(window.contains("newer", kStart));
  EXPECT_TRUE(window.contains("now", kStart));
}

TEST(DedupeWindowTest, WhatIsRecalledDoesNotChangeWhatIsKnown) {
  DedupeWindow window(1, seconds(10), 100);
  window.remember_in_backlog("a", kStart);
  EXPECT_TRUE(window.recall("a", kStart - seconds(5), KnownId::kEnded));
  EXPECT_EQ(window.find("a", kStart + seconds(9)), KnownId::kInBacklog);
  window.remember("b", kStart + seconds(6));  // clears away what was recalled
  EXPECT_EQ(window.find("a", kStart + seconds(9)), KnownId::kInBacklog);
}

TEST(DedupeWindowTest, KnowsWhatAnEndIsLaterThan) {
  DedupeWindow window(1, seconds(10), 100);
  window.remember("ended", kStart);
  window.remember_plain("plain", kStart);
  window.remember_in_backlog("waits", kStart);
  EXPECT_TRUE(window.ended_after("ended", kStart - microseconds(1), kStart));
  EXPECT_FALSE(window.ended_after("ended", kStart, kStart)) << "it was accepted again at once";
  EXPECT_FALSE(window.ended_after("ended", kStart - seconds(1), kStart + seconds(10))) << "it is forgotten";
  for (const char* id : {"plain", "waits", "unknown"}) EXPECT_FALSE(window.ended_after(id, Instant{}, kStart)) << id;
}

TEST(DedupeWindowTest, LimitsMayChange) {
  DedupeWindow window(1, seconds(10), 100);
  window.remember("a", kStart);
  window.set_limits(seconds(2), 100);
  EXPECT_FALSE(window.contains("a", kStart + seconds(2)));
}

}  // namespace
}  // namespace eventmq
