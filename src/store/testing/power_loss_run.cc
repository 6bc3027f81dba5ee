#include "src/store/testing/power_loss_run.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <future>

#include "src/base/assert.h"
#include "src/store/testing/no_fence.h"
#include "src/store/testing/wait_until.h"

namespace eventmq {
namespace {

constexpr std::array kCheckpointFrames = {6, 12, 12, 40, 1000};
constexpr std::chrono::seconds kGiveUp{60};

// Accepted is ended and waiting, for each queue.
bool adds_up(const StoredState& state) {
  return std::all_of(state.queues.begin(), state.queues.end(), [&](const StoredQueue& queue) {
    const auto jobs = std::count_if(state.jobs.begin(), state.jobs.end(),
                                    [&](const StoredJob& job) { return job.accepted.queue == queue.name; });
    uint64_t backlog = 0;
    for (const StoredLane& lane : queue.lanes) backlog += lane.waiting + lane.delayed;
    return queue.accepted ==
           queue.done + queue.dead + queue.expired + queue.cancelled + backlog + static_cast<uint64_t>(jobs);
  });
}

// What SQLite draws goes into its files. 0: it draws from the system again.
void seed_sqlite(int seed) { sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, seed, static_cast<sqlite3*>(nullptr)); }

}  // namespace

Result<CommitNumber> commit_of(const StoredState& state, const ModelledHistory& history, CommitNumber told) {
  const std::string found = text_of(state);
  if (!adds_up(state)) return fail(ErrorCode::kStoreUnavailable, "a queue does not add up:\n" + found);
  for (CommitNumber commit = told; commit < history.states.size(); ++commit) {
    if (found == history.states[commit]) return commit;
  }
  return fail(ErrorCode::kStoreUnavailable,
              fmt::format("told {} commits, and then had\n{}instead of\n{}", told, found, history.states[told]));
}

PowerLossRun::PowerLossRun(const ModelledHistory& history, uint64_t seed, PowerLossSabotage sabotage)
    : history_(history),
      sabotage_(sabotage),
      sqlite_seed_(static_cast<int>(1 + seed % 1'000'000)),
      prng_(seed),
      somebody_reads_(prng_.chance(40)) {
  options_.data_dir = folder_.path();
  options_.retry_interval = microseconds(100);
  options_.file.vfs = vfs_.name();
  options_.file.checkpoint_frames = kCheckpointFrames[prng_.below(kCheckpointFrames.size())];
  if (somebody_reads_) options_.file.checkpoint_frames = kCheckpointFrames[0];
  vfs_.record(recording_);
  vfs_.ignore(sabotage_.ignored);
}

PowerLossRun::~PowerLossRun() { seed_sqlite(0); }

std::string PowerLossRun::run() {
  static constexpr std::array kEndings = {Ending::kInOrder, Ending::kKilled, Ending::kPowerLost, Ending::kReplaced};
  seed_sqlite(sqlite_seed_);
  choose_fault();
  std::string complaint;
  while (complaint.empty() && recovered_ < history_.commits.size()) {
    complaint = live(kEndings[prng_.below(kEndings.size())]);
  }
  return complaint;
}

// In every second run, and in each in which somebody reads: what that leaves unsynced a fault may spoil later.
void PowerLossRun::choose_fault() {
  if (!somebody_reads_ && prng_.chance(50)) return;
  const bool sync = somebody_reads_ || prng_.chance(60);
  vfs_.fail({sync ? MemoryVfsFault::Call::kSync : MemoryVfsFault::Call::kWrite, 1 + prng_.below(sync ? 40 : 800)});
}

std::string PowerLossRun::live(Ending ending) {
  const bool ends_well = ending == Ending::kInOrder || ending == Ending::kReplaced;
  if (!ends_well) vfs_.kill_after(1 + prng_.below(somebody_reads_ ? 1600 : 400));
  const uint64_t failures = vfs_.failures();
  if (older_) std::filesystem::remove(folder_.file("eventmq.lock"));
  auto store = SqliteStore::open(options_);
  if (!store && vfs_.failures() > failures) store = SqliteStore::open(options_);
  if (!store && !vfs_.killed()) return "it does not open: " + store.error().text;
  std::string complaint;
  if (store) {
    vfs_.sync_folder();  // SqliteFile does so whenever it has opened the file
    if (sabotage_.unfenced && !vfs_.killed()) take_fence_away_from(folder_.path(), vfs_.name());
    complaint = recover(**store);
    if (complaint.empty() && older_) complaint = let_older_go_on();
    const CommitNumber commits = (somebody_reads_ ? 10 : 2) + prng_.below(8);
    const CommitNumber goal = std::min<CommitNumber>(history_.commits.size(), recovered_ + commits);
    if (complaint.empty() && recovered_ < goal && !vfs_.killed()) complaint = write(**store, goal);
    if (complaint.empty() && ending == Ending::kReplaced) {
      wait_until_idle(**store);
      older_ = std::move(*store);
      older_commits_ = submitted_ - recovered_;
    }
    store->reset();
  }
  if (ending == Ending::kPowerLost && vfs_.killed()) lose_power();
  vfs_.restart();
  return complaint;
}

