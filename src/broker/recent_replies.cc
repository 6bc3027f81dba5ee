#include "src/broker/recent_replies.h"

#include "src/wire/limits.h"

namespace eventmq {

void RecentReplies::remember(std::string_view id, Outcome outcome, const Bytes& payload, Instant ended_at) {
  Entry entry{Bytes(id), outcome, payload, ended_at};  // the id is copied: its block may hold a whole request
  if (cost(entry) > limits::kRecentReplyBytes) return;
  bytes_ += cost(entry);
  by_id_.erase(id);
  const Entry& kept = entries_.emplace_back(std::move(entry));
  by_id_.emplace(kept.id.view(), &kept);
  while (entries_.size() > limits::kRecentReplies || bytes_ > limits::kRecentReplyBytes) forget_oldest();
}

void RecentReplies::forget_before(Instant oldest) {
  while (!entries_.empty() && entries_.front().ended_at < oldest) forget_oldest();
}

const RecentReplies::Entry* RecentReplies::find(std::string_view id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

// What the entry keeps alive: the blocks its slices are in.
uint64_t RecentReplies::cost(const Entry& entry) {
  return sizeof(Entry) + entry.id.held_size() + entry.payload.held_size();
}

void RecentReplies::forget_oldest() {
  const Entry& oldest = entries_.front();
  bytes_ -= cost(oldest);
  const auto found = by_id_.find(oldest.id.view());
  if (found != by_id_.end() && found->second == &oldest) by_id_.erase(found);
  entries_.pop_front();
}

}  // namespace eventmq
