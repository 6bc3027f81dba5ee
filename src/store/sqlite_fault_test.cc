// EVENTMQ_FAULT_HISTORIES=n runs every campaign over n histories (default 1).
//
// For every n, the n-th call into the file system fails: once, or from then on until it is mended. Whatever happens,
// nothing that was told as committed is missing, the state is one that the history had, and the store comes back by
// itself.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>

#include "src/store/sqlite_store.h"
#include "src/store/testing/fault_vfs.h"
#include "src/store/testing/modelled_history.h"
#include "src/store/testing/no_fence.h"
#include "src/store/testing/wait_until.h"
#include "testing/temporary_folder.h"

namespace eventmq {
namespace {

constexpr CommitNumber kCommits = 10;
constexpr uint64_t kAtTheEnd = 1'000'000;  // a call that is never made

enum class Ending {
  kMended,     // the fault ends, and the store is waited for
  kKilled,     // the store ends with the fault still there
  kPowerLost,  // the power goes when the store has just dealt with the fault, or has found that it cannot
  kReplaced,   // another router takes the file meanwhile, and this one goes on
};

// One run of the history over a file system that fails.
class FaultyRun {
 public:
  FaultyRun(const ModelledHistory& history, uint64_t seed) : history_(history), vfs_(seed) {}

  // Empty: all was well. Else what was not.
  std::string run(VfsFault fault, Ending ending);
  FaultVfs& vfs() { return vfs_; }
  // The file no longer tells its routers apart.
  void take_fence_away() { fenced_ = false; }
  // As if the store told of a commit as soon as it has taken it.
  void tell_early() { tells_early_ = true; }
  uint64_t calls() const { return calls_; }

 private:
  std::unique_ptr<SqliteStore> open();
  std::string live(Ending ending);
  std::string be_replaced(std::unique_ptr<SqliteStore> older);
  std::string look_at_what_is_left();

