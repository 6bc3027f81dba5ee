#include "sim/virtual_store.h"

#include <fmt/format.h>

namespace eventmq::sim {

void VirtualStore::submit(CommitNumber commit, std::vector<JobRecord> records) {
  if (commit != submitted_ + 1)
    world_.violate("commit-order", fmt::format("commit {} follows commit {}", commit, submitted_));
  if (records.empty()) world_.violate("commit-order", fmt::format("commit {} has no records", commit));
  submitted_ = commit;
  pending_.push_back(std::move(records));
  if (!syncing_ && available_) begin_sync();
}

std::vector<JobRecord> VirtualStore::uncommitted() const {
  std::vector<JobRecord> all;
  for (const std::vector<JobRecord>& records : pending_) all.insert(all.end(), records.begin(), records.end());
  return all;
}

void VirtualStore::claim(BacklogClaim claim) {
  claims_.emplace_back(submitted_, std::move(claim));
  if (!syncing_ && available_) begin_sync();
}

void VirtualStore::ask(StoreQuestion question) {
  // For a result nothing is hurried, and nothing drawn: it is answered with the next commit.
  const bool waits = question.result_bytes.has_value();
  questions_.push_back(std::move(question));
  if (!waits && !syncing_ && available_) begin_sync();
}

// Each claim sees the commits before it and no others; a question at least those.
void VirtualStore::answer_claims() {
  if (!questions_.empty() || !claims_.empty()) write_unsynced();
  while (!questions_.empty() && questions_.front().after <= committed_) {
    answers_.push_back(disk_.answer(questions_.front()));
    questions_.pop_front();
  }
  while (!claims_.empty() && claims_.front().first == committed_) {
    claimed_.push_back(disk_.claim(claims_.front().second));
    claims_.pop_front();
  }
}

void VirtualStore::write(std::vector<JobRecord> records) {
  write_unsynced();
  unsynced_ = std::move(records);
  if (!world_.sabotage_now(Sabotage::kForgetSync)) write_unsynced();
}

void VirtualStore::write_unsynced() {
  for (const JobRecord& record : unsynced_) disk_.apply(record);
  unsynced_.clear();
}

void VirtualStore::set_available(bool available) {
  available_ = available;
  if (available && !syncing_) begin_sync();
}

void VirtualStore::begin_sync() {
  syncing_ = true;
  const CommitNumber target = submitted_;
  const bool stalls = world_.prng.chance(2);
  const Duration usual = world_.between(microseconds(20), stalls ? slowest_ * 20 : slowest_);
  later_(std::max(usual, std::exchange(stall_, Duration{})), [this, target] { end_sync(target); });
}

void VirtualStore::end_sync(CommitNumber target) {
  syncing_ = false;
  if (!available_) return;  // it failed, and is done again when the store is back
  world_.coverage.count(Covered::kCommit, target - committed_);
  answer_claims();
  while (committed_ < target) {
    ++committed_;
    write(std::move(pending_.front()));
    pending_.pop_front();
    answer_claims();
  }
  if (submitted_ > committed_ || !claims_.empty() || !questions_.empty()) begin_sync();
  on_commit_();
}

}  // namespace eventmq::sim
