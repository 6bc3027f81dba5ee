#include "src/store/late_store.h"

#include <chrono>
#include <utility>

#include "src/base/assert.h"
#include "src/base/signals_blocked.h"

namespace eventmq {

namespace {

constexpr int kReadAgain = 30;

std::string text_of(const Error& fault, bool was_there) {
  if (!was_there) return fault.text;
  return fault.text + " (what was accepted before is in there, and goes on once it can be opened)";
}

}  // namespace

LateStore::LateStore(OpenStore open, std::string name, const Error& fault, bool was_there, Duration retry_interval)
    : open_(std::move(open)),
      name_(std::move(name)),
      was_there_(was_there),
      retry_interval_(retry_interval),
      wait_(retry_interval),
      health_{false, text_of(fault, was_there)} {}

LateStore::~LateStore() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

// --- On the user's thread ---

Result<StoredState> LateStore::recover(Instant now) {
  EMQ_ASSERT(!thread_.joinable(), "recover() was called before");
  thread_ = thread_without_signals([this, now] { run(now); });
  return StoredState();
}

std::optional<OpenedStore> LateStore::take_opened() {
  const std::lock_guard lock(mutex_);
  return std::exchange(opened_, std::nullopt);
}

StoreHealth LateStore::health() const {
  const std::lock_guard lock(mutex_);
  return health_;
}

void LateStore::set_retention(Retention limits) {
  const std::lock_guard lock(mutex_);
  retention_ = limits;
}

void LateStore::submit(CommitNumber commit, std::vector<JobRecord>) {
  EMQ_ASSERT(false, "commit {} came before the store was open", commit);
}
void LateStore::claim(BacklogClaim claim) {
  EMQ_ASSERT(false, "queue {} claims of a store that is not open", claim.queue.view());
}
void LateStore::ask(StoreQuestion question) {
  EMQ_ASSERT(false, "question {} is to a store that is not open", question.number);
}

// --- On the store's thread ---

void LateStore::run(Instant started_at) {
  const auto start = std::chrono::steady_clock::now();
  const auto now = [&] {
    const auto passed = std::chrono::steady_clock::now() - start;
    return started_at + microseconds(std::chrono::duration_cast<std::chrono::microseconds>(passed).count());
  };
  while (wait(wait_) && !see(try_to_open(now()))) {
  }
}

// False: the destructor waits.
bool LateStore::wait(Duration time) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, std::chrono::microseconds(time.us), [&] { return stopping_; });
}

Result<OpenedStore> LateStore::try_to_open(Instant now) {
  Result<std::unique_ptr<Store>> store = open_();
  wait_ = store ? retry_interval_ * kReadAgain : retry_interval_;
  if (!store) return tl::unexpected(store.error());
  (*store)->call_on_change(on_change_);
  {
    const std::lock_guard lock(mutex_);
    (*store)->set_retention(retention_);
  }
  return (*store)->recover(now).map([&](StoredState&& state) {
    return OpenedStore{std::move(*store), std::move(state)};
  });
}

// True: it is open.
bool LateStore::see(Result<OpenedStore> attempt) {
  {
    const std::lock_guard lock(mutex_);
    if (attempt) {
      opened_ = std::move(*attempt);
    } else {
      health_.text = text_of(attempt.error(), was_there_);
    }
  }
  on_change_();
  return attempt.has_value();
}

}  // namespace eventmq
