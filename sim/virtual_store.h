// A store behind the true seam whose commits take their time, one sync after the other, each covering all that
// gathered meanwhile. What is committed is on a disk that outlives it; what was not when its broker ended was lost.
#pragma once

#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "sim/world.h"
#include "src/store/store.h"
#include "testing/store_model.h"

namespace eventmq::sim {

class VirtualStore final : public Store {
 public:
  // Runs an action after a while, unless the broker's process has ended.
  using Later = std::function<void(Duration, std::function<void()>)>;

  // `on_commit` is called whenever committed() has risen or a claim is answered.
  VirtualStore(World& world, StoreModel& disk, Duration slowest, Later later, std::function<void()> on_commit)
      : world_(world), disk_(disk), slowest_(slowest), later_(std::move(later)), on_commit_(std::move(on_commit)) {}

  void call_on_change(std::function<void()>) override {}
  Result<StoredState> recover(Instant now) override { return disk_.state(now, retention_); }
  void submit(CommitNumber commit, std::vector<JobRecord> records) override;
  CommitNumber committed() const override { return committed_; }
  StoreHealth health() const override { return {}; }
  void set_retention(Retention limits) override { retention_ = limits; }
  bool durable() const override { return true; }
  std::string_view name() const override { return "virtual"; }
  void claim(BacklogClaim claim) override;
  std::vector<BacklogClaimed> take_claimed() override { return std::exchange(claimed_, {}); }
  void ask(StoreQuestion question) override;
  std::vector<StoreAnswer> take_answers() override { return std::exchange(answers_, {}); }
  CommitNumber submitted() const { return submitted_; }
  // In the order of their commits.
  std::vector<JobRecord> uncommitted() const;
  // While it is not available nothing becomes durable. `on_commit` is called when it has caught up, even with nothing.
  void set_available(bool available);
  // The next sync takes so long.
  void stall(Duration length) { stall_ = length; }
  bool available() const { return available_; }

 private:
  void begin_sync();
  void end_sync(CommitNumber target);
  void write(std::vector<JobRecord> records);
  void write_unsynced();
  void answer_claims();

  World& world_;
  StoreModel& disk_;
  std::deque<std::vector<JobRecord>> pending_;                // of the commits after committed_
  std::vector<JobRecord> unsynced_;                           // Sabotage::kForgetSync: told, and not on the disk
  std::deque<std::pair<CommitNumber, BacklogClaim>> claims_;  // and the commit after which each was made
  std::vector<BacklogClaimed> claimed_;
  std::deque<StoreQuestion> questions_;
  std::vector<StoreAnswer> answers_;
  Duration slowest_;
  Later later_;
  std::function<void()> on_commit_;
  CommitNumber submitted_ = 0;
  CommitNumber committed_ = 0;
  bool syncing_ = false;
  Duration stall_;
  bool available_ = true;
  Retention retention_;
};

}  // namespace eventmq::sim
