// A store behind the true seam whose commits take their time, one sync after the other, each covering all that
// gathered meanwhile. It ends with its broker's life, and what was not committed by then was lost.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "sim/world.h"
#include "src/store/store.h"

namespace eventmq::sim {

class VirtualStore final : public Store {
 public:
  // Runs an action after a while, unless the broker's process has ended.
  using Later = std::function<void(Duration, std::function<void()>)>;

  // `on_commit` is called whenever committed() has risen.
  VirtualStore(World& world, Duration slowest, Later later, std::function<void()> on_commit)
      : world_(world), slowest_(slowest), later_(std::move(later)), on_commit_(std::move(on_commit)) {}

  Result<StoredState> recover(Instant) override { return StoredState(); }
  void submit(CommitNumber commit, std::vector<JobRecord> records) override;
  CommitNumber committed() const override { return committed_; }
  StoreHealth health() const override { return {}; }
  void set_dedupe_limits(DedupeLimits) override {}
  bool durable() const override { return false; }
  std::string_view name() const override { return "virtual"; }
  CommitNumber submitted() const { return submitted_; }

 private:
  void begin_sync();

  World& world_;
  Duration slowest_;
  Later later_;
  std::function<void()> on_commit_;
  CommitNumber submitted_ = 0;
  CommitNumber committed_ = 0;
  bool syncing_ = false;
};

}  // namespace eventmq::sim
