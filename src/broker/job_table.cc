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
  memory_bytes_ += slot->memory_bytes();
  return *slot;
}

void JobTable::release(Job& job) {
  EMQ_ASSERT(!job.link.linked && !job.handed_back && job.timer_index == Job::kNoTimer);
  const size_t bytes = job.memory_bytes();
  EMQ_ASSERT(memory_bytes_ >= bytes);
  memory_bytes_ -= bytes;
  by_id_.erase(job.id.view());
  job = Job();
  free_.push_back(&job);
}

void JobTable::change_client(Job& job, const Bytes& client) {
  memory_bytes_ -= job.memory_bytes();
  job.client = client;
  memory_bytes_ += job.memory_bytes();
}

Job* JobTable::find(std::string_view id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

}  // namespace eventmq
