#include "src/store/sqlite_database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cerrno>
#include <cstring>

#include "src/base/assert.h"

namespace eventmq {
namespace {

constexpr int kBusyMilliseconds = 2'000;  // how long to wait for another program that writes to the file

// Of the index of the log (https://sqlite.org/walformat.html): its first part, where in it the number of pages is that
// were moved, and the lock of whoever moves some.
constexpr int kIndexBytes = 32'768;
constexpr size_t kMovedAt = 96;
constexpr int kMovingLock = 1;

tl::unexpected<Error> fault_of(sqlite3* handle, int code) {
  const char* path = handle ? sqlite3_db_filename(handle, "main") : "";
  return fail(ErrorCode::kStoreUnavailable, sqlite_fault(code, handle ? sqlite3_system_errno(handle) : 0,
                                                         path ? path : "", handle ? sqlite3_errmsg(handle) : ""));
}

std::string uri_of(const std::string& path) {
  std::string uri = path.starts_with('/') ? "file://" : "file:";
  for (const char c : path) uri += c == '%' || c == '?' || c == '#' ? fmt::format("%{:02X}", c) : std::string(1, c);
  return uri;
}

int note_log_frames(void* frames, sqlite3*, const char*, int count) {
  *static_cast<int*>(frames) = count;
  return SQLITE_OK;
}

// Waits for whoever moves some just now, as SQLite does for other locks.
int lock_moving(sqlite3_file* file) {
  for (int waited = 0;; ++waited) {
    const int code = file->pMethods->xShmLock(file, kMovingLock, 1, SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE);
    if (code != SQLITE_BUSY || waited >= kBusyMilliseconds) return code;
    sqlite3_sleep(1);
  }
}

}  // namespace

std::string sqlite_fault(int code, int system_error, std::string_view path, std::string_view message) {
  const std::string cause = system_error == 0 ? std::string(message) : std::string(std::strerror(system_error));
  const bool no_space = system_error == ENOSPC || system_error == EDQUOT;
  switch (no_space && (code & 0xff) == SQLITE_IOERR ? SQLITE_FULL : code & 0xff) {
    case SQLITE_FULL:
      return fmt::format("no space is left for {}: free some on its disk", path);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return fmt::format("{} cannot be written ({}): make it and its folder writable for this user", path, message);
    case SQLITE_CANTOPEN:
      return fmt::format("{} cannot be opened ({}): check that its folder is there and this user may write to both",
                         path, cause);
    case SQLITE_IOERR:
      return fmt::format("{} cannot be read or written ({}, SQLite code {}): check its disk", path, cause, code);
    case SQLITE_NOTADB:
      return fmt::format("{} is not a file of EventMQ: move it away, or set another data_dir", path);
    case SQLITE_CORRUPT:
      return fmt::format(
          "{} is damaged ({}): put a copy in its place, or move it and its log away and restart "
          "the router to begin with an empty one",
          path, message);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return fmt::format("{} is locked by another program: end whatever writes to it", path);
    default:
      return fmt::format("{} cannot be used: {} (SQLite code {})", path, message, code);
  }
}

// --- SqliteStatement ---

void SqliteStatement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

void SqliteStatement::bind(int index, int64_t value) {
  const int code = sqlite3_bind_int64(statement_.get(), index, value);
  if (bind_code_ == SQLITE_OK) bind_code_ = code;
}

// SQLite takes a null pointer for NULL, so empty text and blobs point somewhere.
void SqliteStatement::bind(int index, std::string_view text) {
  const char* data = text.empty() ? "" : text.data();
  const int code = sqlite3_bind_text64(statement_.get(), index, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
  if (bind_code_ == SQLITE_OK) bind_code_ = code;
}

void SqliteStatement::bind(int index, Blob blob) {
  const char* data = blob.bytes.empty() ? "" : blob.bytes.data();
  const int code = sqlite3_bind_blob64(statement_.get(), index, data, blob.bytes.size(), SQLITE_STATIC);
  if (bind_code_ == SQLITE_OK) bind_code_ = code;
}

void SqliteStatement::bind_null(int index) {
  const int code = sqlite3_bind_null(statement_.get(), index);
  if (bind_code_ == SQLITE_OK) bind_code_ = code;
}

Result<bool> SqliteStatement::next() {
  const int code = bind_code_ == SQLITE_OK ? sqlite3_step(statement_.get()) : bind_code_;
  if (code == SQLITE_ROW) return true;
  sqlite3* handle = sqlite3_db_handle(statement_.get());
  Result<bool> ended = false;
  if (code != SQLITE_DONE) ended = fault_of(handle, sqlite3_extended_errcode(handle));
  reset();
  return ended;
}

void SqliteStatement::reset() {
  EMQ_ASSERT(statement_ != nullptr);
  sqlite3_reset(statement_.get());
  bind_code_ = SQLITE_OK;
}

Result<void> SqliteStatement::finish() {
  Result<bool> row = next();
  while (row && *row) row = next();
  if (!row) return tl::unexpected(row.error());
  return {};
}

Result<int64_t> SqliteStatement::finish_with_integer() {
  const Result<bool> row = next();
  if (!row) return tl::unexpected(row.error());
  if (!*row) {
    const char* path = sqlite3_db_filename(sqlite3_db_handle(statement_.get()), "main");
    return fail(ErrorCode::kStoreUnavailable, sqlite_fault(SQLITE_CORRUPT, 0, path ? path : "", "a row is missing"));
  }
  const int64_t value = integer(0);
  return finish().map([&] { return value; });
}

int64_t SqliteStatement::integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }

std::string_view SqliteStatement::text(int column) const {
  const unsigned char* data = sqlite3_column_text(statement_.get(), column);
  return {reinterpret_cast<const char*>(data), static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

std::string_view SqliteStatement::blob(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  return {static_cast<const char*>(data), static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

bool SqliteStatement::is_null(int column) const { return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL; }

// --- SqliteDatabase ---

SqliteDatabase::SqliteDatabase() = default;
SqliteDatabase::~SqliteDatabase() = default;
SqliteDatabase::SqliteDatabase(SqliteDatabase&&) noexcept = default;
SqliteDatabase& SqliteDatabase::operator=(SqliteDatabase&&) noexcept = default;

void SqliteDatabase::Close::operator()(sqlite3* handle) const {
  const int code = sqlite3_close(handle);
  EMQ_ASSERT(code == SQLITE_OK, "closing a database: {}", sqlite3_errstr(code));
}

Result<SqliteDatabase> SqliteDatabase::open(const std::string& path, const std::string& vfs) {
  return open_named(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs, path);
}

Result<SqliteDatabase> SqliteDatabase::open_read_only(const std::string& path, const std::string& vfs,
                                                      bool unchanging) {
  Result<SqliteDatabase> opened =
      unchanging ? open_named(uri_of(path) + "?immutable=1", SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, vfs, path)
                 : open_named(path, SQLITE_OPEN_READONLY, vfs, path);
  if (opened) opened->leave_log_alone();
  return opened;
}

// `name` is what SQLite is given for the file at `path`.
Result<SqliteDatabase> SqliteDatabase::open_named(const std::string& name, int flags, const std::string& vfs,
                                                  const std::string& path) {
  SqliteDatabase database;
  sqlite3* handle = nullptr;
  flags |= SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(name.c_str(), &handle, flags, vfs.empty() ? nullptr : vfs.c_str());
  database.handle_.reset(handle);  // to be closed even if it is not open
  if (code != SQLITE_OK) {
    const int system_error = handle ? sqlite3_system_errno(handle) : 0;
    return fail(ErrorCode::kStoreUnavailable, sqlite_fault(code, system_error, path, sqlite3_errstr(code)));
  }
  database.log_frames_ = std::make_unique<int>(0);
  sqlite3_busy_timeout(handle, kBusyMilliseconds);
  // In the place of SQLite's own hook, which would move the log at every thousandth page and keep its errors to itself.
  sqlite3_wal_hook(handle, note_log_frames, database.log_frames_.get());
  return database;
}

Result<void> SqliteDatabase::check_writable() const {
  if (sqlite3_db_readonly(handle_.get(), "main") != 1) return {};
  return fail(ErrorCode::kStoreUnavailable, sqlite_fault(SQLITE_READONLY, 0, sqlite3_db_filename(handle_.get(), "main"),
                                                         sqlite3_errstr(SQLITE_READONLY)));
}

Result<void> SqliteDatabase::run(const char* sql) {
  const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return fault_of(handle_.get(), code);
  return {};
}

Result<int64_t> SqliteDatabase::integer(const char* sql) {
  return prepare(sql).and_then([](SqliteStatement&& statement) { return statement.run_for_integer(); });
}

Result<std::string> SqliteDatabase::text(const char* sql) {
  Result<SqliteStatement> statement = prepare(sql);
  if (!statement) return tl::unexpected(statement.error());
  statement->start();
  const Result<bool> row = statement->next();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return std::string();
  std::string text(statement->text(0));
  // To its end: a pragma that writes commits after its row.
  return statement->finish().map([&] { return text; });
}

Result<SqliteStatement> SqliteDatabase::prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (code != SQLITE_OK) return fault_of(handle_.get(), code);
  SqliteStatement statement;
  statement.statement_.reset(raw);
  return statement;
}

Result<SqliteDatabase::CheckpointResult> SqliteDatabase::checkpoint(Checkpoint kind) {
  const int mode = kind == Checkpoint::kPassive ? SQLITE_CHECKPOINT_PASSIVE : SQLITE_CHECKPOINT_TRUNCATE;
  int frames = 0;
  int moved = 0;
  sqlite3_busy_timeout(handle_.get(), 0);
  const int code = sqlite3_wal_checkpoint_v2(handle_.get(), "main", mode, &frames, &moved);
  sqlite3_busy_timeout(handle_.get(), kBusyMilliseconds);
  // Busy: a reader, or a passive checkpoint that met another one, which does the same work.
  if (code != SQLITE_OK && code != SQLITE_BUSY) return fault_of(handle_.get(), code);
  const bool emptied = kind == Checkpoint::kEmptying && (code == SQLITE_OK || frames == 0);
  if (frames < 0 && code == SQLITE_OK) return CheckpointResult{1, emptied, 0};  // there can be no log
  if (frames < 0) return CheckpointResult{1, emptied, 1};                       // it did not come to look
  return CheckpointResult{frames > moved ? frames - moved : 0, emptied, frames};
}

Result<void> SqliteDatabase::move_all_again() {
  sqlite3_file* file = nullptr;
  void volatile* index = nullptr;
  int code = sqlite3_file_control(handle_.get(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (code == SQLITE_OK) code = file->pMethods->xShmMap(file, 0, kIndexBytes, 0, &index);
  if (code == SQLITE_OK && !index) return {};  // nothing is in it yet
  if (code == SQLITE_OK) code = lock_moving(file);
  if (code != SQLITE_OK) {
    const char* path = sqlite3_db_filename(handle_.get(), "main");
    return fail(ErrorCode::kStoreUnavailable, sqlite_fault(code, 0, path, sqlite3_errstr(code)));
  }
  auto* moved = reinterpret_cast<uint32_t volatile*>(static_cast<char volatile*>(index) + kMovedAt);
  __atomic_store_n(moved, 0, __ATOMIC_SEQ_CST);
  file->pMethods->xShmLock(file, kMovingLock, 1, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
  return {};
}

// A sync that fails for want of space is SQLITE_IOERR.
bool SqliteDatabase::fault_is_harmless() const {
  const int code = sqlite3_errcode(handle_.get()) & 0xff;
  return code == SQLITE_FULL || code == SQLITE_BUSY || code == SQLITE_LOCKED;
}

int SqliteDatabase::log_frames() const { return *log_frames_; }
int64_t SqliteDatabase::changed_rows() const { return sqlite3_changes64(handle_.get()); }
int64_t SqliteDatabase::last_row() const { return sqlite3_last_insert_rowid(handle_.get()); }

void SqliteDatabase::leave_log_alone() {
  sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

}  // namespace eventmq
