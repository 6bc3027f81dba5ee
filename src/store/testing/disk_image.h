// What a disk holds of the files that a program writes: what it has synced, and of the rest whatever pieces the system
// got around to (disk_file.h). The files themselves always show everything, as the page cache does. The names of files
// are taken to be on disk at once.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "src/base/prng.h"
#include "src/store/testing/disk_file.h"

namespace eventmq {

class DiskImage {
 public:
  explicit DiskImage(uint64_t seed) : prng_(seed) {}

  // What the file holds now is on disk, if the image does not know it yet.
  void add_file(const std::string& path);
  void write(const std::string& path, uint64_t offset, std::string_view bytes) { files_[path].write(offset, bytes); }
  void truncate(const std::string& path, uint64_t size) { files_[path].truncate(size); }
  void sync(const std::string& path) { files_[path].sync(); }
  void failed_sync(const std::string& path) { files_[path].failed_sync(prng_); }
  void remove(const std::string& path) { files_.erase(path); }

  // The power goes, and comes back: the files hold from now on what was on the disk. Whoever had them open must have
  // closed them.
  void lose_power();

 private:
  Prng prng_;
  std::map<std::string, DiskFile> files_;
};

}  // namespace eventmq