  const ModelledHistory& history_;
  FaultVfs vfs_;
  TemporaryFolder folder_{TemporaryFolder::quick_place()};
  CommitNumber submitted_ = 0;
  CommitNumber told_ = 0;
  uint64_t calls_ = 0;
  bool tells_early_ = false;
  bool fenced_ = true;
  std::string refusal_;
};

std::unique_ptr<SqliteStore> FaultyRun::open() {
  SqliteStoreOptions options{.data_dir = folder_.path(), .retry_interval = microseconds(100)};
  options.file.vfs = vfs_.name();
  options.file.checkpoint_frames = 12;  // twice or so in the history
  auto opened = SqliteStore::open(options);
  refusal_ = opened ? "" : opened.error().text;
  if (opened) (*opened)->set_retention(ModelledHistory::kEverything);
  return opened ? std::move(*opened) : nullptr;
}

std::string FaultyRun::run(VfsFault fault, Ending ending) {
  vfs_.fail(fault);
  std::string complaint = live(ending);
  if (!complaint.empty()) return complaint;
  ending == Ending::kPowerLost ? vfs_.restore_power() : vfs_.mend();
  return look_at_what_is_left();
}

std::string FaultyRun::live(Ending ending) {
  std::unique_ptr<SqliteStore> store = open();
  if (!store && (ending == Ending::kMended || ending == Ending::kReplaced)) {
    vfs_.mend();
    store = open();
    if (!store) return "it does not open once the fault is gone: " + refusal_;
  }
  const auto all_told = [&] { return store->committed() == submitted_; };
  const bool stops_at_fault = ending == Ending::kPowerLost;
  if (!fenced_) take_fence_away_from(folder_.path());
  const CommitNumber goal = ending == Ending::kReplaced ? kCommits / 2 : kCommits;
  while (store && submitted_ < goal && !(stops_at_fault && vfs_.failures() > 0)) {
    store->submit(submitted_ + 1, history_.commits[submitted_]);
    ++submitted_;
    const bool settled = wait_until([&] { return all_told() || !store->health().available; });
    if (!settled) return "neither commits nor says that it cannot";
  }
  calls_ = vfs_.calls();
  if (store && ending == Ending::kMended) vfs_.mend();
  const bool is_back =
      ending == Ending::kMended || ending == Ending::kReplaced || (stops_at_fault && vfs_.failures() == 1);
  if (store && is_back &&
      !wait_until([&] { return vfs_.failures() > 1 || (all_told() && store->health().available); })) {
    return "it does not come back: " + store->health().text;
  }
  if (store) told_ = tells_early_ ? submitted_ : store->committed();
  if (ending == Ending::kReplaced) return be_replaced(std::move(store));
  if (ending == Ending::kPowerLost) vfs_.cut_power();
  return {};
}

// The older one goes on where it was, as if it had stood still, and the younger one with what it found.
std::string FaultyRun::be_replaced(std::unique_ptr<SqliteStore> older) {
  const CommitNumber before = submitted_;
  std::filesystem::remove(folder_.file("eventmq.lock"));
  std::unique_ptr<SqliteStore> younger = open();
  if (!younger && vfs_.failures() > 0) younger = open();
  if (!younger) return "the younger one does not open: " + refusal_;
  Result<StoredState> state = younger->recover(history_.now);
  if (!state && vfs_.failures() > 0) state = younger->recover(history_.now);
  if (!state) return "the younger one cannot be read: " + state.error().text;
  if (text_of(*state) != history_.states[before]) return "the younger one does not have what was told";
  const auto knows = [&] { return older->health().text.starts_with("another router has taken over"); };
  older->submit(before + 1, history_.commits[before]);
  if (!wait_until([&] { return knows() || older->committed() > before; }))
    return "the older one neither commits nor ends";
  if (older->committed() > before) return "the older one was told of a commit beside the younger one";
  younger->submit(1, history_.commits[before]);
  if (!wait_until([&] { return younger->committed() == 1; })) return "the younger one is held up";
  told_ = submitted_ = before + 1;
  calls_ = vfs_.calls();
  return {};
}

std::string FaultyRun::look_at_what_is_left() {
  const std::unique_ptr<SqliteStore> store = open();
  if (!store) return "it does not open any more: " + refusal_;
  const Result<StoredState> state = store->recover(history_.now);
  if (!state) return "it cannot be read any more: " + state.error().text;
  const Result<std::string> check =
      SqliteDatabase::open(folder_.file("eventmq.db"), vfs_.name()).and_then([](SqliteDatabase&& file) {
        return file.text("PRAGMA integrity_check");
      });
  if (!check || *check != "ok") return "the file is damaged: " + (check ? *check : check.error().text);
  const std::string found = text_of(*state);
  for (CommitNumber commit = told_; commit <= submitted_; ++commit) {
    if (found == history_.states[commit]) return {};
  }
  return "told " + std::to_string(told_) + " of " + std::to_string(submitted_) + " commits, and then had\n" + found +
         "instead of\n" + history_.states[told_];
}

// --- Campaigns ---

uint64_t histories() {
  const char* number = std::getenv("EVENTMQ_FAULT_HISTORIES");
  return number ? std::strtoull(number, nullptr, 10) : 1;
}

// Runs for every n until the n-th call is not made any more. Returns how many runs had a fault.
uint64_t campaign(const ModelledHistory& history, VfsFault fault, Ending ending) {
  uint64_t faults = 0;
  for (fault.nth = 1;; ++fault.nth) {
    FaultyRun run(history, fault.nth);
    const std::string complaint = run.run(fault, ending);
    EXPECT_EQ(complaint, "") << "call " << fault.nth;
    if (!complaint.empty() || run.calls() < fault.nth) return faults;
    ++faults;
  }
}

struct Campaign {
  const char* name;
  VfsFault::Kind kind;
};
class SqliteFaultTest : public testing::TestWithParam<Campaign> {
 protected:
  uint64_t campaign_with(bool for_good, Ending ending) {
    uint64_t faults = 0;
    for (uint64_t seed = 1; seed <= histories(); ++seed) {
      faults += campaign(ModelledHistory(seed, kCommits), {.kind = GetParam().kind, .for_good = for_good}, ending);
    }
    RecordProperty("runs", static_cast<int>(faults));
    return faults;
  }
};

TEST_P(SqliteFaultTest, AfterAFaultItGoesOnByItself) { EXPECT_GT(campaign_with(false, Ending::kMended), 30u); }
TEST_P(SqliteFaultTest, AfterALastingFaultItGoesOnByItself) { EXPECT_GT(campaign_with(true, Ending::kMended), 30u); }
TEST_P(SqliteFaultTest, KilledAfterAFaultItHasWhatItTold) { EXPECT_GT(campaign_with(false, Ending::kKilled), 30u); }
TEST_P(SqliteFaultTest, KilledInAFaultItHasWhatItTold) { EXPECT_GT(campaign_with(true, Ending::kKilled), 30u); }
TEST_P(SqliteFaultTest, WithoutPowerAfterAFaultItHasWhatItTold) {
  EXPECT_GT(campaign_with(false, Ending::kPowerLost), 30u);
}
TEST_P(SqliteFaultTest, WithoutPowerInAFaultItHasWhatItTold) {
  EXPECT_GT(campaign_with(true, Ending::kPowerLost), 30u);
}

TEST_P(SqliteFaultTest, ReplacedByAnotherRouterItWritesNothingMore) {
  EXPECT_GT(campaign_with(false, Ending::kReplaced), 30u);
}

std::string campaign_name(const testing::TestParamInfo<Campaign>& campaign) { return campaign.param.name; }

INSTANTIATE_TEST_SUITE_P(Kinds, SqliteFaultTest,
                         testing::Values(Campaign{"IoError", VfsFault::Kind::kIoError},
                                         Campaign{"NoSpace", VfsFault::Kind::kNoSpace},
                                         Campaign{"ShortWrite", VfsFault::Kind::kShortWrite}),
                         campaign_name);

// A failed sync is the fault that a second one can make worse, if what was not synced is taken for what is on disk.
// Returns how many runs there were; stops at the first complaint.
uint64_t failed_sync_campaign(const ModelledHistory& history) {
  constexpr uint64_t kMoreCalls = 60;
  uint64_t runs = 0;
  for (uint64_t nth = 1;; ++nth) {
    for (uint64_t more = 0; more < kMoreCalls; ++more) {
      FaultyRun run(history, 1000 * nth + more);
      const std::string complaint =
          run.run({.calls = VfsFault::kSync, .nth = nth, .calls_before_power_cut = more}, Ending::kPowerLost);
      EXPECT_EQ(complaint, "") << "sync " << nth << ", and " << more << " more calls";
      if (!complaint.empty() || run.calls() < nth) return runs;
      ++runs;
    }
  }
}

TEST(SqliteFaultSyncTest, WhereverThePowerGoesAfterAFailedSyncWhatWasToldIsThere) {
  uint64_t runs = 0;
  for (uint64_t seed = 1; seed <= histories(); ++seed) runs += failed_sync_campaign(ModelledHistory(seed, kCommits));
  RecordProperty("runs", static_cast<int>(runs));
  EXPECT_GT(runs, 1000u);
}

// The pragma that switches gives its row before it commits. Without its log the store would go on with a journal, whose
// removal SQLite does not sync: a loss of power would take back what was told.
TEST(SqliteFaultOpenTest, AStoreThatOpensHasItsLog) {
  uint64_t failed = 0;
  for (uint64_t nth = 1; nth <= 10; ++nth) {
    FaultVfs vfs;
    const TemporaryFolder folder(TemporaryFolder::quick_place());
    vfs.fail({.calls = VfsFault::kSync, .nth = nth});
    SqliteStoreOptions options{.data_dir = folder.path()};
    options.file.vfs = vfs.name();
    const auto store = SqliteStore::open(options);
    failed += !store;
    if (!store) continue;
    SqliteDatabase reader = *SqliteDatabase::open(folder.file("eventmq.db"), "");
    EXPECT_EQ(*reader.text("PRAGMA journal_mode"), "wal") << "sync " << nth;
  }
  EXPECT_GT(failed, 3u);
}

// --- What the user sees ---

class SqliteFaultStoreTest : public testing::Test {
 protected:
  SqliteFaultStoreTest() {
    SqliteStoreOptions options{.data_dir = folder_.path(), .retry_interval = milliseconds(1)};
    options.file.vfs = vfs_.name();
    auto opened = SqliteStore::open(options);
    EMQ_ASSERT(opened.has_value(), "{}", opened.error().text);
    store_ = std::move(*opened);
    store_->call_on_change([this] { ++changes_; });
  }
  bool committed(CommitNumber commit) {
    return wait_until([&] { return store_->committed() == commit; });
  }
  bool unavailable() {
    return wait_until([&] { return !store_->health().available; });
  }

