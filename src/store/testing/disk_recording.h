// Everything that a program did to the files of one folder, in order, and the disks that a loss of power after any part
// of it may leave.
//
//   DiskReplay replay(recording, seed);
//   do {
//     DiskFiles files = replay.lose_power(prng);  // one of the disks there may be at this point
//   } while (replay.step());
//
// A file's name is on disk once its folder was synced; until then its creation or removal may be undone, also by
// itself, while others are kept. Nothing is ever renamed here: neither SQLite nor the store does that.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "src/base/prng.h"
#include "src/store/testing/disk_file.h"
#include "src/wire/job_record.h"

namespace eventmq {

using DiskFiles = std::map<std::string, std::string>;  // contents by name

struct DiskOperation {
  enum class Kind {
    kCreate,  // `text` is the name
    kWrite,   // `text` is what was written, at `offset`
    kTruncate,
    kSync,  // of file 0: of the folder alone
    kFailedSync,
    kRemove,     // the name `text`
    kPowerLoss,  // the program went on with `files`, which have the numbers from `file` on
  };
  Kind kind;
  uint64_t file = 0;  // its number; a name that is made anew is another file
  uint64_t offset = 0;
  std::string text;
  bool folder_synced = false;  // with it
  DiskFiles files;
};

class DiskRecording {
 public:
  void add(DiskOperation operation) { operations_.push_back(std::move(operation)); }
  // From here on this commit must not be lost.
  void tell(CommitNumber commit) { told_.push_back({operations_.size(), commit}); }

  const std::vector<DiskOperation>& operations() const { return operations_; }
  // The last commit told when so many operations were done.
  CommitNumber told_after(size_t operations) const;

 private:
  struct Told {
    size_t operations;
    CommitNumber commit;
  };
  std::vector<DiskOperation> operations_;
  std::vector<Told> told_;  // rising
};

class DiskReplay {
 public:
  // The seed decides what failed syncs leave.
  DiskReplay(const DiskRecording& recording, uint64_t seed) : recording_(recording), prng_(seed) {}

  // False: all was done before.
  bool step();
  size_t operations_done() const { return done_; }
  DiskFiles lose_power(Prng& prng) const;

 private:
  struct NameChange {
    std::string name;
    uint64_t file;  // 0: removed
  };
  using Names = std::map<std::string, uint64_t>;

  static void apply(Names& names, const NameChange& change);
  void sync_folder();
  void start_with(const DiskFiles& files, uint64_t first_number);

  const DiskRecording& recording_;
  Prng prng_;
  size_t done_ = 0;
  std::map<uint64_t, DiskFile> files_;
  Names names_on_disk_;
  std::vector<NameChange> unsynced_names_;
};

}  // namespace eventmq
