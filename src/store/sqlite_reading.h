// The file of a store for whoever only looks into it, beside a router or without one. Neither the file nor its log is
// written, and no lock that a router asks for is taken.
//
//   Result<SqliteReading> reading = SqliteReading::open(StorePaths(data_dir));
//   use(reading->database());                   // within one transaction
//   if (!reading->still_true()) begin_again();  // somebody wrote who could not know that it is read
//
// SQLite's usual way to read makes a log and its index where there are none and leaves them behind, perhaps as those of
// another user. So what lies beside the file decides:
// - A log and its index: a router runs, or was killed. The usual way, under SQLite's own locks, which hold whatever a
//   router does meanwhile. An index that nobody uses is made anew, which is what it is for; the log stays as it is.
// - A log without its index, as in a copy: without locks, the index in this process's memory.
// - No log: all there is lies in the file; without locks.
// Without locks a router may start meanwhile and write; still_true() tells.
#pragma once

#include <sys/stat.h>

#include <string>

#include "src/base/result.h"
#include "src/store/sqlite_database.h"
#include "src/store/store_folder.h"

namespace eventmq {

class SqliteReading {
 public:
  // The file must be there. Errors: those of SqliteDatabase.
  static Result<SqliteReading> open(const StorePaths& paths);

  SqliteDatabase& database() { return database_; }
  bool still_true() const { return shared_ || Stamps(paths_) == stamps_; }

 private:
  // What changes with every write to a file or its log.
  struct Stamp {
    explicit Stamp(const std::string& path);
    bool operator==(const Stamp&) const = default;

    FileIdentity file;
    int64_t size = 0;
    int64_t changed_ns = 0;
  };
  struct Stamps {
    explicit Stamps(const StorePaths& paths) : database(paths.database), log(paths.log) {}
    bool operator==(const Stamps&) const = default;

    Stamp database, log;
  };

  explicit SqliteReading(const StorePaths& paths) : paths_(paths), stamps_(paths) {}
  Result<void> open_database();

  StorePaths paths_;
  Stamps stamps_;  // from before anything was read
  bool shared_ = false;
  SqliteDatabase database_;
};

}  // namespace eventmq
