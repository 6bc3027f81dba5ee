// Virtual time: what is to happen, in order of its instant and then of its entry. Time moves only when the
// next entry is run.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "src/base/time.h"

namespace eventmq::sim {

class EventQueue {
 public:
  explicit EventQueue(Instant start) : now_(start) {}

  Instant now() const { return now_; }
  bool empty() const { return entries_.empty(); }
  // Entries of the past are run now.
  void at(Instant when, std::function<void()> action);
  void after(Duration delay, std::function<void()> action) { at(now_ + delay, std::move(action)); }
  // Moves time to the next entry and runs it. The queue must not be empty.
  void run_next();

 private:
  struct Entry {
    Instant when;
    uint64_t sequence;
    std::function<void()> action;
  };
  static bool later(const Entry& a, const Entry& b);

  Instant now_;
  uint64_t sequence_ = 0;
  std::vector<Entry> entries_;  // a heap, soonest first
};

}  // namespace eventmq::sim
