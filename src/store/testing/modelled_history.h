// A random history, and what a store must hold after each of its commits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/store/testing/random_history.h"
#include "testing/store_model.h"

namespace eventmq {

struct ModelledHistory {
  ModelledHistory(uint64_t seed, CommitNumber number_of_commits, DedupeLimits limits = kEverything);
  static constexpr DedupeLimits kEverything = {seconds(1'000'000), 1'000'000};

  std::vector<std::vector<JobRecord>> commits;  // the first is commit 1
  std::vector<std::string> states;              // text_of, by number of commits
  Instant now;                                  // of the last
};

}  // namespace eventmq
