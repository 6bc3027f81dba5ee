// kill -9 of the router at random points under load.
#include "tests/end_to_end/crash_campaign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace eventmq::end_to_end {
namespace {

using ::testing::IsEmpty;

TEST(CrashTest, NothingThatWasAckedIsLostAndNothingRunsThatWasNeverSent) {
  const CrashReport report = run_crash_campaign({.kills = 50, .seed = 1});
  EXPECT_EQ(report.kills, 50);
  EXPECT_THAT(report.lost, IsEmpty()) << report.text();
  EXPECT_THAT(report.unasked, IsEmpty()) << report.text();
  EXPECT_THAT(report.unsound, IsEmpty()) << report.text();
  EXPECT_TRUE(report.settled) << report.text();
  EXPECT_GT(report.acked.size(), 1'000u) << "there was a load";
  std::printf("%s\n", report.text().c_str());
}

// What was not synced is gone with the router.
TEST(CrashTest, NorIsItIfAKillIsALossOfPower) {
  const CrashReport report =
      run_crash_campaign({.kills = 20, .seed = 2, .router = EVENTMQ_BINARY_DIR "/forgetful_router"});
  EXPECT_EQ(report.kills, 20);
  EXPECT_THAT(report.lost, IsEmpty()) << report.text();
  EXPECT_THAT(report.unasked, IsEmpty()) << report.text();
  EXPECT_THAT(report.unsound, IsEmpty()) << report.text();
  EXPECT_TRUE(report.settled) << report.text();
  std::printf("%s\n", report.text().c_str());
}

TEST(CrashTest, NorIfTheRouterWasTakenForDeadAndGoesOnBesideAnother) {
  const CrashReport report = run_crash_campaign({.kills = 5, .seed = 3, .replaced = true});
  EXPECT_EQ(report.kills, 5);
  EXPECT_EQ(report.told_beside, 0) << report.text();
  EXPECT_THAT(report.lost, IsEmpty()) << report.text();
  EXPECT_THAT(report.unasked, IsEmpty()) << report.text();
  EXPECT_TRUE(report.settled) << report.text();
  std::printf("%s\n", report.text().c_str());
}

TEST(CrashTest, ARouterThatDoesNotSyncIsFoundOut) {
  const CrashReport report =
      run_crash_campaign({.kills = 3, .seed = 1, .router = EVENTMQ_BINARY_DIR "/careless_router"});
  EXPECT_FALSE(report.lost.empty() && report.unsound.empty()) << report.text();
}

TEST(CrashTest, ARouterWithoutFencingIsFoundOut) {
  const CrashReport report = run_crash_campaign({.kills = 10, .seed = 1, .replaced = true, .fenced = false});
  EXPECT_GT(report.told_beside, 0) << report.text();
}

// The test of the test: the same load on a router that tells a commit when it is handed in.
TEST(CrashTest, ARouterThatAcksBeforeItsCommitIsFoundOut) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    const CrashReport report =
        run_crash_campaign({.kills = 10, .seed = seed, .router = EVENTMQ_BINARY_DIR "/hasty_router"});
    if (!report.lost.empty()) return;
  }
  ADD_FAILURE() << "a hundred kills found nothing";
}

}  // namespace
}  // namespace eventmq::end_to_end
