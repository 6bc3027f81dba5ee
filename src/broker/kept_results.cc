#include "src/broker/kept_results.h"

namespace eventmq {

void KeptResults::set_limits(uint64_t results, uint64_t bytes) {
  results_max_ = results;
  bytes_max_ = bytes;
  make_room();
}

uint64_t KeptResults::keep(ResultKept result) {
  forget(result.id.view());
  forget_over(result.ended_at);
  if (cost(result) > bytes_max_) return 1;
  const uint64_t number = next_number_++;
  const ResultKept& kept = results_.emplace_hint(results_.end(), number, std::move(result))->second;
  by_id_.emplace(kept.id.view(), number);
  by_time_.emplace(kept.until, number);
  bytes_ += cost(kept);
  return make_room();
}

bool KeptResults::forget(std::string_view id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return false;
  remove(found->second);
  return true;
}

const ResultKept* KeptResults::find(std::string_view id, Instant now) const {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return nullptr;
  const ResultKept& result = results_.at(found->second);
  return result.until > now ? &result : nullptr;
}

// What it keeps alive: the blocks that its slices are in, and its places in the indexes.
uint64_t KeptResults::cost(const ResultKept& result) {
  constexpr uint64_t kIndexes = 3 * 64;
  return sizeof(ResultKept) + kIndexes + result.id.held_size() + result.queue.size() + result.name.held_size() +
         result.history.held_size() + result.value.held_size();
}

void KeptResults::remove(uint64_t number) {
  const auto found = results_.find(number);
  bytes_ -= cost(found->second);
  by_time_.erase({found->second.until, number});
  by_id_.erase(found->second.id.view());
  results_.erase(found);
}

void KeptResults::forget_over(Instant now) {
  while (!by_time_.empty() && by_time_.begin()->first <= now) remove(by_time_.begin()->second);
}

uint64_t KeptResults::make_room() {
  uint64_t dropped = 0;
  while (results_.size() > results_max_ || bytes_ > bytes_max_) {
    remove(results_.begin()->first);
    ++dropped;
  }
  return dropped;
}

}  // namespace eventmq
