#include "src/store/sqlite_store.h"

#include <chrono>
#include <utility>

#include "src/base/assert.h"
#include "src/base/signals_blocked.h"

namespace eventmq {

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(SqliteStoreOptions options) {
  options.file.data_dir = options.data_dir;
  return SqliteFile::open(options.file).map([&](std::unique_ptr<SqliteFile>&& file) {
    return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(options), std::move(file)));
  });
}

SqliteStore::SqliteStore(SqliteStoreOptions options, std::unique_ptr<SqliteFile> file)
    : options_(std::move(options)),
      file_(std::move(file)),
      questions_(file_->paths().database, options_.file.vfs, [this] { on_change_(); }),
      thread_(thread_without_signals([this] { run(); })) {}

SqliteStore::~SqliteStore() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

// --- On the user's thread ---

Result<StoredState> SqliteStore::recover(Instant now) {
  Retention limits;
  {
    const std::lock_guard lock(mutex_);
    EMQ_ASSERT(submitted_ == 0, "recover() after commit {}", submitted_);
    limits = retention_;
  }
  return file_->read(now, limits);
}

void SqliteStore::submit(CommitNumber commit, std::vector<JobRecord> records) {
  EMQ_ASSERT(!records.empty(), "commit {} is empty", commit);
  Submitted submitted{commit, std::move(records)};
  for (const JobRecord& record : submitted.records) submitted.bytes += content_bytes(record);
  {
    const std::lock_guard lock(mutex_);
    EMQ_ASSERT(commit > submitted_, "commit {} came after {}", commit, submitted_);
    submitted_ = commit;
    queue_.push_back(std::move(submitted));
  }
  wake_.notify_one();
}

void SqliteStore::claim(BacklogClaim claim) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back({.claim = std::move(claim)});
  }
  wake_.notify_one();
}

std::vector<BacklogClaimed> SqliteStore::take_claimed() {
  const std::lock_guard lock(mutex_);
  return std::exchange(claimed_, {});
}

void SqliteStore::ask(StoreQuestion question) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back({.question = std::move(question)});
  }
  wake_.notify_one();
}

StoreHealth SqliteStore::health() const {
  const std::lock_guard lock(mutex_);
  return health_;
}

void SqliteStore::set_retention(Retention limits) {
  const std::lock_guard lock(mutex_);
  retention_ = limits;
}

// --- On the store's thread ---

void SqliteStore::run() {
  for (Batch batch = gather(); !batch.empty(); batch = gather()) {
    if (batch.front().question) {
      questions_.ask(*std::move(batch.front().question));
      continue;
    }
    if (batch.front().claim) {
      if (!answer(*batch.front().claim)) return;
      continue;
    }
    if (!see_through(batch, write(batch))) return;
    if (!see_through(batch, file_->tidy())) return;
  }
}

// Waits for something to do. Empty: everything is done, and the destructor waits.
SqliteStore::Batch SqliteStore::gather() {
  Batch batch;
  size_t records = 0;
  size_t bytes = 0;
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
  while (!queue_.empty()) {
    if (!queue_.front().is_commit() && !batch.empty()) break;
    records += queue_.front().records.size();
    bytes += queue_.front().bytes;
    if (!batch.empty() && (records > options_.batch_records || bytes > options_.batch_bytes)) break;
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
    if (!batch.back().is_commit()) break;
  }
  return batch;
}

// Tries until it is done. False: that will not be.
bool SqliteStore::answer(const BacklogClaim& claim) {
  Result<BacklogClaimed> claimed = file_->claim(claim);
  while (!claimed) {
    tell_fault(claimed.error());
    if (claimed.error().code == ErrorCode::kForbidden || !wait_to_retry()) return false;
    claimed = file_->reopen(durable_, durable_).and_then([&](CommitNumber) { return file_->claim(claim); });
  }
  tell_durable();
  {
    const std::lock_guard lock(mutex_);
    claimed_.push_back(std::move(*claimed));
    if (stopping_) return true;
  }
  on_change_();
  return true;
}

// Goes on after `done`, the first attempt, until the batch is durable. False: that will not be.
bool SqliteStore::see_through(const Batch& batch, Result<void> done) {
  while (!done) {
    tell_fault(done.error());
    if (done.error().code == ErrorCode::kForbidden || !wait_to_retry()) return false;
    done = retry(batch);
  }
  durable_ = batch.back().commit;
  tell_durable();
  return true;
}

Result<void> SqliteStore::write(const Batch& batch) {
  BatchChanges changes;
  for (const Submitted& submitted : batch) {
    for (const JobRecord& record : submitted.records) changes.add(record);
  }
  Retention limits;
  {
    const std::lock_guard lock(mutex_);
    limits = retention_;
  }
  return file_->write(changes, batch.back().commit, limits);
}

Result<void> SqliteStore::retry(const Batch& batch) {
  const CommitNumber wanted = batch.back().commit;
  const Result<CommitNumber> found = file_->reopen(durable_, wanted);
  if (!found) return tl::unexpected(found.error());
  return *found == wanted ? Result<void>() : write(batch);
}

// False: there was one more attempt since the destructor began.
bool SqliteStore::wait_to_retry() {
  if (last_try_used_) return false;
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, std::chrono::microseconds(options_.retry_interval.us), [&] { return stopping_; });
  last_try_used_ = stopping_;
  healthy_at_ = submitted_;
  return true;
}

void SqliteStore::tell_fault(const Error& fault) {
  StoreHealth health{false, fault.text};
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || health == health_) return;
    health_ = std::move(health);
  }
  on_change_();
}

// After a fault nothing is told before all that gathered meanwhile is durable.
void SqliteStore::tell_durable() {
  {
    const std::lock_guard lock(mutex_);
    if (!health_.available && durable_ < healthy_at_) return;
    if (health_.available && durable_ == committed_.load(std::memory_order_relaxed)) return;
    health_ = {};
    committed_.store(durable_, std::memory_order_release);
    if (stopping_) return;
  }
  on_change_();
}

}  // namespace eventmq
