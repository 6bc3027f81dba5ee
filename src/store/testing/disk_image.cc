#include "src/store/testing/disk_image.h"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace eventmq {
namespace {

constexpr uint64_t kSectorBytes = 512;  // written whole or not at all

}  // namespace

void DiskImage::add_file(const std::string& path) {
  if (files_.contains(path)) return;
  std::ifstream file(path, std::ios::binary);
  files_[path].on_disk = std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

void DiskImage::write(const std::string& path, uint64_t offset, std::string_view bytes) {
  files_[path].unsynced.push_back({false, offset, std::string(bytes)});
}

void DiskImage::truncate(const std::string& path, uint64_t size) { files_[path].unsynced.push_back({true, size, {}}); }

void DiskImage::sync(const std::string& path) {
  File& file = files_[path];
  for (const Change& change : file.unsynced) apply(file, change);
  file.unsynced.clear();
}

void DiskImage::failed_sync(const std::string& path) { apply_parts(files_[path]); }

void DiskImage::lose_power() {
  for (auto& [path, file] : files_) {
    apply_parts(file);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << file.on_disk;
  }
}

void DiskImage::apply(File& file, const Change& change) const {
  if (change.truncates) {
    file.on_disk.resize(change.offset, '\0');
    return;
  }
  file.on_disk.resize(std::max<uint64_t>(file.on_disk.size(), change.offset + change.bytes.size()), '\0');
  file.on_disk.replace(change.offset, change.bytes.size(), change.bytes);
}

// Of the unsynced changes all, none or some, and of a write only some sectors, reach the disk.
void DiskImage::apply_parts(File& file) {
  const unsigned percent = static_cast<unsigned>(prng_.below(5)) * 25;
  for (const Change& change : file.unsynced) {
    if (change.truncates) {
      if (prng_.chance(percent)) apply(file, change);
      continue;
    }
    for (uint64_t at = 0; at < change.bytes.size();) {
      const uint64_t rest_of_sector = kSectorBytes - (change.offset + at) % kSectorBytes;
      const uint64_t size = std::min<uint64_t>(rest_of_sector, change.bytes.size() - at);
      if (prng_.chance(percent)) apply(file, {false, change.offset + at, change.bytes.substr(at, size)});
      at += size;
    }
  }
  file.unsynced.clear();
}

}  // namespace eventmq
