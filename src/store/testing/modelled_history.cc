#include "src/store/testing/modelled_history.h"

namespace eventmq {

ModelledHistory::ModelledHistory(uint64_t seed, CommitNumber number_of_commits, Retention limits) {
  RandomHistory random(seed);
  StoreModel model;
  std::vector<std::map<std::string, ResultKept>> kept;
  const auto take = [&] {
    now = random.now();
    states.push_back(text_of(model.state(now, limits)));
    letters.push_back(text_of(model.dead(all_letters())));
    kept.push_back(model.results());
    for (const auto& [id, result] : model.results()) result_ids.insert(id);
  };
  take();
  for (CommitNumber commit = 1; commit <= number_of_commits; ++commit) {
    commits.push_back(random.commit());
    model.apply(commits.back());
    take();
  }
  for (const auto& results_then : kept) {
    results.push_back(results_text([&](const Bytes& id) -> std::optional<FoundResult> {
      const auto found = results_then.find(id.str());
      if (found == results_then.end() || found->second.until <= now) return std::nullopt;
      return FoundResult{found->second, found->second.value.size()};
    }));
  }
}

}  // namespace eventmq
