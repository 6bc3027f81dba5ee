// Losses of power by the thousand: recorded runs of the store (power_loss_run.h), and after many of the operations of
// each a disk that may be left there. It must open, hold all that was told by then, and hold each commit whole.
#pragma once

#include <cstdint>
#include <string>

#include "src/store/testing/power_loss_run.h"

namespace eventmq {

struct PowerLossCampaign {
  uint64_t images = 5000;  // at least
  uint64_t seed = 1;
  PowerLossSabotage sabotage = {};
};

struct PowerLossResult {
  uint64_t images = 0;
  uint64_t runs = 0;
  uint64_t images_told = 0;   // that had to hold some commit
  uint64_t images_ahead = 0;  // that held a whole commit, or more, that was not told yet
  std::string complaint;      // the first, which ends the campaign; empty: all was well
};

PowerLossResult run_campaign(const PowerLossCampaign& campaign);

}  // namespace eventmq
