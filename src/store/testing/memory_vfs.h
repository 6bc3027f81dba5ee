// An SQLite VFS whose files lie in memory, by their names without folders, so that a disk costs microseconds. What is
// done to them can be recorded (disk_recording.h), can fail, and can end at any moment as a killed program's work does.
//
//   MemoryVfs vfs;
//   vfs.set_files(files);            // no file may be open
//   options.file.vfs = vfs.name();   // what it does with the folder itself goes to the real one
//
// It syncs a folder when SQLite's own does: at the first sync of a journal or log that was opened to be made, and at a
// removal that asks for it. The locks of a log's index are there, so that some may read while another one writes, and
// those of the database are not: none but the last connection may end in order. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "src/store/testing/disk_recording.h"

namespace eventmq {

struct MemoryVfsFault {
  enum class Call { kNone, kWrite, kSync, kSyncOfDatabase };
  Call call = Call::kNone;
  uint64_t nth = 1;  // of these calls, from 1; it fails with EIO
};

// Syncs that are not done, though they succeed: the stores of careless programmers.
struct IgnoredSyncs {
  bool database = false;
  bool log = false;
  bool folder = false;
};

class MemoryVfs {
 public:
  MemoryVfs();
  ~MemoryVfs();
  MemoryVfs(const MemoryVfs&) = delete;
  MemoryVfs& operator=(const MemoryVfs&) = delete;

  const std::string& name() const;

  void set_files(const DiskFiles& files);

  // From now on; the recording must outlive the last call.
  void record(DiskRecording& recording);
  void ignore(IgnoredSyncs ignored);
  void fail(MemoryVfsFault fault);
  uint64_t failures() const;
  // What the store has just done to the folder itself, with the system's own calls.
  void sync_folder();
  // Notes in the recording that this commit must not be lost from here on.
  void tell(CommitNumber commit);

  // After so many more operations that are recorded, nothing is done any more and every call fails, until restart().
  void kill_after(uint64_t operations);
  bool killed() const;
  void restart();
  // To be called once every file is closed: from here the recording and the files go on with these.
  void lose_power(const DiskFiles& left);

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace eventmq
