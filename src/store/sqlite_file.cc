#include "src/store/sqlite_file.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "src/base/assert.h"
#include "src/store/sqlite_recovery.h"

namespace eventmq {
namespace {

constexpr const char* kBeginEpoch =
    "BEGIN IMMEDIATE;"
    "UPDATE meta SET value = value + 1 WHERE key = 'epoch';"
    "UPDATE meta SET value = 0 WHERE key = 'commit';"
    "COMMIT";

// After all of the router's own log was moved to the database. SQLite would apply a log that somebody put there since.
Result<void> check_stranger(const StorePaths& paths) {
  if (!holds_something(paths.log)) return {};
  return fail(ErrorCode::kStoreUnavailable, fmt::format("{} is not the log of this router, all of which is in {}: move "
                                                        "it away",
                                                        paths.log, paths.database));
}

tl::unexpected<Error> log_is_gone(const StorePaths& paths) {
  return fail(ErrorCode::kStoreUnavailable,
              fmt::format("{} is gone: put it back, or restart the router to begin with what is there", paths.log));
}

}  // namespace

SqliteFile::SqliteFile(SqliteFileOptions options, FileLock lock)
    : options_(std::move(options)), paths_(options_.data_dir), lock_(std::move(lock)) {}

SqliteFile::~SqliteFile() = default;

Result<std::unique_ptr<SqliteFile>> SqliteFile::open(SqliteFileOptions options) {
  const StorePaths paths(options.data_dir);
  if (options.must_exist && !FileIdentity::of(paths.database)) {
    if (Result<void> checked = check_files(paths); !checked) return tl::unexpected(checked.error());
    return fail(
        ErrorCode::kStoreUnavailable,
        fmt::format("{} is gone: put it back, or restart the router to begin with an empty one", paths.database));
  }
  if (Result<void> made = make_folder(paths.folder); !made) return tl::unexpected(made.error());
  Result<FileLock> lock = FileLock::take(paths.lock, paths.database);
  if (!lock) return tl::unexpected(lock.error());
  std::unique_ptr<SqliteFile> file(new SqliteFile(std::move(options), std::move(*lock)));
  Result<void> opened = file->open_first();
  if (opened) opened = file->begin_epoch();
  if (opened) opened = file->get_ready();
  if (opened) return file;
  file->close_after_fault();
  return tl::unexpected(opened.error());
}

// --- Opening ---

Result<void> SqliteFile::open_first() {
  return check_files(paths_)
      .and_then([&] {
        // Its name is on disk before there is a log: a log alone means that the file was taken away.
        return make_private(paths_.database) ? sync_folder(paths_.folder) : Result<void>();
      })
      .and_then([&] { return make_log_true(); })
      .and_then([&] { return SqliteDatabase::open(paths_.database, options_.vfs); })
      .and_then([&](SqliteDatabase&& opened) {
        database_ = std::move(opened);
        return configure(database_);
      })
      .and_then([&] { return prepare_schema(database_, paths_.database, options_.migrations); })
      .and_then([&] { return checkpoint(); });
}

// No other router may write meanwhile, should the lock not hold: what it adds to the log would be written over.
Result<void> SqliteFile::make_log_true() {
  log_is_new_ = false;
  true_log_ = {};
  return SqliteDatabase::open(paths_.database, options_.vfs).and_then([&](SqliteDatabase&& alone) {
    alone.leave_log_alone();
    const Result<int64_t> mark = alone.integer("PRAGMA application_id");
    if (!mark) return Result<void>(tl::unexpected(mark.error()));
    if (*mark != kStoreApplicationId) return Result<void>();  // prepare_schema() tells what it is
    return alone.check_writable()
        .and_then([&] { return alone.run("BEGIN IMMEDIATE"); })
        .and_then([&] { return rewrite_log(paths_.log, options_.vfs); })
        .and_then([&](bool was_there) {
          log_is_new_ = !was_there;
          return alone.run("ROLLBACK");
        })
        .and_then([&] { return log_is_new_ ? begin_log(alone) : alone.move_all_again(); })
        .map([&] { true_log_ = FileIdentity::of(paths_.log); });
  });
}

// The index that all handles share tells of a log that is gone for as long as somebody has the file open who used that.
// A new one would be written as if it went on there, without its head, and nobody could read it once the index is gone
// too. And whoever has the old one open still would read from it what is in the new one, and at its end move that to
// the database.
Result<void> SqliteFile::begin_log(SqliteDatabase& alone) {
  if (half_moved_ && !keeper_) return log_is_gone(paths_);
  const auto found = alone.checkpoint(SqliteDatabase::Checkpoint::kPassive);
  if (!found) return tl::unexpected(found.error());
  if (found->frames == 0) return note_all_moved(), Result<void>();
  return fail(ErrorCode::kStoreUnavailable,
              fmt::format("{} was taken away while {} was in use, and a new one is begun only when no other program "
                          "has that open: end whatever does",
                          paths_.log, paths_.database));
}

Result<void> SqliteFile::begin_epoch() {
  Result<void> begun = database_.run(kBeginEpoch);
  if (!begun) return begun;
  const Result<int64_t> epoch = database_.integer("SELECT value FROM meta WHERE key = 'epoch'");
  Result<std::string> store_id = database_.text("SELECT value FROM meta WHERE key = 'store_id'");
  if (!epoch || !store_id) return tl::unexpected(epoch ? store_id.error() : epoch.error());
  epoch_ = *epoch;
  store_id_ = std::move(*store_id);
  database_identity_ = FileIdentity::of(paths_.database);
  return {};
}

// The log exists now, and stays the same file for as long as the database is open. Unless somebody took it away since
// it was looked at: then the database has another one open than is there.
Result<void> SqliteFile::get_ready() {
  const FileIdentity log = FileIdentity::of(paths_.log);
  if (true_log_ && log != true_log_) return log_was_taken();
  log_identity_ = log;
  next_checkpoint_ = options_.checkpoint_frames;
  return sync_folder(paths_.folder)
      .and_then([&] { return database_.prepare("BEGIN IMMEDIATE"); })
      .and_then([&](SqliteStatement&& begin) {
        begin_ = std::move(begin);
        return database_.prepare("COMMIT");
      })
      .and_then([&](SqliteStatement&& commit) {
        commit_ = std::move(commit);
        return SqliteRecords::prepare(database_);
      })
      .map([&](SqliteRecords&& records) { records_ = std::move(records); });
}

void SqliteFile::close_after_fault() {
  if (holds_log_) return;
  if (half_moved_ && !keeper_) keep_log();
  records_.reset();
  begin_ = {};
  commit_ = {};
  if (database_) database_.leave_log_alone();
  database_ = {};
}

// --- While all is well ---

Result<StoredState> SqliteFile::read(Instant now, Retention limits) {
  EMQ_ASSERT(database_, "the file is not open");
  const Result<Duration> set_back = clock_set_back(database_, now);
  if (!set_back) return tl::unexpected(set_back.error());
  if (*set_back > Duration()) {
    Result<void> moved = follow_clock_back(database_, now, *set_back, epoch_);
    if (!moved) {
      close_after_fault();
      return tl::unexpected(moved.error());
    }
  }
  return read_stored_state(database_, now, limits);
}

Result<void> SqliteFile::write(const BatchChanges& changes, CommitNumber commit, Retention limits) {
  EMQ_ASSERT(database_, "the file is not open");
  Result<void> written = write_transaction(changes, commit, limits);
  if (written) {
    written = check_places();
  } else {
    hold_log_if_alone();
  }
  if (!written) close_after_fault();
  return written;
}

Result<void> SqliteFile::write_transaction(const BatchChanges& changes, CommitNumber commit, Retention limits) {
  return begin_.run()
      .and_then([&] {
        return records_->write(changes, {epoch_, commit}, limits);
      })
      .and_then([&] { return commit_.run(); });
}

Result<BacklogClaimed> SqliteFile::claim(const BacklogClaim& claim) {
  EMQ_ASSERT(database_, "the file is not open");
  Result<BacklogClaimed> claimed = records_->claim(claim);
  if (!claimed) close_after_fault();
  return claimed;
}

Result<void> SqliteFile::tidy() {
  if (database_.log_frames() < next_checkpoint_) return {};
  const auto moved = move_log(SqliteDatabase::Checkpoint::kPassive);
  if (!moved) {
    hold_log_if_alone();
    close_after_fault();
    return tl::unexpected(moved.error());
  }
  // A reader holds the rest back: not to be tried again at every commit.
  next_checkpoint_ = options_.checkpoint_frames + (moved->frames_left > 0 ? database_.log_frames() : 0);
  return {};
}

// A commit into files that have lost their names is lost with the handle.
Result<void> SqliteFile::check_places() {
  const FileIdentity database = FileIdentity::of(paths_.database);
  if (database != database_identity_) {
    return fail(ErrorCode::kStoreUnavailable,
                fmt::format("{} {}: put it back, or restart the router to begin with what is there", paths_.database,
                            database ? "is not the file that this router opened" : "is gone"));
  }
  const FileIdentity log = FileIdentity::of(paths_.log);
  if (log == log_identity_) return {};
  if (database_) return log_was_taken();
  if (!log_identity_) return check_stranger(paths_);
  const bool is_made_anew = half_moved_ && !holds_something(paths_.log);
  if (log && !is_made_anew) return {};  // another one: find_commit() sees whether it is a copy
  return log_is_gone(paths_);
}

// What is in it is moved to the database while this handle still reaches it. Until nobody reads from it any more the
// index that all handles share tells of it, and a new log would be written as if it went on.
Result<void> SqliteFile::log_was_taken() {
  const auto moved = move_log(SqliteDatabase::Checkpoint::kEmptying);
  holds_log_ = moved ? !moved->emptied : database_.fault_is_harmless();
  if (moved && moved->emptied) log_identity_ = {};  // nobody needs it
  if (!moved) return tl::unexpected(moved.error());
  if (!holds_log_) {
    return fail(ErrorCode::kStoreUnavailable,
                fmt::format("{} was taken away while in use: leave it to the router", paths_.log));
  }
  return fail(ErrorCode::kStoreUnavailable,
              fmt::format("{} was taken away while in use, and what it holds can be moved to {} only when no other "
                          "program reads that: end whatever reads it, and the router only after that",
                          paths_.log, paths_.database));
}

void SqliteFile::hold_log_if_alone() {
  if (!log_identity_ || FileIdentity::of(paths_.log) == log_identity_ || !database_.fault_is_harmless()) return;
  (void)database_.run("ROLLBACK");  // an open transaction would keep the log from being moved
  holds_log_ = true;
}

// Once it has its name back it is no more needed than any other log.
Result<void> SqliteFile::let_log_go() {
  if (!holds_log_) return {};
  if (FileIdentity::of(paths_.log) == log_identity_) {
    holds_log_ = false;
    return {};
  }
  Result<void> taken = log_was_taken();
  return log_identity_ ? taken : Result<void>();
}

// Pages are moved in the order of their numbers, so what a fault leaves behind may have the number of the newest commit
// and not its changes.
Result<SqliteDatabase::CheckpointResult> SqliteFile::move_log(SqliteDatabase::Checkpoint kind) {
  auto moved = database_.checkpoint(kind);
  if (!moved) {
    half_moved_ = true;
    (void)database_.move_all_again();  // also by another program, before the next attempt makes sure of it
  }
  if (moved && moved->frames_left == 0) note_all_moved();
  return moved;
}

void SqliteFile::note_all_moved() {
  half_moved_ = false;
  keeper_ = {};
}

// While any handle is open SQLite does not remove the log, and the index that all share tells whether it was cut off in
// order. So another program may look into the file, or move the log, and a log that is missing was taken by somebody.
void SqliteFile::keep_log() {
  if (!log_identity_) return;
  Result<SqliteDatabase> opened = SqliteDatabase::open(paths_.database, options_.vfs);
  if (!opened) return;
  opened->leave_log_alone();
  const bool has_read = opened->integer("SELECT count(*) FROM sqlite_schema").has_value();  // a handle locks by then
  if (has_read && FileIdentity::of(paths_.log) == log_identity_) keeper_ = *std::move(opened);
}

// A reader may hold it up, and a log that was written anew is good enough to go on with.
Result<void> SqliteFile::checkpoint() {
  if (log_is_new_) return {};  // there is nothing in it
  return move_log(SqliteDatabase::Checkpoint::kEmptying).map([](auto) {});
}

// --- After a fault ---

// The log is looked at before it is moved: one that somebody put there must not change the database.
Result<CommitNumber> SqliteFile::reopen(CommitNumber durable, CommitNumber attempted) {
  const auto find = [&] { return find_commit(database_, durable, attempted); };
  Result<CommitNumber> found =
      open_again(durable, attempted).and_then(find).and_then([&](CommitNumber) { return checkpoint(); }).and_then(find);
  if (found) {
    if (Result<void> ready = get_ready(); !ready) found = tl::unexpected(ready.error());
  }
  if (!found) close_after_fault();
  return found;
}

Result<void> SqliteFile::open_again(CommitNumber durable, CommitNumber attempted) {
  if (Result<void> free = let_log_go(); !free) return free;
  close_after_fault();
  const FileIdentity log = log_identity_;
  look_without_log(durable, attempted);
  Result<void> done = check_places()
                          .and_then([&] { return check_files(paths_); })
                          .and_then([&] { return make_log_true(); })
                          .and_then([&] { return SqliteDatabase::open(paths_.database, options_.vfs); })
                          .and_then([&](SqliteDatabase&& opened) {
                            database_ = std::move(opened);
                            return configure(database_);
                          });
  if (!done) log_identity_ = log;  // it may still be put back
  return done;
}

// Another program that was the last to close the file has moved all of its log there, and removed it.
void SqliteFile::look_without_log(CommitNumber durable, CommitNumber attempted) {
  if (!log_identity_ || half_moved_ || FileIdentity::of(paths_.log)) return;
  Result<SqliteDatabase> alone = SqliteDatabase::open_read_only(paths_.database, options_.vfs, true);
  if (alone && find_commit(*alone, durable, attempted)) log_identity_ = {};
}

// Errors: kForbidden when the file is not of this life any more. One that is of an earlier moment of it may be put
// right.
Result<CommitNumber> SqliteFile::find_commit(SqliteDatabase& database, CommitNumber durable,
                                             CommitNumber attempted) const {
  const Result<int64_t> tables = database.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'meta'");
  if (!tables) return tl::unexpected(tables.error());
  const std::string ours = fmt::format(
      "SELECT CASE WHEN count(*) = 0 THEN -1 ELSE max(value) END FROM meta WHERE key = 'epoch' AND EXISTS "
      "(SELECT 1 FROM meta WHERE key = 'store_id' AND value = '{}')",
      store_id_);
  const Result<int64_t> epoch = *tables == 0 ? -1 : database.integer(ours.c_str());
  if (!epoch) return tl::unexpected(epoch.error());
  if (*epoch < 0 || *epoch > epoch_) {
    return fail(ErrorCode::kForbidden, fmt::format("another router has taken over {}: stop one of the two, and restart "
                                                   "this one with another data_dir if it is to stay",
                                                   paths_.database));
  }
  const Result<int64_t> commit = database.integer("SELECT value FROM meta WHERE key = 'commit'");
  if (!commit) return tl::unexpected(commit.error());
  const auto found = static_cast<CommitNumber>(*commit);
  if (*epoch == epoch_ && (found == durable || found == attempted)) return found;
  return fail(ErrorCode::kStoreUnavailable,
              fmt::format("{} lacks what this router had committed: put it and its log back as they were, or restart "
                          "the router to go on with what is there",
                          paths_.database));
}

}  // namespace eventmq
