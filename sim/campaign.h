// Many seeds, on as many threads as wanted; each seed is a world of its own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/simulation.h"

namespace eventmq::sim {

struct CampaignResult {
  uint64_t seeds = 0;
  Coverage coverage;
  std::vector<SimulationResult> failures;  // by seed
};

// Seeds from `first` to `last`, both included.
CampaignResult run_campaign(uint64_t first, uint64_t last, unsigned threads);

// The line that a person types to see a failure again, and what failed.
std::string replay_line(const SimulationResult& failure);

// One seed, as simulate() does, remembered for name_seed_on_abort().
SimulationResult run_seed(const SimulationOptions& options);

// From now on, a failed assertion says which seed it happened in before the program ends.
void name_seed_on_abort();

}  // namespace eventmq::sim
