// An SQLite VFS whose calls fail on request, over the system's own:
//
//   FaultVfs vfs;
//   options.file.vfs = vfs.name();
//   vfs.fail({.kind = VfsFault::Kind::kNoSpace, .calls = VfsFault::kWrite, .nth = 3});
//
// The third write from then on fails as a full disk makes it fail, and vfs.failures() tells that it did. Nothing is
// really synced, for speed; disk() knows what a loss of power would leave. Thread-safe. Every file must be closed
// before it goes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace eventmq {

struct VfsFault {
  enum class Kind {
    kIoError,     // any call: EIO
    kNoSpace,     // a call that needs space: ENOSPC
    kShortWrite,  // a write: half of it is done
  };
  enum Call : unsigned {
    kOpen = 1,
    kRead = 2,
    kWrite = 4,
    kTruncate = 8,
    kSync = 16,
    kSize = 32,
    kLock = 64,
    kMap = 128,  // of the shared memory beside the log
    kDelete = 256,
    kAccess = 512,
    kAll = 1023,
  };

  Kind kind = Kind::kIoError;
  unsigned calls = kAll;  // those that are counted, and fail
  uint64_t nth = 1;       // of them, from 1
  bool for_good = false;  // and all after it, until mend()
  // Done before the n-th call, which then does not fail.
  std::function<void()> instead;
  // After the first failure so many more calls of any kind are made, and then the power goes.
  uint64_t calls_before_power_cut = UINT64_MAX;
};

class DiskImage;

class FaultVfs {
 public:
  explicit FaultVfs(uint64_t seed = 1);
  ~FaultVfs();
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;

  const std::string& name() const;

  // Counts from now on, and forgets an earlier fault.
  void fail(VfsFault fault);
  void mend();
  // Since fail(): calls that could have failed, and those that did.
  uint64_t calls() const;
  uint64_t failures() const;

  // From now on syncs are not done, though they succeed: the store of a careless programmer.
  void ignore_syncs();
  // From now on every call fails and nothing reaches the disk.
  void cut_power();
  // Once every file is closed: they hold what DiskImage::lose_power() says, and calls succeed again.
  void restore_power();

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace eventmq
