// Stands in for a store that cannot be opened now, as on a full disk. A thread of its own tries again and again; once
// the store is open and read, take_opened() gives it out, and the user goes on with that one.
//
//   auto late = std::make_unique<LateStore>([] { return SqliteStore::open(options); }, "sqlite", why_not, true);
//
// Until then it is not available, holds nothing, and must be given nothing.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "src/store/store.h"

namespace eventmq {

// Errors: what is wrong, as a sentence for a person. Called on the thread of a LateStore.
using OpenStore = std::function<Result<std::unique_ptr<Store>>()>;

class LateStore : public Store {
 public:
  // `fault`: why it cannot be opened. `name` as of the store itself. `was_there`: an earlier life may have left
  // something in it. One that can be opened and not read needs a hand: it is tried again after thirty such intervals.
  LateStore(OpenStore open, std::string name, const Error& fault, bool was_there, Duration retry_interval = seconds(1));
  // Waits for an attempt that is under way.
  ~LateStore() override;

  void call_on_change(std::function<void()> on_change) override { on_change_ = std::move(on_change); }
  // Nothing is known yet, so this is empty; and the attempts begin.
  Result<StoredState> recover(Instant now) override;
  std::optional<OpenedStore> take_opened() override;
  StoreHealth health() const override;
  void set_retention(Retention limits) override;
  bool durable() const override { return true; }
  std::string_view name() const override { return name_; }

  void submit(CommitNumber commit, std::vector<JobRecord> records) override;
  CommitNumber committed() const override { return 0; }
  void claim(BacklogClaim claim) override;
  std::vector<BacklogClaimed> take_claimed() override { return {}; }
  void ask(StoreQuestion question) override;
  std::vector<StoreAnswer> take_answers() override { return {}; }

 private:
  // On the store's thread:
  void run(Instant started_at);
  bool wait(Duration time);
  Result<OpenedStore> try_to_open(Instant now);
  bool see(Result<OpenedStore> attempt);

  const OpenStore open_;
  const std::string name_;
  const bool was_there_;
  const Duration retry_interval_;
  Duration wait_;                            // the thread's
  std::function<void()> on_change_ = [] {};  // the thread's, from recover() on

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_:
  StoreHealth health_;
  Retention retention_;
  std::optional<OpenedStore> opened_;
  bool stopping_ = false;

  std::thread thread_;  // last, so that it finds everything
};

}  // namespace eventmq
