#include "src/store/testing/modelled_history.h"

namespace eventmq {

ModelledHistory::ModelledHistory(uint64_t seed, CommitNumber number_of_commits, Retention limits) {
  RandomHistory random(seed);
  StoreModel model;
  const auto take = [&] {
    now = random.now();
    states.push_back(text_of(model.state(now, limits)));
    letters.push_back(text_of(model.dead(all_letters())));
  };
  take();
  for (CommitNumber commit = 1; commit <= number_of_commits; ++commit) {
    commits.push_back(random.commit());
    model.apply(commits.back());
    take();
  }
}

}  // namespace eventmq
