#include "sim/event_queue.h"

#include <algorithm>
#include <utility>

#include "src/base/assert.h"

namespace eventmq::sim {

bool EventQueue::later(const Entry& a, const Entry& b) {
  return a.when != b.when ? a.when > b.when : a.sequence > b.sequence;
}

void EventQueue::at(Instant when, std::function<void()> action) {
  entries_.push_back({std::max(when, now_), sequence_++, std::move(action)});
  std::push_heap(entries_.begin(), entries_.end(), later);
}

void EventQueue::run_next() {
  EMQ_ASSERT(!entries_.empty());
  std::pop_heap(entries_.begin(), entries_.end(), later);
  Entry entry = std::move(entries_.back());
  entries_.pop_back();
  now_ = entry.when;
  entry.action();
}

}  // namespace eventmq::sim
