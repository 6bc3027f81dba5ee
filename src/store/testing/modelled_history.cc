#include "src/store/testing/modelled_history.h"

namespace eventmq {

ModelledHistory::ModelledHistory(uint64_t seed, CommitNumber number_of_commits, DedupeLimits limits) {
  RandomHistory random(seed);
  StoreModel model;
  states.push_back(text_of(model.state(random.now(), limits)));
  for (CommitNumber commit = 1; commit <= number_of_commits; ++commit) {
    commits.push_back(random.commit());
    model.apply(commits.back());
    now = random.now();
    states.push_back(text_of(model.state(now, limits)));
  }
}

}  // namespace eventmq
