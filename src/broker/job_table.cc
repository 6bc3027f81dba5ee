#include "src/broker/job_table.h"

namespace eventmq {

Job& JobTable::add(Job job) {
  Job* slot;
  if (free_.empty()) {
    slot = &slots_.emplace_back(std::move(job));
  } else {
    slot = free_.back();
    free_.pop_back();
    *slot = std::move(job);
  }
  const bool inserted = by_id_.emplace(slot->id.view(), slot).second;
  EMQ_ASSERT(inserted, "job {} twice", slot->id.view());
  count(*slot, slot->memory_bytes());
  return *slot;
}

void JobTable::count(const Job& job, size_t bytes) {
  memory_bytes_ += bytes;
  if (job.headers.guarantee) guaranteed_bytes_ += bytes;
}

void JobTable::discount(const Job& job, size_t bytes) {
  EMQ_ASSERT(memory_bytes_ >= bytes && (!job.headers.guarantee || guaranteed_bytes_ >= bytes));
  memory_bytes_ -= bytes;
  if (job.headers.guarantee) guaranteed_bytes_ -= bytes;
}

void JobTable::make_guaranteed(Job& job) {
  discount(job, job.memory_bytes());
  job.headers.guarantee = true;
  count(job, job.memory_bytes());
}

void JobTable::change_history(Job& job, Bytes history) {
  discount(job, job.history.size());
  job.history = std::move(history);
  count(job, job.history.size());
}

void JobTable::release(Job& job) {
  EMQ_ASSERT(!job.link.linked && !job.handed_back && job.timer_index == Job::kNoTimer);
  discount(job, job.memory_bytes());
  by_id_.erase(job.id.view());
  job = Job();
  free_.push_back(&job);
}

// What is kept for long is copied: a frame may share its memory with the whole message that it came in.
void JobTable::change_client(Job& job, Side side, const Bytes& client) {
  job.client_side = side;
  if (job.client == client) return;
  discount(job, job.memory_bytes());
  job.client = Bytes(client.view());
  count(job, job.memory_bytes());
}

void JobTable::add_follower(Job& job, const Follower& follower) {
  job.followers.push_back({{follower.side, Bytes(follower.peer.view()), Bytes(follower.request_id.view())},
                           follower.wants_reply,
                           follower.result_ttl});
  count(job, job.followers.back().memory_bytes());
}

void JobTable::change_follower(Job& job, ReplyRoute& follower, const ReplyRoute& route) {
  discount(job, follower.memory_bytes());
  follower.side = route.side;
  follower.peer = Bytes(route.peer.view());
  count(job, follower.memory_bytes());
}

Job* JobTable::find(std::string_view id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

}  // namespace eventmq
