// What becomes of the log while the disk is at fault: it is deleted, moved away, or moved to the database by another
// program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <optional>

#include "src/store/sqlite_store.h"
#include "src/store/testing/fault_vfs.h"
#include "src/store/testing/modelled_history.h"
#include "src/store/testing/wait_until.h"
#include "testing/temporary_folder.h"

namespace eventmq {
namespace {

// Somebody deletes it to make space. Whether the commit or the moving of the log meets the full disk, the handle is
// kept.
TEST(SqliteFaultLogTest, ALogThatIsTakenAwayOnAFullDiskCostsNothingOnceThereIsSpace) {
  const ModelledHistory history(3, 10);
  uint64_t faults = 0;
  for (uint64_t nth = 1;; ++nth) {
    FaultVfs vfs;
    const TemporaryFolder folder(TemporaryFolder::quick_place());
    SqliteStoreOptions options{.data_dir = folder.path(), .retry_interval = milliseconds(1)};
    options.file.vfs = vfs.name();
    auto store = *SqliteStore::open(options);
    store->submit(1, history.commits[0]);
    ASSERT_TRUE(wait_until([&] { return store->committed() == 1; }));
    std::filesystem::remove(folder.file("eventmq.db-wal"));
    vfs.fail({.kind = VfsFault::Kind::kNoSpace, .calls = VfsFault::kWrite, .nth = nth, .for_good = true});
    store->submit(2, history.commits[1]);
    ASSERT_TRUE(wait_until([&] { return store->committed() == 2 || vfs.failures() > 0; }));
    if (vfs.failures() == 0) break;
    vfs.mend();
    ASSERT_TRUE(wait_until([&] { return store->committed() == 2; })) << nth << ": " << store->health().text;
    ++faults;
  }
  EXPECT_GT(faults, 5u);
}

std::unique_ptr<SqliteStore> open_with_short_log(const FaultVfs& vfs, const TemporaryFolder& folder,
                                                 Duration retry_interval = milliseconds(1)) {
  SqliteStoreOptions options{.data_dir = folder.path(), .retry_interval = retry_interval};
  options.file.vfs = vfs.name();
  options.file.checkpoint_frames = 20;
  return *SqliteStore::open(options);
}

JobAccepted large_job(JobKey key) {
  JobAccepted job;
  job.key = key;
  job.id = Bytes("large-" + std::to_string(key));
  job.queue = Bytes("large");
  job.payload = Bytes(std::string(3'000, 'L'));
  return job;
}

JobEnded end_of_large_job(JobKey key) {
  const JobAccepted job = large_job(key);
  return {key, job.id, job.queue, Outcome::kOk, 1, Instant{2'000'000}, false, Bytes()};
}

bool committed_by(const SqliteStore& store, CommitNumber commit) {
  return wait_until([&] { return store.committed() == commit; });
}

std::vector<JobRecord> large_jobs(JobKey first, JobKey last) {
  std::vector<JobRecord> jobs;
  for (JobKey key = first; key <= last; ++key) jobs.push_back(large_job(key));
  return jobs;
}

// So that what comes next makes the file no longer, which SQLite would miss.
void leave_room(SqliteStore& store) {
  store.submit(1, large_jobs(1, 20));
  ASSERT_TRUE(committed_by(store, 1));
  std::vector<JobRecord> ends;
  for (JobKey key = 1; key <= 20; ++key) ends.push_back(end_of_large_job(key));
  store.submit(2, ends);
  ASSERT_TRUE(committed_by(store, 2));
  store.submit(3, {IdRemembered{.id = Bytes("one")}});  // after the log was moved
  ASSERT_TRUE(committed_by(store, 3));
}

// From its n-th write on the disk is at fault: at one of a commit, or in the midst of moving the log behind it.
void fail_at_write(FaultVfs& vfs, SqliteStore& store, uint64_t nth) {
  const auto dealt_with = [&](CommitNumber commit) {
    return wait_until([&] { return store.committed() == commit || !store.health().available; });
  };
  leave_room(store);
  vfs.fail({.calls = VfsFault::kWrite, .nth = nth, .for_good = true});
  store.submit(4, large_jobs(31, 45));
  ASSERT_TRUE(dealt_with(4));
  store.submit(5, {IdRemembered{.id = Bytes("other")}});
  ASSERT_TRUE(dealt_with(5));
}

// The page with the number of the newest commit is moved among the first: with it there, the file alone looks whole.
TEST(SqliteFaultLogTest, ALogThatIsTakenAwayAfterHalfOfItWasMovedIsWaitedFor) {
  uint64_t waited = 0;
  for (uint64_t nth = 1;; ++nth) {
    FaultVfs vfs;
    const TemporaryFolder folder(TemporaryFolder::quick_place());
    const std::string log = folder.file("eventmq.db-wal");
    auto store = open_with_short_log(vfs, folder);
    ASSERT_NO_FATAL_FAILURE(fail_at_write(vfs, *store, nth));
    if (vfs.failures() == 0) break;
    std::filesystem::rename(log, folder.file("log"));
    vfs.mend();
    const auto misses_log = [&] {  // or has found an empty one, when that was made by an attempt under way
      const std::string text = store->health().text;
      return text.starts_with(log + " is gone: put it back") || text.find("put it and its log back") != text.npos;
    };
    ASSERT_TRUE(wait_until([&] { return store->committed() == 5 || misses_log(); })) << store->health().text;
    if (misses_log()) {
      ++waited;
      std::filesystem::rename(folder.file("log"), log);
      ASSERT_TRUE(committed_by(*store, 5)) << nth << ": " << store->health().text;
    }
    SqliteDatabase reader = *SqliteDatabase::open(folder.file("eventmq.db"), "");
    ASSERT_EQ(reader.text("PRAGMA integrity_check(1)").value_or("unreadable"), "ok") << "write " << nth;
    ASSERT_EQ(reader.integer("SELECT count(*) FROM jobs").value_or(0), 15) << "write " << nth;
  }
  EXPECT_GT(waited, 20u);
}

// What any look into the file with sqlite3 does when it ends: the last to close the file moves the log and removes it.
TEST(SqliteFaultLogTest, ALogOfWhichHalfWasMovedMayBeReadAndMovedByAnotherProgram) {
  for (const char* work : {"SELECT count(*) FROM jobs", "PRAGMA wal_checkpoint(TRUNCATE)"}) {
    uint64_t faults = 0;
    for (uint64_t nth = 1;; ++nth) {
      FaultVfs vfs;
      const TemporaryFolder folder(TemporaryFolder::quick_place());
      auto store = open_with_short_log(vfs, folder);
      ASSERT_NO_FATAL_FAILURE(fail_at_write(vfs, *store, nth));
      if (vfs.failures() == 0) break;
      ++faults;
      {
        SqliteDatabase other = *SqliteDatabase::open(folder.file("eventmq.db"), "");
        (void)other.run(work);
      }
      vfs.mend();
      ASSERT_TRUE(committed_by(*store, 5)) << work << ", write " << nth << ": " << store->health().text;
      store.reset();
      SqliteDatabase reader = *SqliteDatabase::open(folder.file("eventmq.db"), "");
      ASSERT_EQ(reader.text("PRAGMA integrity_check(1)").value_or("unreadable"), "ok") << "write " << nth;
      ASSERT_EQ(reader.integer("SELECT count(*) FROM jobs").value_or(0), 15) << "write " << nth;
    }
    EXPECT_GT(faults, 20u);
  }
}

// What another program does that held up the moving of the log by its reading.
enum class ReaderThen { kEnds, kStays, kMovesTheLog };

// What a loss of power leaves after the n-th sync has failed once. Empty: no sync failed.
std::string left_after_failed_sync(uint64_t nth, uint64_t seed, ReaderThen does) {
  FaultVfs vfs(seed);
  const TemporaryFolder folder(TemporaryFolder::quick_place());
  auto store = open_with_short_log(vfs, folder, milliseconds(does == ReaderThen::kMovesTheLog ? 100 : 1));
  CommitNumber commit = 0;
  const auto add = [&](JobKey jobs) {
    const JobKey first = 100 * ++commit;
    store->submit(commit, large_jobs(first, first + jobs - 1));
    return wait_until([&] { return store->committed() == commit || vfs.failures() > 0; });
  };
  if (!add(10)) return "no commit";
  std::optional<SqliteDatabase> reader = *SqliteDatabase::open(folder.file("eventmq.db"), vfs.name());
  if (!reader->run("BEGIN; SELECT count(*) FROM jobs")) return "no reader";
  if (!add(20) || !add(1)) return "no commit beside the reader";  // before the second the log was moved in part
  (void)reader->run("COMMIT");
  if (does == ReaderThen::kEnds) reader.reset();
  vfs.fail({.calls = VfsFault::kSync, .nth = nth});
  for (int more = 0; more < 8 && vfs.failures() == 0; ++more) {
    if (!add(8)) return "no commit";
  }
  if (vfs.failures() == 0) return "";
  if (does == ReaderThen::kMovesTheLog && wait_until([&] { return !store->health().available; })) {
    (void)reader->checkpoint(SqliteDatabase::Checkpoint::kEmptying);
  }
  if (!add(1) || !committed_by(*store, commit)) return store->health().text;
  const int64_t jobs = 32 + 8 * static_cast<int64_t>(commit - 4);
  vfs.cut_power();
  store.reset();
  reader.reset();
  vfs.restore_power();
  open_with_short_log(vfs, folder).reset();
  SqliteDatabase left = *SqliteDatabase::open(folder.file("eventmq.db"), "");
  const std::string check = left.text("PRAGMA integrity_check(1)").value_or("unreadable");
  if (check != "ok") return check;
  return left.integer("SELECT count(*) FROM jobs").value_or(0) == jobs ? "all" : "too few jobs";
}

// While somebody reads, only the beginning of the log is moved, and SQLite leaves it to the next moving to sync that.
// When that sync fails, what was moved before is not on disk either, and the index says that it was moved.
TEST(SqliteFaultLogTest, AfterAFailedSyncWhatWasMovedBeforeItIsMovedAgain) {
  for (const ReaderThen does : {ReaderThen::kEnds, ReaderThen::kStays, ReaderThen::kMovesTheLog}) {
    const uint64_t seeds = does == ReaderThen::kMovesTheLog ? 1 : 4;  // it waits for the next attempt
    for (uint64_t seed = 1; seed <= seeds; ++seed) {
      uint64_t nth = 1;
      for (std::string left = "all"; !left.empty(); ++nth) {
        left = left_after_failed_sync(nth, seed, does);
        ASSERT_THAT(left, testing::AnyOf("", "all")) << "sync " << nth << ", seed " << seed;
      }
      EXPECT_GT(nth, 8u);
    }
  }
}

TEST(SqliteFaultLogTest, WhoWantsTheLogMovedAgainWaitsForWhoJustMovesIt) {
  FaultVfs vfs;
  const TemporaryFolder folder(TemporaryFolder::quick_place());
  SqliteStoreOptions options{.data_dir = folder.path()};  // which moves nothing of so short a log
  options.file.vfs = vfs.name();
  auto store = *SqliteStore::open(options);
  SqliteDatabase mover = *SqliteDatabase::open(folder.file("eventmq.db"), vfs.name());
  SqliteDatabase other = *SqliteDatabase::open(folder.file("eventmq.db"), vfs.name());
  for (SqliteDatabase* handle : {&mover, &other}) ASSERT_TRUE(handle->run("SELECT count(*) FROM jobs"));
  for (CommitNumber commit = 1; commit <= 20; ++commit) {
    store->submit(commit, large_jobs(static_cast<JobKey>(commit), static_cast<JobKey>(commit)));
    ASSERT_TRUE(committed_by(*store, commit));
    std::atomic<bool> has_begun = false;
    std::future<Result<void>> again;
    vfs.fail({.calls = VfsFault::kSync, .nth = 1, .instead = [&] {
                again = std::async(std::launch::async, [&] {
                  has_begun = true;
                  has_begun.notify_one();
                  return other.move_all_again();
                });
                has_begun.wait(false);
              }});
    ASSERT_TRUE(mover.checkpoint(SqliteDatabase::Checkpoint::kPassive));
    vfs.mend();
    ASSERT_TRUE(again.valid()) << "nothing was moved";
    const Result<void> moved = again.get();
    ASSERT_TRUE(moved) << moved.error().text;
  }
}

// As a kill leaves it.
void copy_files(const TemporaryFolder& from, const TemporaryFolder& to) {
  for (const char* name : {"eventmq.db", "eventmq.db-wal"}) {
    if (std::filesystem::exists(from.file(name))) std::filesystem::copy_file(from.file(name), to.file(name));
  }
}

size_t jobs_after_a_kill(const TemporaryFolder& folder) {
  const TemporaryFolder killed(TemporaryFolder::quick_place());
  copy_files(folder, killed);
  Result<SqliteDatabase> file = SqliteDatabase::open(killed.file("eventmq.db"), "");
  return file ? static_cast<size_t>(file->integer("SELECT count(*) FROM jobs").value_or(0)) : 0;
}

// By somebody; another program may look into the file just then.
void take_log_away(const TemporaryFolder& folder, bool makes_it_anew) {
  std::filesystem::remove(folder.file("eventmq.db-wal"));
  if (makes_it_anew) std::ofstream(folder.file("eventmq.db-wal"));
}

// Else all commits until the next moving of the log would be told, and be in a file without a name.
TEST(SqliteFaultLogTest, ALogThatIsTakenAwayInTheMidstOfAStartCostsNothingThatIsToldAfterIt) {
  uint64_t opened = 0, refused = 0;
  bool is_over = false;
  for (uint64_t nth = 1; !is_over; ++nth) {
    FaultVfs vfs;
    const TemporaryFolder earlier(TemporaryFolder::quick_place());
    const TemporaryFolder folder(TemporaryFolder::quick_place());
    {
      auto store = open_with_short_log(vfs, earlier);
      store->submit(1, large_jobs(1, 5));
      ASSERT_TRUE(committed_by(*store, 1));
      copy_files(earlier, folder);
    }
    vfs.fail({.nth = nth, .instead = [&] { take_log_away(folder, nth % 2 == 0); }});
    SqliteStoreOptions options{.data_dir = folder.path(), .retry_interval = milliseconds(1)};
    options.file.vfs = vfs.name();
    auto store = SqliteStore::open(options);
    ++(store ? opened : refused);
    if (!store) continue;
    is_over = vfs.calls() < nth;
    const size_t found = (*store)->recover(Instant{3'000'000})->jobs.size();
    vfs.mend();
    (*store)->submit(1, large_jobs(11, 15));
    ASSERT_TRUE(committed_by(**store, 1)) << (*store)->health().text;
    ASSERT_EQ(jobs_after_a_kill(folder), found + 5) << "call " << nth;
  }
  EXPECT_GT(opened, 10u);
  EXPECT_GT(refused, 20u);
}

TEST(SqliteFaultLogTest, NorDoesOneThatIsTakenAwayInTheMidstOfAnAttempt) {
  uint64_t came_back = 0;
  bool is_over = false;
  for (uint64_t nth = 1; !is_over; nth += 3) {
    FaultVfs vfs;
    const TemporaryFolder folder(TemporaryFolder::quick_place());
    auto store = open_with_short_log(vfs, folder, milliseconds(20));
    store->submit(1, large_jobs(1, 5));
    ASSERT_TRUE(committed_by(*store, 1));
    vfs.fail({.calls = VfsFault::kSync});
    store->submit(2, large_jobs(11, 15));
    ASSERT_TRUE(wait_until([&] { return !store->health().available; }));
    vfs.fail({.nth = nth, .instead = [&] { take_log_away(folder, nth % 2 == 0); }});
    const auto is_lost = [&] { return store->health().text.find("put it") != std::string::npos; };
    ASSERT_TRUE(wait_until([&] { return store->committed() == 2 || is_lost(); })) << store->health().text;
    if (is_lost()) continue;  // before it was moved
    ++came_back;
    is_over = vfs.calls() < nth;
    store->submit(3, large_jobs(21, 25));
    ASSERT_TRUE(committed_by(*store, 3)) << store->health().text;
    ASSERT_EQ(jobs_after_a_kill(folder), 15u) << "call " << nth;
  }
  EXPECT_GT(came_back, 20u);
}

}  // namespace
}  // namespace eventmq
