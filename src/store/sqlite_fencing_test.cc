// Two routers on one file, as after a copy of a machine, or on a file system whose locks do not hold: what the older
// one does from the moment when the younger one has opened the file is neither written nor told.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "src/base/prng.h"
#include "src/store/sqlite_store.h"
#include "src/store/testing/modelled_history.h"
#include "src/store/testing/no_fence.h"
#include "src/store/testing/power_loss_run.h"
#include "src/store/testing/wait_until.h"
#include "testing/temporary_folder.h"

namespace eventmq {
namespace {

constexpr CommitNumber kCommits = 30;

// One life of a router's store, which goes on with a history where it found the file.
class Life {
 public:
  explicit Life(const std::string& folder) {
    auto opened = SqliteStore::open({.data_dir = folder, .retry_interval = milliseconds(1)});
    EXPECT_TRUE(opened) << opened.error().text;
    if (opened) store_ = std::move(*opened);
  }

  // Empty, or what is wrong.
  std::string recover(const ModelledHistory& history, CommitNumber told) {
    if (!store_) return "it does not open";
    store_->call_on_change([] {});
    store_->set_retention(ModelledHistory::kEverything);
    const Result<StoredState> state = store_->recover(history.now);
    if (!state) return "it cannot be read: " + state.error().text;
    const Result<CommitNumber> found = commit_of(*state, history, told);
    if (!found) return found.error().text;
    recovered_ = submitted_ = *found;
    return {};
  }
  void submit(const ModelledHistory& history, CommitNumber count) {
    const CommitNumber goal = std::min(submitted_ + count, kCommits);
    while (submitted_ < goal) {
      ++submitted_;
      store_->submit(submitted_ - recovered_, history.commits[submitted_ - 1]);
    }
  }
  // All is told, or the store has said that it cannot.
  bool settle() {
    return wait_until([this] { return told() == submitted_ || !store_->health().available; });
  }
  CommitNumber told() const { return recovered_ + store_->committed(); }
  CommitNumber recovered() const { return recovered_; }
  CommitNumber submitted() const { return submitted_; }
  std::string complaint() const { return store_->health().text; }

 private:
  std::unique_ptr<SqliteStore> store_;
  CommitNumber recovered_ = 0, submitted_ = 0;
};

struct Campaign {
  uint64_t seeds = 40;
  bool fenced = true;
};

// What the two did to each other; empty: nothing.
std::string run(uint64_t seed, bool fenced) {
  Prng prng(seed);
  const ModelledHistory history(seed, kCommits);
  const TemporaryFolder folder{TemporaryFolder::quick_place()};
  Life older(folder.path());
  if (!fenced) take_fence_away_from(folder.path());
  std::string complaint = older.recover(history, 0);
  if (!complaint.empty()) return "the older: " + complaint;
  older.submit(history, 1 + prng.below(10));
  if (prng.chance(70)) older.settle();  // else some of it is on its way
  const CommitNumber told_before = older.told();
  std::filesystem::remove(folder.file("eventmq.lock"));

  Life younger(folder.path());
  complaint = younger.recover(history, told_before);
  if (!complaint.empty()) return "the younger: " + complaint;
  for (int turn = 0; turn < 6; ++turn) {
    Life& life = prng.chance(50) ? older : younger;
    life.submit(history, 1 + prng.below(3));
    if (!life.settle()) return "neither commits nor says that it cannot: " + life.complaint();
  }
  if (older.told() > younger.recovered()) return "the older one was told of a commit beside the younger one";
  if (younger.told() != younger.submitted()) return "the younger one is held up: " + younger.complaint();
  const CommitNumber told = younger.told();
  std::filesystem::remove(folder.file("eventmq.lock"));
  Life last(folder.path());
  complaint = last.recover(history, told);
  return complaint.empty() || last.recovered() == told ? complaint : "there is more than was told";
}

std::string first_complaint(const Campaign& campaign) {
  for (uint64_t seed = 1; seed <= campaign.seeds; ++seed) {
    const std::string complaint = run(seed, campaign.fenced);
    if (!complaint.empty()) return "seed " + std::to_string(seed) + ": " + complaint;
  }
  return {};
}

TEST(SqliteFencingTest, OfTwoRoutersOnOneFileTheOlderIsToldNothingMore) { EXPECT_EQ(first_complaint({}), ""); }

// The test is tested.
TEST(SqliteFencingSelfTest, AStoreWithoutFencingIsFoundOut) {
  EXPECT_NE(first_complaint({.seeds = 20, .fenced = false}), "");
}

}  // namespace
}  // namespace eventmq