  const ModelledHistory history_{3, kCommits};
  FaultVfs vfs_;
  TemporaryFolder folder_{TemporaryFolder::quick_place()};
  std::atomic<int> changes_{0};
  std::unique_ptr<SqliteStore> store_;
};

TEST_F(SqliteFaultStoreTest, AFullDiskIsSaidAndEverythingIsToldOnceThereIsSpace) {
  store_->submit(1, history_.commits[0]);
  ASSERT_TRUE(committed(1));
  vfs_.fail({.kind = VfsFault::Kind::kNoSpace, .calls = VfsFault::kWrite, .for_good = true});
  changes_ = 0;
  store_->submit(2, history_.commits[1]);
  ASSERT_TRUE(unavailable());
  EXPECT_TRUE(wait_until([&] { return changes_ > 0; }));
  const std::string text = store_->health().text;
  EXPECT_EQ(text.substr(0, 21), "no space is left for ") << text;
  store_->submit(3, history_.commits[2]);
  store_->submit(4, history_.commits[3]);
  EXPECT_EQ(store_->committed(), 1u);
  changes_ = 0;
  vfs_.mend();
  ASSERT_TRUE(committed(4)) << store_->health().text;
  EXPECT_TRUE(store_->health().available);
  EXPECT_TRUE(wait_until([&] { return changes_ > 0; }));
}

TEST_F(SqliteFaultStoreTest, AReaderThatStaysDoesNotKeepItFromComingBack) {
  store_->submit(1, history_.commits[0]);
  ASSERT_TRUE(committed(1));
  SqliteDatabase reader = *SqliteDatabase::open(folder_.file("eventmq.db"), "");
  ASSERT_TRUE(reader.run("BEGIN"));
  const int64_t seen = *reader.integer("SELECT value FROM meta WHERE key = 'commit'");
  vfs_.fail({.calls = VfsFault::kSync});
  store_->submit(2, history_.commits[1]);
  ASSERT_TRUE(committed(2)) << store_->health().text;
  EXPECT_EQ(vfs_.failures(), 1u);
  EXPECT_EQ(*reader.integer("SELECT value FROM meta WHERE key = 'commit'"), seen) << "the reader has its moment still";
  ASSERT_TRUE(reader.run("COMMIT"));
  EXPECT_EQ(*reader.integer("SELECT value FROM meta WHERE key = 'commit'"), 2);
}

TEST_F(SqliteFaultStoreTest, ALogOfManyMegabytesIsMendedToo) {
  JobAccepted job;
  job.key = 1;
  job.id = job.queue = Bytes("large");
  job.payload = Bytes(std::string(5'000'000, 'L'));
  store_->submit(1, {job});
  ASSERT_TRUE(committed(1));
  vfs_.fail({.calls = VfsFault::kSync});
  store_->submit(2, {IdRemembered{.id = Bytes("other")}});
  ASSERT_TRUE(committed(2)) << store_->health().text;
  EXPECT_EQ(vfs_.failures(), 1u);
}

TEST_F(SqliteFaultStoreTest, TheDestructorDoesNotWaitForALastingFault) {
  vfs_.fail({.calls = VfsFault::kWrite, .for_good = true});
  store_->submit(1, history_.commits[0]);
  ASSERT_TRUE(unavailable());
  store_.reset();
}

// --- The tests are tested ---

TEST(SqliteFaultSelfTest, WithoutAFaultEverythingIsThere) {
  const ModelledHistory history(1, kCommits);
  FaultyRun run(history, 1);
  EXPECT_EQ(run.run({.nth = kAtTheEnd}, Ending::kMended), "");
  EXPECT_GT(run.calls(), 100u);
}

TEST(SqliteFaultSelfTest, AStoreThatDoesNotSyncIsFoundOut) {
  int found_out = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const ModelledHistory history(seed, kCommits);
    FaultyRun run(history, seed);
    run.vfs().ignore_syncs();
    found_out += !run.run({.nth = kAtTheEnd}, Ending::kPowerLost).empty();
  }
  EXPECT_GT(found_out, 5);
}

TEST(SqliteFaultSelfTest, AStoreWithoutFencingIsFoundOut) {
  const ModelledHistory history(1, kCommits);
  int found_out = 0;
  for (uint64_t nth = 1; nth <= 40; ++nth) {
    FaultyRun run(history, nth);
    run.take_fence_away();
    found_out += !run.run({.nth = nth}, Ending::kReplaced).empty();
  }
  EXPECT_GT(found_out, 5);
}

TEST(SqliteFaultSelfTest, AStoreThatTellsBeforeItCommitsIsFoundOut) {
  const ModelledHistory history(1, kCommits);
  int found_out = 0;
  for (uint64_t nth = 1; nth <= 80; ++nth) {
    FaultyRun run(history, nth);
    run.tell_early();
    found_out += !run.run({.calls = VfsFault::kWrite, .nth = nth, .for_good = true}, Ending::kKilled).empty();
  }
  EXPECT_GT(found_out, 5);
}

}  // namespace
}  // namespace eventmq
