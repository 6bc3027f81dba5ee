#include "src/broker/timer_heap.h"

namespace eventmq {

void TimerHeap::set(Job& job, Instant at) {
  if (at == Instant::never()) return clear(job);
  job.timer_at = at;
  if (job.timer_index == Job::kNoTimer) {
    heap_.push_back(&job);
    job.timer_index = heap_.size() - 1;
  }
  sift_up(job.timer_index);
  sift_down(job.timer_index);
}

void TimerHeap::clear(Job& job) {
  if (job.timer_index == Job::kNoTimer) return;
  const size_t index = job.timer_index;
  EMQ_ASSERT(index < heap_.size() && heap_[index] == &job);
  Job* last = heap_.back();
  heap_.pop_back();
  job.timer_index = Job::kNoTimer;
  if (last == &job) return;
  place(index, last);
  sift_up(index);
  sift_down(last->timer_index);
}

Job* TimerHeap::pop_due(Instant now) {
  if (heap_.empty() || heap_.front()->timer_at > now) return nullptr;
  Job* job = heap_.front();
  clear(*job);
  return job;
}

void TimerHeap::place(size_t index, Job* job) {
  heap_[index] = job;
  job->timer_index = index;
}

void TimerHeap::sift_up(size_t index) {
  Job* job = heap_[index];
  while (index > 0) {
    const size_t parent = (index - 1) / 2;
    if (heap_[parent]->timer_at <= job->timer_at) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, job);
}

void TimerHeap::sift_down(size_t index) {
  Job* job = heap_[index];
  while (2 * index + 1 < heap_.size()) {
    size_t child = 2 * index + 1;
    if (child + 1 < heap_.size() && heap_[child + 1]->timer_at < heap_[child]->timer_at) ++child;
    if (heap_[child]->timer_at >= job->timer_at) break;
    place(index, heap_[child]);
    index = child;
  }
  place(index, job);
}

}  // namespace eventmq
