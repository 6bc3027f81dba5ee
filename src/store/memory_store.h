// A store that keeps nothing: every commit is taken at once and none survives the process. It stands in where
// the operator chose `store = memory`, and in tests.
#pragma once

#include "src/store/store.h"

namespace eventmq {

class MemoryStore : public Store {
 public:
  void call_on_change(std::function<void()>) override {}
  Result<StoredState> recover(Instant) override { return StoredState(); }
  void submit(CommitNumber commit, std::vector<JobRecord> records) override;
  CommitNumber committed() const override { return committed_; }
  // It has no backlog: that would take as much memory as the broker's own.
  void claim(BacklogClaim claim) override;
  std::vector<BacklogClaimed> take_claimed() override { return {}; }
  void ask(StoreQuestion question) override;
  std::vector<StoreAnswer> take_answers() override { return {}; }
  StoreHealth health() const override { return {}; }
  void set_retention(Retention) override {}
  bool durable() const override { return false; }
  std::string_view name() const override { return "memory"; }

 private:
  CommitNumber committed_ = 0;
};

}  // namespace eventmq
