#include "src/store/sqlite_reading.h"

namespace eventmq {
namespace {

constexpr const char* kWithoutLocks = "unix-none";  // a VFS of SQLite
constexpr const char* kSettings =
    "PRAGMA mmap_size = 0;"  // an I/O error is an error, not a signal
    "PRAGMA query_only = ON;"
    "PRAGMA cell_size_check = ON;"
    "PRAGMA trusted_schema = OFF;";

}  // namespace

SqliteReading::Stamp::Stamp(const std::string& path) : file(FileIdentity::of(path)) {
  struct stat found;
  if (::stat(path.c_str(), &found) != 0) return;
  size = found.st_size;
  changed_ns = int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec;
}

Result<SqliteReading> SqliteReading::open(const StorePaths& paths) {
  SqliteReading reading(paths);
  return reading.open_database().map([&] { return std::move(reading); });
}

Result<void> SqliteReading::open_database() {
  const bool has_log = static_cast<bool>(stamps_.log.file);
  const bool has_index = static_cast<bool>(FileIdentity::of(paths_.index));
  shared_ = has_log && has_index;
  const bool needs_log = shared_ || stamps_.log.size > 0;
  return SqliteDatabase::open_read_only(paths_.database, shared_ ? "" : kWithoutLocks, !needs_log)
      .and_then([&](SqliteDatabase&& opened) -> Result<void> {
        database_ = std::move(opened);
        // Keeps the index of the log in memory.
        if (!shared_ && needs_log) return database_.run("PRAGMA locking_mode = EXCLUSIVE");
        return {};
      })
      .and_then([&] { return database_.run(kSettings); });
}

}  // namespace eventmq
