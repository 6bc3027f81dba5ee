#include "src/store/testing/disk_file.h"

#include <algorithm>

namespace eventmq {
namespace {

void put(std::string& file, uint64_t offset, std::string_view bytes) {
  if (file.size() < offset + bytes.size()) file.resize(offset + bytes.size(), '\0');
  file.replace(offset, bytes.size(), bytes);
}

}  // namespace

void DiskFile::sync() {
  for (const Change& change : unsynced_) {
    change.truncates ? on_disk_.resize(change.offset, '\0') : put(on_disk_, change.offset, change.bytes);
  }
  unsynced_.clear();
}

void DiskFile::failed_sync(Prng& prng) {
  on_disk_ = after_power_loss(prng);
  unsynced_.clear();
}

std::string DiskFile::after_power_loss(Prng& prng) const {
  std::string file = on_disk_;
  if (unsynced_.empty()) return file;
  const Kept kept = choose(prng);
  for (size_t i = kept.first; i < kept.end; ++i) {
    const Change& change = unsynced_[i];
    if (!change.truncates) {
      keep_sectors(change, kept, prng, file);
    } else if (prng.chance(kept.percent)) {
      file.resize(change.offset, '\0');
    }
  }
  if (prng.chance(20)) grow(prng, file);
  return file;
}

DiskFile::Kept DiskFile::choose(Prng& prng) const {
  static constexpr uint64_t kSectors[] = {512, 512, 4096, UINT64_MAX};
  Kept kept{0, unsynced_.size(), static_cast<unsigned>(prng.below(5)) * 25, kSectors[prng.below(4)], 0};
  const size_t cut = prng.below(unsynced_.size() + 1);
  switch (prng.below(4)) {
    case 0:  // in order, up to some moment
      kept.end = cut;
      kept.percent = 100;
      break;
    case 1:  // the other way round
      kept.first = cut;
      kept.percent = 100;
      break;
    default:
      break;
  }
  if (prng.chance(30)) kept.torn_percent = 10;
  return kept;
}

void DiskFile::keep_sectors(const Change& change, const Kept& kept, Prng& prng, std::string& file) const {
  const std::string_view bytes = change.bytes;
  for (uint64_t at = 0; at < bytes.size();) {
    const uint64_t rest_of_sector = kept.sector_bytes - (change.offset + at) % kept.sector_bytes;
    const uint64_t size = std::min<uint64_t>(rest_of_sector, bytes.size() - at);
    if (prng.chance(kept.percent)) {
      const bool torn = prng.chance(kept.torn_percent);
      const uint64_t half = torn && prng.chance(50) ? size / 2 : 0;
      put(file, change.offset + at + half, bytes.substr(at + half, torn ? size / 2 : size));
    }
    at += size;
  }
}

// The length reached the disk, the content did not.
void DiskFile::grow(Prng& prng, std::string& file) const {
  uint64_t size = 0;
  for (const Change& change : unsynced_) size = std::max<uint64_t>(size, change.offset + change.bytes.size());
  const bool zeros = prng.chance(50);
  while (file.size() < size) file.push_back(zeros ? '\0' : static_cast<char>(prng.below(256)));
}

}  // namespace eventmq
