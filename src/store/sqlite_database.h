// A thin, owning layer over the SQLite library: a connection and its prepared statements, with errors as Result.
//
// An error's text is one sentence that names the file, what is wrong with it and what mends it; its code is always
// kStoreUnavailable. Neither type is thread-safe; both may pass from one thread to another.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "src/base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace eventmq {

// As SQLite keeps it: its integers have a sign.
constexpr int64_t signed_integer(uint64_t value) { return static_cast<int64_t>(value); }

// Bytes that are no text.
struct Blob {
  std::string_view bytes;
};

// A prepared statement. Each start gives all its values, ?1, ?2, … in order. Text and blobs are not copied: they must
// live until the statement has run.
//
//   Result<void> done = insert.run(key, "text", Blob{payload}, std::optional<int64_t>());
//
//   select.start(key);
//   while (true) {
//     Result<bool> row = select.next();
//     if (!row) return row.error();
//     if (!*row) break;
//     use(select.integer(0), select.text(1));
//   }
class SqliteStatement {
 public:
  SqliteStatement() = default;

  // Runs a statement to its end and drops what rows it gives.
  template <class... Values>
  Result<void> run(const Values&... values) {
    start(values...);
    return finish();
  }
  // The first row's first column, where a statement gives one row in a sound file; none is an error.
  template <class... Values>
  Result<int64_t> run_for_integer(const Values&... values) {
    start(values...);
    return finish_with_integer();
  }

  template <class... Values>
  void start(const Values&... values) {
    reset();
    int index = 0;
    (bind(++index, values), ...);
  }
  // True: there is a row. After false or an error the statement has ended.
  Result<bool> next();
  // Ends the statement early.
  void reset();

  // Columns of the current row, from 0. A view is valid until next() or reset(). NULL reads as 0 or empty.
  int64_t integer(int column) const;
  std::string_view text(int column) const;
  std::string_view blob(int column) const;
  bool is_null(int column) const;

 private:
  friend class SqliteDatabase;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };

  void bind(int index, int64_t value);
  void bind(int index, std::string_view text);
  void bind(int index, Blob blob);
  void bind_null(int index);
  template <class Value>
  void bind(int index, const std::optional<Value>& value) {
    value ? bind(index, *value) : bind_null(index);
  }
  Result<void> finish();
  Result<int64_t> finish_with_integer();

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bind_code_ = 0;  // the first failure of start()
};

class SqliteDatabase {
 public:
  SqliteDatabase();
  ~SqliteDatabase();
  SqliteDatabase(SqliteDatabase&&) noexcept;
  SqliteDatabase& operator=(SqliteDatabase&&) noexcept;

  // Opens the file for reading and writing, and makes it if there is none. `vfs` is the name of an SQLite VFS; empty:
  // the system's own. Nothing of the file is read yet. SQLite never checkpoints by itself, but for the last close.
  static Result<SqliteDatabase> open(const std::string& path, const std::string& vfs);
  // Opens a file that is there, for reading only. `unchanging`: nobody writes to it and it has no log, so SQLite takes
  // no locks and makes no files beside it. Else `vfs` as for open(). Closing it leaves the log alone.
  static Result<SqliteDatabase> open_read_only(const std::string& path, const std::string& vfs, bool unchanging);

  // Errors: that this user may only read the file, which SQLite would say at the first change alone.
  Result<void> check_writable() const;

  // Runs statements that give no rows of interest.
  Result<void> run(const char* sql);
  Result<int64_t> integer(const char* sql);
  Result<std::string> text(const char* sql);
  // The statement must be destroyed before the database.
  Result<SqliteStatement> prepare(std::string_view sql);

  // Moves what the write-ahead log holds into the file, as far as no reader holds it back, and waits for none. An
  // emptying checkpoint also cuts the log off when all of it was moved.
  enum class Checkpoint { kPassive, kEmptying };
  struct CheckpointResult {
    int frames_left = 0;   // pages in the log that could not be moved yet, because of readers
    bool emptied = false;  // of an emptying one: nobody reads from the log, and it begins anew; or there is none
    int frames = 0;        // pages in the log, moved or not, as the index tells
  };
  Result<CheckpointResult> checkpoint(Checkpoint kind);
  // The next checkpoint, whoever makes it, moves all of the log again. To be called after a fault: where a reader held
  // the end of the log back, SQLite has not synced what was moved, and the index that all handles share counts it as
  // moved even when the sync that was to come fails. Waits 2 s at most for a program that just moves it. Errors:
  // kStoreUnavailable.
  Result<void> move_all_again();
  // Whether the last call failed for no more than want of space or another program's lock: what is on disk is not in
  // doubt.
  bool fault_is_harmless() const;
  // Pages in the log after this connection's last commit.
  int log_frames() const;
  // Rows that the last INSERT, UPDATE or DELETE changed.
  int64_t changed_rows() const;
  int64_t last_row() const;

  // From now on, closing moves nothing from the log to the file: the handle has met a fault and is not trusted.
  void leave_log_alone();
  explicit operator bool() const { return handle_ != nullptr; }

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };

  static Result<SqliteDatabase> open_named(const std::string& name, int flags, const std::string& vfs,
                                           const std::string& path);

  std::unique_ptr<sqlite3, Close> handle_;
  std::unique_ptr<int> log_frames_;  // at a fixed place: SQLite's hook writes to it
};

// Prepares statements one after the other until one fails: result() says how that went.
class StatementPreparer {
 public:
  explicit StatementPreparer(SqliteDatabase& database) : database_(database) {}

  void operator()(SqliteStatement& statement, std::string_view sql) {
    if (!result_) return;
    result_ = database_.prepare(sql).map([&](SqliteStatement&& made) { statement = std::move(made); });
  }
  const Result<void>& result() const { return result_; }

 private:
  SqliteDatabase& database_;
  Result<void> result_;
};

// Calls `take`, which gives a Result<void>, for each row of a statement that begins with these values. An error of its
// ends the reading.
template <class Take, class... Values>
Result<void> for_each_row(SqliteDatabase& database, std::string_view sql, Take take, const Values&... values) {
  Result<SqliteStatement> statement = database.prepare(sql);
  if (!statement) return tl::unexpected(statement.error());
  statement->start(values...);
  while (true) {
    const Result<bool> row = statement->next();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    if (Result<void> taken = take(*statement); !taken) return taken;
  }
}

// The sentence for SQLite's result code `code` of the file at `path`; `system_error` is the errno behind it, or 0.
std::string sqlite_fault(int code, int system_error, std::string_view path, std::string_view message);

}  // namespace eventmq
