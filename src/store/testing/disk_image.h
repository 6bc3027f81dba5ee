// What a disk holds of the files that a program writes: what it has synced, and of the rest whatever pieces the system
// got around to. The files themselves always show everything, as the page cache does.
//
// A failed sync is the worst kind that systems have: some of what was written since the last one is on the disk, the
// rest never will be unless it is written again, and the next sync succeeds (fsync(2) on Linux; "Can Applications
// Recover from fsync Failures?", USENIX ATC 2020). The names of files are taken to be on disk at once.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/prng.h"

namespace eventmq {

class DiskImage {
 public:
  explicit DiskImage(uint64_t seed) : prng_(seed) {}

  // What the file holds now is on disk, if the image does not know it yet.
  void add_file(const std::string& path);
  void write(const std::string& path, uint64_t offset, std::string_view bytes);
  void truncate(const std::string& path, uint64_t size);
  void sync(const std::string& path);
  void failed_sync(const std::string& path);
  void remove(const std::string& path) { files_.erase(path); }

  // The power goes, and comes back: the files hold from now on what was on the disk. Whoever had them open must have
  // closed them.
  void lose_power();

 private:
  struct Change {
    bool truncates;
    uint64_t offset;  // or the new size
    std::string bytes;
  };
  struct File {
    std::string on_disk;
    std::vector<Change> unsynced;
  };

  void apply(File& file, const Change& change) const;
  void apply_parts(File& file);

  Prng prng_;
  std::map<std::string, File> files_;
};

}  // namespace eventmq