std::string PowerLossRun::recover(SqliteStore& store) {
  store.set_retention(ModelledHistory::kEverything);
  const Result<StoredState> state = store.recover(history_.now);
  if (!state) return vfs_.killed() ? "" : "it cannot be read: " + state.error().text;
  const Result<CommitNumber> found = commit_of(*state, history_, told_);
  if (!found) return found.error().text;
  recovered_ = submitted_ = told_ = *found;
  vfs_.tell(told_);
  return {};
}

// It tidies its file after it has told; a claim is answered when that is done. This disk has no locks, so nobody else
// may come to it before.
void PowerLossRun::wait_until_idle(SqliteStore& store) {
  BacklogClaim claim;
  claim.queue = Bytes("nobody's");
  store.claim(std::move(claim));
  EMQ_ASSERT(wait_until([&] { return !store.take_claimed().empty(); }), "{}", store.health().text);
}

// What it hands over now is neither written nor told.
std::string PowerLossRun::let_older_go_on() {
  if (submitted_ == history_.commits.size()) return {};
  older_->submit(older_commits_ + 1, history_.commits[submitted_]);
  const auto is_told = [&] { return older_->committed() > older_commits_; };
  const auto is_over = [&] { return older_->health().text.starts_with("another router has taken over"); };
  if (!wait_until([&] { return is_told() || is_over() || vfs_.killed(); }))
    return "the older one neither commits nor ends";
  if (is_told()) return "the older one was told of a commit beside the younger one";
  older_.reset();
  return {};
}

// Hands one commit over, and the others in groups on the store's own thread, between two batches: so each group is one
// batch, in every run of this seed.
std::string PowerLossRun::write(SqliteStore& store, CommitNumber goal) {
  struct End {
    std::promise<void> promise;
    bool has_come = false;
  };
  const auto end = std::make_shared<End>();
  store.call_on_change([this, &store, goal, end] {
    if (end->has_come) return;
    const CommitNumber told = recovered_ + store.committed();
    if (told > told_) vfs_.tell(told_ = told);
    const bool at_end = told_ == goal || vfs_.killed();
    at_end ? end_reading() : let_somebody_read(store.health().available);
    if (at_end && !std::exchange(end->has_come, true)) return end->promise.set_value();
    if (!at_end && told_ == submitted_) submit_group(store, goal);
  });
  store.submit(1, history_.commits[submitted_++]);
  if (end->promise.get_future().wait_for(kGiveUp) == std::future_status::ready) return {};
  return "neither commits nor says that it cannot: " + store.health().text;
}

// While somebody reads, only what the log held before can be moved; and as long as somebody has the file open, the
// index of the log stays as it is, whatever becomes of the store. A store that met a fault waits for who reads.
void PowerLossRun::let_somebody_read(bool store_is_well) {
  if (!somebody_reads_) return;
  if (is_reading_ && (!store_is_well || prng_.chance(30))) {
    is_reading_ = false;
    (void)somebody_->run("COMMIT");
    if (prng_.chance(50)) vfs_.fail({MemoryVfsFault::Call::kSyncOfDatabase, 1});
    if (prng_.chance(30)) end_reading();
  } else if (!is_reading_ && store_is_well && prng_.chance(40)) {
    if (!somebody_) somebody_ = *SqliteDatabase::open(folder_.file("eventmq.db"), vfs_.name());
    somebody_->leave_log_alone();
    is_reading_ = somebody_->run("BEGIN; SELECT count(*) FROM jobs").has_value();
  }
}

void PowerLossRun::end_reading() {
  is_reading_ = false;
  somebody_.reset();
}

void PowerLossRun::submit_group(SqliteStore& store, CommitNumber goal) {
  const CommitNumber end = std::min<CommitNumber>(goal, submitted_ + 1 + prng_.below(somebody_reads_ ? 1 : 4));
  while (submitted_ < end) {
    ++submitted_;
    store.submit(submitted_ - recovered_, history_.commits[submitted_ - 1]);
  }
  if (sabotage_.tells_early) vfs_.tell(submitted_);
}

void PowerLossRun::lose_power() {
  older_.reset();  // it ends with everything else
  DiskReplay replay(recording_, prng_.next());
  while (replay.step()) {
  }
  vfs_.restart();
  vfs_.lose_power(replay.lose_power(prng_));
}

}  // namespace eventmq
