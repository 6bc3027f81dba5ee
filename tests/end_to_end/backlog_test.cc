// More guaranteed jobs than the router holds in memory, with real processes.
#include "tests/end_to_end/backlog_campaign.h"

#include <gtest/gtest.h>

namespace eventmq::end_to_end {
namespace {

TEST(BacklogTest, ABacklogBeyondMemorySurvivesAKillAndComesBackInOrder) {
  const BacklogReport report = run_backlog_campaign({.jobs = 60'000, .taken = 60'000, .payload_bytes = 2'000});
  EXPECT_EQ(report.fault, "");
  EXPECT_EQ(report.acked, 60'000u);
  EXPECT_EQ(report.found, 60'000u);
  EXPECT_EQ(report.taken, 60'000u);
  EXPECT_EQ(report.out_of_order, 0u);
  // In memory they would take 170 MiB.
  EXPECT_LT(report.bytes_full, 100u << 20) << report.text();
  EXPECT_LT(report.bytes_started, 100u << 20) << report.text();
}

}  // namespace
}  // namespace eventmq::end_to_end
