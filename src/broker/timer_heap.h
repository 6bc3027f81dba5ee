// The jobs that something happens to at a known time: a binary heap in which every job knows its place, so
// that one can be taken out or moved directly.
#pragma once

#include <vector>

#include "src/broker/job.h"

namespace eventmq {

class TimerHeap {
 public:
  // Sets or moves the job's timer; Instant::never() clears it.
  void set(Job& job, Instant at);
  void clear(Job& job);

  // The earliest time; Instant::never() when empty.
  Instant next() const { return heap_.empty() ? Instant::never() : heap_.front()->timer_at; }
  // Takes out and returns a job whose time is not after `now`; null when there is none.
  Job* pop_due(Instant now);
  // Some job whose time comes before `end` and that fits; null when there is none. Looks at no others, which takes long
  // if many come before `end` and few fit.
  template <class Fits>
  const Job* find_before(Instant end, const Fits& fits, size_t index = 0) const {
    if (index >= heap_.size() || heap_[index]->timer_at >= end) return nullptr;
    if (fits(*heap_[index])) return heap_[index];
    const Job* found = find_before(end, fits, 2 * index + 1);
    return found ? found : find_before(end, fits, 2 * index + 2);
  }
  size_t size() const { return heap_.size(); }

 private:
  void place(size_t index, Job* job);
  void sift_up(size_t index);
  void sift_down(size_t index);

  std::vector<Job*> heap_;
};

}  // namespace eventmq
