// A random history, and what a store must hold after each of its commits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/store/testing/random_history.h"
#include "testing/store_model.h"

namespace eventmq {

struct ModelledHistory {
  ModelledHistory(uint64_t seed, CommitNumber number_of_commits, Retention limits = kEverything);
  static constexpr Retention kEverything = {seconds(1'000'000), 1'000'000, seconds(1'000'000), 1'000'000};
  static DeadQuery all_letters() { return {.letters = 1'000'000, .payloads = true, .bytes = uint64_t{1} << 40}; }

  std::vector<std::vector<JobRecord>> commits;  // the first is commit 1
  std::vector<std::string> states;              // text_of, by number of commits
  std::vector<std::string> letters;             // text_of, likewise
  Instant now;                                  // of the last
};

}  // namespace eventmq
