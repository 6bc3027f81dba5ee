// The files of a store on disk: where they lie, that nobody has put others in their place, and what must be done to a
// log before it can be trusted.
#pragma once

#include <sys/types.h>

#include <string>

#include "src/base/result.h"

namespace eventmq {

// Which file a path leads to. All zero: there is none.
struct FileIdentity {
  dev_t device = 0;
  ino_t number = 0;

  static FileIdentity of(const std::string& path);
  bool operator==(const FileIdentity&) const = default;
  explicit operator bool() const { return number != 0; }
};

// A file that is not there yet is made, empty, for its owner's eyes only: the system's default would let others read
// the jobs. SQLite gives its other files the same rights. What stands in the way is told by whoever opens the file.
// True if it was made.
bool make_private(const std::string& path);

struct StorePaths {
  explicit StorePaths(const std::string& data_dir)
      : folder(data_dir),
        database(folder + "/eventmq.db"),
        log(database + "-wal"),
        index(database + "-shm"),
        lock(folder + "/eventmq.lock") {}

  std::string folder;    // the setting data_dir
  std::string database;  // everything that is kept
  std::string log;       // SQLite's write-ahead log: the newest part of it
  std::string index;     // of the log; SQLite makes it anew when nobody has the database open
  std::string lock;      // held by the router that uses them
};

// Makes the folder, and those above it, for this user only. Errors: kSystem, kBadValue.
Result<void> make_folder(const std::string& folder);
// Makes the names of new files in it durable. Errors: kSystem.
Result<void> sync_folder(const std::string& folder);
// That the database is a plain file, or absent. A symbolic link is refused: the lock lies in the folder, so two folders
// that lead to one file would let two routers in. So is no database, or an empty one, beside a log that is not empty:
// somebody took it away, and SQLite would throw the log away too. Errors: kBadValue, kSystem.
Result<void> check_files(const StorePaths& paths);

// Whether the path leads to something that is not empty.
bool holds_something(const std::string& path);
// Whether an earlier life may have left something there: the database or its log is there and not empty. A router that
// finds no space may have made an empty one.
bool store_was_there(const StorePaths& paths);

// Writes the log over itself and syncs it; a log that does not exist is left alone. False: that, or it is empty. `vfs`
// as for SqliteDatabase.
//
// Linux forgets a page whose write-back failed: fsync says so once, and from then on the page is read from memory as if
// it were on disk. A log that SQLite reads after that, in this process or the next, may hold a commit that a loss of
// power takes back, and moving it to the database then leaves half of it there. Once it is written and synced anew,
// what is read is what is on disk. Call it while no connection of this process has the file open. Sources: fsync(2),
// "Can Applications Recover from fsync Failures?" (USENIX ATC 2020). Errors: kStoreUnavailable.
Result<bool> rewrite_log(const std::string& log, const std::string& vfs);

// Tries to write a small file into the folder, or where it would be made, and to sync it: whether that fails for a
// reason that passes by itself or by a hand at the disk, which is full, read-only or faulty.
bool disk_fails(const std::string& folder);

}  // namespace eventmq
