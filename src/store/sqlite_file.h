// The file of one life of a router: opened once, under its lock and with an epoch of its own, and opened anew after
// each fault. It knows no threads; one at a time uses it.
//
// What is trusted, and when:
// - A commit has happened when SQLite said so (synchronous=FULL: its log is synced) and the files at their paths are
//   still those that were opened.
// - After any error the handle is closed without touching the files, and never used again. A failed sync says nothing
// of
//   what is on disk, and the next sync of the same data would say that all is well.
// - A log that somebody took away is reached by the open handle alone. Unless an I/O error came before, that one stays
//   open, and nothing is written, until all of the log is in the database; a reader can hold that up, and what was
//   moved so far is no whole database.
// - The same goes for a log whose moving met a fault, however new the number of the last commit in the database is.
// - A new log is begun only when nobody has the file open by way of an index that tells of another one.
// - What is read after that is first made true: the log is written over itself and synced (store_folder.h), then all of
//   it is moved to the database, whatever was moved before: not all of that was synced
//   (SqliteDatabase::move_all_again()). The epoch and the number of the last commit, both in the file, tell whether it
//   is still ours, and whether the transaction that failed is in it after all.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "src/store/file_lock.h"
#include "src/store/sqlite_database.h"
#include "src/store/sqlite_records.h"
#include "src/store/sqlite_schema.h"
#include "src/store/store_folder.h"

namespace eventmq {

struct SqliteFileOptions {
  std::string data_dir;
  // Pages in the log from which on it is moved to the database. 4096 pages of 4 KiB: often enough that a start, which
  // writes and moves the whole log, is quick, and seldom enough that pages which change again and again are moved once.
  // The log stays below SQLite's journal_size_limit of 64 MiB, so that it keeps its blocks and only an outlier is cut
  // off.
  int checkpoint_frames = 4096;
  bool must_exist = false;  // nothing is made: a file that is missing was taken away
  std::string vfs;          // as for SqliteDatabase
  std::span<const Migration> migrations = store_migrations();
};

class SqliteFile {
 public:
  // Makes the folder and the file if there are none. Errors: of make_folder, FileLock, check_files, rewrite_log,
  // SqliteDatabase and prepare_schema; each text is one sentence that says what mends it.
  static Result<std::unique_ptr<SqliteFile>> open(SqliteFileOptions options);
  // Moves the log to the database, unless a fault came before.
  ~SqliteFile();
  SqliteFile(const SqliteFile&) = delete;
  SqliteFile& operator=(const SqliteFile&) = delete;

  // Called once. Jobs that were accepted with a clock ahead of `now` are moved back in time first. Errors: of
  // clock_set_back, follow_clock_back and read_stored_state; the file is of no more use then.
  Result<StoredState> read(Instant now, Retention limits);

  // Makes the changes of a batch durable, the last commit of which is `commit`. Errors close the file: kForbidden when
  // it is not ours any more, which nothing mends; any other when reopen() may help.
  Result<void> write(const BatchChanges& changes, CommitNumber commit, Retention limits);
  // As the file is after the last write(). Errors as write().
  Result<BacklogClaimed> claim(const BacklogClaim& claim);
  // Keeps the log short; to be called after each write(), when nobody waits for it any more. Errors as write().
  Result<void> tidy();

  // After an error: opens the file anew and tells the last commit in it. `durable` is the last one known to be in it,
  // and `attempted` the one whose write failed; it is one of the two. Errors as write().
  Result<CommitNumber> reopen(CommitNumber durable, CommitNumber attempted);

  const StorePaths& paths() const { return paths_; }
  int64_t epoch() const { return epoch_; }

 private:
  SqliteFile(SqliteFileOptions options, FileLock lock);

  Result<void> open_first();
  Result<void> open_again(CommitNumber durable, CommitNumber attempted);
  void look_without_log(CommitNumber durable, CommitNumber attempted);
  Result<void> make_log_true();
  Result<void> begin_log(SqliteDatabase& alone);
  Result<void> begin_epoch();
  Result<void> get_ready();
  Result<void> write_transaction(const BatchChanges& changes, CommitNumber commit, Retention limits);
  Result<CommitNumber> find_commit(SqliteDatabase& database, CommitNumber durable, CommitNumber attempted) const;
  Result<void> check_places();
  Result<void> log_was_taken();
  Result<void> let_log_go();
  void hold_log_if_alone();
  Result<void> checkpoint();
  Result<SqliteDatabase::CheckpointResult> move_log(SqliteDatabase::Checkpoint kind);
  void note_all_moved();
  void keep_log();
  void close_after_fault();

  const SqliteFileOptions options_;
  const StorePaths paths_;
  const FileLock lock_;
  std::string store_id_;
  int64_t epoch_ = 0;
  FileIdentity database_identity_;
  FileIdentity log_identity_;  // none: nothing of it is needed
  FileIdentity true_log_;      // that make_log_true() left; none: there was no database yet
  bool holds_log_ = false;     // database_ alone reaches the log, and is no more than that
  bool log_is_new_ = false;    // there was none, or an empty one, when the file was opened
  bool half_moved_ = false;    // a fault ended the moving of the log: without it the database is not whole
  SqliteDatabase keeper_;      // of the log, while it was moved half: so that SQLite does not remove it
  SqliteDatabase database_;
  std::optional<SqliteRecords> records_;  // before database_ goes
  SqliteStatement begin_;
  SqliteStatement commit_;
  int next_checkpoint_ = 0;  // pages in the log
};

}  // namespace eventmq
