#include "src/store/testing/disk_recording.h"

namespace eventmq {

CommitNumber DiskRecording::told_after(size_t operations) const {
  CommitNumber last = 0;
  for (const Told& told : told_) {
    if (told.operations > operations) break;
    last = told.commit;
  }
  return last;
}

bool DiskReplay::step() {
  using Kind = DiskOperation::Kind;
  if (done_ == recording_.operations().size()) return false;
  const DiskOperation& operation = recording_.operations()[done_++];
  DiskFile& file = files_[operation.file];
  switch (operation.kind) {
    case Kind::kCreate:
      unsynced_names_.push_back({operation.text, operation.file});
      break;
    case Kind::kWrite:
      file.write(operation.offset, operation.text);
      break;
    case Kind::kTruncate:
      file.truncate(operation.offset);
      break;
    case Kind::kSync:
      file.sync();
      break;
    case Kind::kFailedSync:
      file.failed_sync(prng_);
      break;
    case Kind::kRemove:
      unsynced_names_.push_back({operation.text, 0});
      break;
    case Kind::kPowerLoss:
      start_with(operation.files, operation.file);
      break;
  }
  if (operation.folder_synced) sync_folder();
  return true;
}

void DiskReplay::apply(Names& names, const NameChange& change) {
  change.file == 0 ? void(names.erase(change.name)) : void(names[change.name] = change.file);
}

void DiskReplay::sync_folder() {
  for (const NameChange& change : unsynced_names_) apply(names_on_disk_, change);
  unsynced_names_.clear();
}

void DiskReplay::start_with(const DiskFiles& files, uint64_t first_number) {
  files_.clear();
  names_on_disk_.clear();
  unsynced_names_.clear();
  uint64_t number = first_number;
  for (const auto& [name, content] : files) {
    names_on_disk_[name] = number;
    files_[number++] = DiskFile(content);
  }
}

DiskFiles DiskReplay::lose_power(Prng& prng) const {
  Names names = names_on_disk_;
  const unsigned percent = static_cast<unsigned>(prng.below(3)) * 50;
  for (const NameChange& change : unsynced_names_) {
    if (prng.chance(percent)) apply(names, change);
  }
  DiskFiles left;
  for (const auto& [name, file] : names) left[name] = files_.at(file).after_power_loss(prng);
  return left;
}

}  // namespace eventmq
