// EVENTMQ_POWER_LOSS_IMAGES=n tries n disks (default 5000), EVENTMQ_POWER_LOSS_SEED=s begins with another seed.
//
// A disk for each of many moments of many runs, with any part of what was not synced: it opens, holds what was told by
// then, and each commit whole or not at all.
#include <gtest/gtest.h>

#include <cstdlib>

#include "src/store/testing/power_loss_campaign.h"

namespace eventmq {
namespace {

uint64_t number_from(const char* variable, uint64_t usual) {
  const char* number = std::getenv(variable);
  return number ? std::strtoull(number, nullptr, 10) : usual;
}

TEST(SqlitePowerTest, WheneverThePowerGoesWhatWasToldIsThereAndNothingByHalves) {
  const PowerLossCampaign campaign{.images = number_from("EVENTMQ_POWER_LOSS_IMAGES", 5000),
                                   .seed = number_from("EVENTMQ_POWER_LOSS_SEED", 1)};
  const PowerLossResult result = run_campaign(campaign);
  RecordProperty("images", static_cast<int>(result.images));
  EXPECT_EQ(result.complaint, "");
  EXPECT_GE(result.images, campaign.images);
  EXPECT_GT(result.images_told, campaign.images / 2) << "a store with nothing in it cannot lose it";
  EXPECT_GT(result.images_ahead, campaign.images / 1000) << "unsynced commits never reach this disk";
}

TEST(SqlitePowerRunTest, ASeedMakesOneRecording) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const ModelledHistory history(seed, 10);
    PowerLossRun first(history, seed, {});
    PowerLossRun second(history, seed, {});
    ASSERT_EQ(first.run(), "");
    ASSERT_EQ(second.run(), "");
    const auto& operations = first.recording().operations();
    ASSERT_EQ(operations.size(), second.recording().operations().size()) << "seed " << seed;
    for (size_t i = 0; i < operations.size(); ++i) {
      ASSERT_EQ(operations[i].kind, second.recording().operations()[i].kind) << "operation " << i;
      ASSERT_TRUE(operations[i].text == second.recording().operations()[i].text) << "operation " << i;
      ASSERT_EQ(first.recording().told_after(i), second.recording().told_after(i)) << "operation " << i;
    }
  }
}

// In this one a router that was replaced lived on when the power went, and wrote to a disk that was no more.
TEST(SqlitePowerRunTest, AReplacedRouterEndsWithThePowerToo) {
  const ModelledHistory history(1054, 24);
  EXPECT_EQ(PowerLossRun(history, 1054, {}).run(), "");
}

// In this one a sync failed after somebody had read while the log was moved: what had been moved by then was lost.
TEST(SqlitePowerRunTest, WhatWasMovedWhileSomebodyReadIsMovedAgainAfterAFailedSync) {
  EXPECT_EQ(run_campaign({.images = 160, .seed = 5335}).complaint, "");
}

// --- The tests are tested ---

struct Sabotaged {
  const char* name;
  PowerLossSabotage sabotage;
};
class SqlitePowerSelfTest : public testing::TestWithParam<Sabotaged> {};

TEST_P(SqlitePowerSelfTest, IsFoundOut) {
  const PowerLossResult result = run_campaign({.images = 2000, .sabotage = GetParam().sabotage});
  EXPECT_NE(result.complaint, "");
}

INSTANTIATE_TEST_SUITE_P(
    AStoreThat, SqlitePowerSelfTest,
    testing::Values(Sabotaged{"NeverSyncs", {.ignored = {.database = true, .log = true, .folder = true}}},
                    Sabotaged{"DoesNotSyncItsDatabase", {.ignored = {.database = true}}},
                    Sabotaged{"DoesNotSyncItsLog", {.ignored = {.log = true}}},
                    Sabotaged{"DoesNotSyncItsFolder", {.ignored = {.folder = true}}},
                    Sabotaged{"TellsBeforeItCommits", {.tells_early = true}},
                    Sabotaged{"DoesNotTellItsRoutersApart", {.unfenced = true}}),
    [](const testing::TestParamInfo<Sabotaged>& sabotaged) { return std::string(sabotaged.param.name); });

}  // namespace
}  // namespace eventmq
