// One file as a disk has it: what was synced, and what was written since, of which a loss of power keeps any part.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/prng.h"

namespace eventmq {

class DiskFile {
 public:
  explicit DiskFile(std::string on_disk = {}) : on_disk_(std::move(on_disk)) {}

  void write(uint64_t offset, std::string_view bytes) { unsynced_.push_back({false, offset, std::string(bytes)}); }
  void truncate(uint64_t size) { unsynced_.push_back({true, size, {}}); }
  void sync();
  // The worst that systems have: some of the unsynced is on disk, the rest never will be unless it is written again,
  // and the next sync succeeds (fsync(2) on Linux; "Can Applications Recover from fsync Failures?", USENIX ATC 2020).
  void failed_sync(Prng& prng);

  // What is there after a loss of power. Of the unsynced changes, and of the sectors of each, the disk kept all, none,
  // the first, the last or any of them, whatever their order was; a sector is 512 bytes, 4096 or a whole write, and
  // now and then has only one half of what was written. Where the file was to grow, it may have its new length without
  // its new content: zeros, or what some other file left there.
  std::string after_power_loss(Prng& prng) const;

 private:
  struct Change {
    bool truncates;
    uint64_t offset;  // or the new size
    std::string bytes;
  };
  // Which part of the unsynced the disk kept.
  struct Kept {
    size_t first, end;  // changes that had a chance
    unsigned percent;   // of their sectors
    uint64_t sector_bytes;
    unsigned torn_percent;
  };

  Kept choose(Prng& prng) const;
  void keep_sectors(const Change& change, const Kept& kept, Prng& prng, std::string& file) const;
  void grow(Prng& prng, std::string& file) const;

  std::string on_disk_;
  std::vector<Change> unsynced_;
};

}  // namespace eventmq
