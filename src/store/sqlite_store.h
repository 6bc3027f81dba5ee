// The store of guaranteed jobs: one SQLite file in a folder of its own, readable with sqlite3 (docs/store_format.md).
//
//   auto store = SqliteStore::open({.data_dir = "/var/lib/eventmq"});
//   if (!store) return store.error();              // one sentence: what is wrong and what mends it
//   Result<StoredState> state = (*store)->recover(now);
//   (*store)->submit(1, std::move(records));       // at once; durable when committed() says so
//
// A thread of its own writes. While one batch is written and synced, the next gathers; everything that gathered becomes
// one transaction. A fault (no space, an I/O error, a file gone) makes the store unavailable and keeps the batch. It
// then opens the file anew, again and again, until everything that was submitted is durable (src/store/sqlite_file.h
// says what is trusted). It stays unavailable for good only when the file is no longer this router's.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "src/store/sqlite_file.h"
#include "src/store/sqlite_questions.h"
#include "src/store/store.h"

namespace eventmq {

struct SqliteStoreOptions {
  std::string data_dir;                  // made if it is missing
  Duration retry_interval = seconds(1);  // between attempts while it is unavailable
  // One transaction takes at most so much, but always a whole commit.
  size_t batch_records = 4096;
  size_t batch_bytes = 32 * 1024 * 1024;  // of payloads and results
  SqliteFileOptions file = {};            // its data_dir is set from the one above
};

class SqliteStore : public Store {
 public:
  // Errors: of SqliteFile::open.
  static Result<std::unique_ptr<SqliteStore>> open(SqliteStoreOptions options);
  // Commits what was submitted, unless the store is unavailable and stays so at one more attempt.
  ~SqliteStore() override;

  void call_on_change(std::function<void()> on_change) override { on_change_ = std::move(on_change); }
  Result<StoredState> recover(Instant now) override;
  void submit(CommitNumber commit, std::vector<JobRecord> records) override;
  CommitNumber committed() const override { return committed_.load(std::memory_order_acquire); }
  void claim(BacklogClaim claim) override;
  std::vector<BacklogClaimed> take_claimed() override;
  void ask(StoreQuestion question) override;
  std::vector<StoreAnswer> take_answers() override { return questions_.take_answers(); }
  StoreHealth health() const override;
  void set_retention(Retention limits) override;
  uint64_t fence() const override { return static_cast<uint64_t>(file_->epoch()); }
  bool durable() const override { return true; }
  std::string_view name() const override { return "sqlite"; }

 private:
  // A commit, or a claim or a question between two commits.
  struct Submitted {
    CommitNumber commit = 0;
    std::vector<JobRecord> records = {};
    size_t bytes = 0;
    std::optional<BacklogClaim> claim = {};
    std::optional<StoreQuestion> question = {};

    bool is_commit() const { return commit != 0; }
  };
  using Batch = std::vector<Submitted>;  // of commits, or one of the others

  SqliteStore(SqliteStoreOptions options, std::unique_ptr<SqliteFile> file);

  // On the store's thread:
  void run();
  Batch gather();
  bool answer(const BacklogClaim& claim);
  bool see_through(const Batch& batch, Result<void> done);
  Result<void> write(const Batch& batch);
  Result<void> retry(const Batch& batch);
  bool wait_to_retry();
  void tell_fault(const Error& fault);
  void tell_durable();

  const SqliteStoreOptions options_;
  std::function<void()> on_change_ = [] {};  // the thread's, once something was submitted
  const std::unique_ptr<SqliteFile> file_;   // the thread's, once something was submitted
  SqliteQuestions questions_;                // it has a thread of its own
  CommitNumber durable_ = 0;                 // the thread's: in the file for sure, though perhaps not told yet
  bool last_try_used_ = false;               // the thread's: the destructor waits

  std::atomic<CommitNumber> committed_{0};

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_:
  std::deque<Submitted> queue_;
  std::vector<BacklogClaimed> claimed_;
  CommitNumber submitted_ = 0;
  CommitNumber healthy_at_ = 0;  // while unavailable: the commit that must be durable before it is not
  StoreHealth health_;
  Retention retention_;
  bool stopping_ = false;

  std::thread thread_;  // last, so that it finds everything
};

}  // namespace eventmq
