// More guaranteed jobs than the router holds in memory, with real processes.
#include "tests/end_to_end/backlog_campaign.h"

#include <gtest/gtest.h>

namespace eventmq::end_to_end {
namespace {

TEST(BacklogTest, ABacklogBeyondMemorySurvivesAKillAndComesBackInOrder) {
  const BacklogReport report = run_backlog_campaign({.jobs = 100'000, .taken = 100'000, .payload_bytes = 2'000});
  EXPECT_EQ(report.fault, "");
  EXPECT_EQ(report.acked, 100'000u);
  EXPECT_EQ(report.found, 100'000u);
  EXPECT_EQ(report.taken, 100'000u);
  EXPECT_EQ(report.out_of_order, 0u);
  // In memory they would take 280 MiB.
  EXPECT_LT(report.bytes_full, 150u << 20) << report.text();
  EXPECT_LT(report.bytes_started, 150u << 20) << report.text();
}

}  // namespace
}  // namespace eventmq::end_to_end
