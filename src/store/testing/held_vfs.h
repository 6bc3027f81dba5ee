// An SQLite VFS over the system's own that holds what is written in this process until it is synced. So a kill takes
// from the disk what a loss of power may take: all that was not synced.
//
//   HeldVfs vfs;
//   options.file.vfs = vfs.name();
//
// The names of files are as the system has them, and so is the shared memory beside the log. Thread-safe. Every file
// must be closed before it goes.
#pragma once

#include <memory>
#include <string>

namespace eventmq {

class HeldVfs {
 public:
  HeldVfs();
  ~HeldVfs();
  HeldVfs(const HeldVfs&) = delete;
  HeldVfs& operator=(const HeldVfs&) = delete;

  const std::string& name() const;
  // From now on syncs are not done, though they succeed: the store of a careless programmer.
  void ignore_syncs();

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace eventmq
