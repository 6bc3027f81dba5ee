#include "src/broker/queue.h"

#include <algorithm>

namespace eventmq {

QueueCounters& QueueCounters::operator+=(const QueueCounters& other) {
  accepted += other.accepted;
  done += other.done;
  dead += other.dead;
  expired += other.expired;
  cancelled += other.cancelled;
  waiting += other.waiting;
  delayed += other.delayed;
  running += other.running;
  backlog_waiting += other.backlog_waiting;
  backlog_delayed += other.backlog_delayed;
  retries += other.retries;
  attempts_lost += other.attempts_lost;
  refused += other.refused;
  latency_ms_last = std::max(latency_ms_last, other.latency_ms_last);
  latency_ms_max = std::max(latency_ms_max, other.latency_ms_max);
  return *this;
}

void Queue::push(Job& job) { waiting_[job.headers.priority].push_back(job); }

void Queue::push_handed_back(Job& job) {
  job.handed_back = true;
  const bool inserted = handed_back_.insert(&job).second;
  EMQ_ASSERT(inserted, "job {}", job.id.view());
}

void Queue::remove(Job& job) {
  if (job.handed_back) {
    const size_t erased = handed_back_.erase(&job);
    EMQ_ASSERT(erased == 1, "job {}", job.id.view());
    job.handed_back = false;
  } else {
    waiting_[job.headers.priority].remove(job);
  }
}

// The set is ordered by priority first, so a key of this priority and sequence 0 finds its oldest.
Job* Queue::handed_back_head(size_t priority) const {
  if (handed_back_.empty()) return nullptr;
  Job key;
  key.headers.priority = static_cast<uint8_t>(priority);
  const auto found = handed_back_.lower_bound(&key);
  return found != handed_back_.end() && (*found)->headers.priority == priority ? *found : nullptr;
}

// A job that was given out is older than every job of its priority that never was.
Job* Queue::head_of(size_t priority) const {
  Job* came_back = handed_back_head(priority);
  return came_back ? came_back : waiting_[priority].front();
}

bool Queue::has_ready(size_t priority, size_t count) const {
  return waiting_[priority].size() + (handed_back_head(priority) ? 1 : 0) >= count;
}

Job* Queue::peek() const {
  if (counters.waiting == 0) return nullptr;
  const bool oldest_first = (picks_ + 1) % limits::kOldestFirstEvery == 0;
  Job* best = nullptr;
  for (size_t priority = kPriorities; priority-- > 0;) {
    Job* head = head_of(priority);
    if (!head) continue;
    if (!oldest_first) return head;
    if (!best || head->sequence < best->sequence) best = head;
  }
  return best;
}

void Queue::pop(Job& job) {
  remove(job);
  ++picks_;
}

size_t Queue::count_waiting() const {
  size_t count = handed_back_.size();
  for (const JobList& list : waiting_) count += list.size();
  return count;
}

}  // namespace eventmq
