// A lock that one process at a time holds: flock(2) on a file of its own, so that it ends with the process however that
// ends, and so that the file it guards can be read by others.
#pragma once

#include <string>

#include "src/base/result.h"

namespace eventmq {

class FileLock {
 public:
  // Takes the lock at `path`, making the file if there is none, and notes this process's id in it. The file is never
  // removed: whoever waited for a removed file would lock nothing. `guarded` is what the error names.
  // Errors: kStoreUnavailable when another holds it; kSystem when the file cannot be made or locked.
  static Result<FileLock> take(const std::string& path, const std::string& guarded);

  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
};

}  // namespace eventmq
