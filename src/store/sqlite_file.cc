#include "src/store/sqlite_file.h"

#include <fmt/format.h>

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

}  // namespace

SqliteFile::SqliteFile(SqliteFileOptions options, FileLock lock)
    : options_(std::move(options)), paths_(options_.data_dir), lock_(std::move(lock)) {}

SqliteFile::~SqliteFile() = default;

Result<std::unique_ptr<SqliteFile>> SqliteFile::open(SqliteFileOptions options) {
  const StorePaths paths(options.data_dir);
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
      .and_then([&] { return rewrite_log(paths_.log, options_.vfs); })
      .and_then([&] { return SqliteDatabase::open(paths_.database, options_.vfs); })
      .and_then([&](SqliteDatabase&& opened) {
        database_ = std::move(opened);
        return configure(database_);
      })
      .and_then([&] { return prepare_schema(database_, paths_.database, options_.migrations); })
      .and_then([&] { return checkpoint(); });
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

// The log exists now, and stays the same file for as long as the database is open.
Result<void> SqliteFile::get_ready() {
  log_identity_ = FileIdentity::of(paths_.log);
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
  records_.reset();
  begin_ = {};
  commit_ = {};
  if (database_) database_.leave_log_alone();
  database_ = {};
}

// --- While all is well ---

Result<StoredState> SqliteFile::read(Instant now, Retention limits) {
  EMQ_ASSERT(database_, "the file is not open");
  return read_stored_state(database_, now, limits);
}

Result<void> SqliteFile::write(const BatchChanges& changes, CommitNumber commit, Retention limits) {
  EMQ_ASSERT(database_, "the file is not open");
  Result<void> written = write_transaction(changes, commit, limits);
  if (written) written = check_places();
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
  const auto moved = database_.checkpoint(SqliteDatabase::Checkpoint::kPassive);
  if (!moved) {
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
  if (!database_ || FileIdentity::of(paths_.log) == log_identity_) return {};
  (void)checkpoint();  // what only this handle still reaches; reopen() sees whether it worked
  return fail(ErrorCode::kStoreUnavailable,
              fmt::format("{} was taken away while in use: leave it to the router", paths_.log));
}

// A reader may hold it up, and a log that was written anew is good enough to go on with.
Result<void> SqliteFile::checkpoint() {
  return database_.checkpoint(SqliteDatabase::Checkpoint::kEmptying).map([](auto) {});
}

// --- After a fault ---

Result<CommitNumber> SqliteFile::reopen(CommitNumber durable, CommitNumber attempted) {
  Result<CommitNumber> found = open_again().and_then([&] { return find_commit(); });
  if (found && *found != durable && *found != attempted) {
    found =
        fail(ErrorCode::kForbidden, fmt::format("{} lacks what this router had committed: restart the router to go on "
                                                "with what is there",
                                                paths_.database));
  }
  if (found) {
    if (Result<void> ready = get_ready(); !ready) found = tl::unexpected(ready.error());
  }
  if (!found) close_after_fault();
  return found;
}

Result<void> SqliteFile::open_again() {
  close_after_fault();
  return check_places()
      .and_then([&] { return check_files(paths_); })
      .and_then([&] { return rewrite_log(paths_.log, options_.vfs); })
      .and_then([&] { return SqliteDatabase::open(paths_.database, options_.vfs); })
      .and_then([&](SqliteDatabase&& opened) {
        database_ = std::move(opened);
        return configure(database_);
      })
      .and_then([&] { return checkpoint(); });
}

// Errors: kForbidden when the file is not of this life.
Result<CommitNumber> SqliteFile::find_commit() {
  const Result<int64_t> tables = database_.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'meta'");
  if (!tables) return tl::unexpected(tables.error());
  const std::string ours = fmt::format(
      "SELECT count(*) FROM meta WHERE (key = 'store_id' AND value = '{}') OR (key = 'epoch' AND value = {})",
      store_id_, epoch_);
  const Result<int64_t> marks = *tables == 0 ? 0 : database_.integer(ours.c_str());
  if (!marks) return tl::unexpected(marks.error());
  if (*marks != 2) {
    return fail(ErrorCode::kForbidden, fmt::format("another router has taken over {}: stop one of the two, and restart "
                                                   "this one with another data_dir if it is to stay",
                                                   paths_.database));
  }
  return database_.integer("SELECT value FROM meta WHERE key = 'commit'").map([](int64_t commit) {
    return static_cast<CommitNumber>(commit);
  });
}

}  // namespace eventmq
