// A random history, and what a store must hold after each of its commits.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "src/store/testing/random_history.h"
#include "testing/store_model.h"

namespace eventmq {

struct ModelledHistory {
  ModelledHistory(uint64_t seed, CommitNumber number_of_commits, Retention limits = kEverything);
  static constexpr Retention kEverything = {seconds(1'000'000), 1'000'000, seconds(1'000'000),
                                            1'000'000,          1'000'000, uint64_t{1} << 60};
  static DeadQuery all_letters() { return {.letters = 1'000'000, .payloads = true, .bytes = uint64_t{1} << 40}; }

  std::vector<std::vector<JobRecord>> commits;  // the first is commit 1
  std::vector<std::string> states;              // text_of, by number of commits
  std::vector<std::string> letters;             // text_of, likewise
  std::vector<std::string> results;             // that are kept at `now`: by id, likewise
  // Of all ids that ever had one, what `find` gives at a time: text_of, by id.
  template <class Find>
  std::string results_text(Find find) const {
    std::string text;
    for (const std::string& id : result_ids) {
      const std::optional<FoundResult> found = find(Bytes(id));
      if (found) text += text_of(*found);
    }
    return text;
  }
  std::set<std::string> result_ids;
  Instant now;  // of the last
};

}  // namespace eventmq
