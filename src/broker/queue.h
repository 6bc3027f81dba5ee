// One queue: the jobs that wait in it, the workers that could take one now, and its counters.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <string_view>

#include "src/broker/backlog.h"
#include "src/broker/job.h"
#include "src/wire/limits.h"

namespace eventmq {

struct Worker;

// Orders the workers of a queue that have a free slot: highest weight first, then least recently used.
struct WorkerRank {
  uint32_t weight;
  uint64_t last_used;
  uint64_t number;  // of registration; makes the order total
  Worker* worker;

  bool operator<(const WorkerRank& other) const {
    if (weight != other.weight) return weight > other.weight;
    if (last_used != other.last_used) return last_used < other.last_used;
    return number < other.number;
  }
};

// accepted = done + dead + expired + cancelled + waiting + delayed + running, always; what people see as waiting and
// delayed includes the backlog.
struct QueueCounters {
  uint64_t accepted = 0;
  uint64_t done = 0;
  uint64_t dead = 0;
  uint64_t expired = 0;
  uint64_t cancelled = 0;
  uint64_t waiting = 0;
  uint64_t delayed = 0;
  uint64_t running = 0;
  // Jobs in the store alone. One that was accepted with a delay, or is to be run again, counts as delayed until it is
  // claimed.
  uint64_t backlog_waiting = 0;
  uint64_t backlog_delayed = 0;

  uint64_t retries = 0;          // attempts that failed and are run again
  uint64_t attempts_lost = 0;    // with their worker
  uint64_t refused = 0;          // answered with queue-full
  uint64_t latency_ms_last = 0;  // from acceptance to end
  uint64_t latency_ms_max = 0;

  uint64_t all_waiting() const { return waiting + backlog_waiting; }
  uint64_t all_delayed() const { return delayed + backlog_delayed; }
  bool conserved() const {
    return accepted == done + dead + expired + cancelled + all_waiting() + all_delayed() + running;
  }
  QueueCounters& operator+=(const QueueCounters& other);
};

struct Queue {
  Bytes name;
  QueueCounters counters;
  std::set<WorkerRank> available;    // workers that serve this queue and have a free slot
  uint32_t workers = 0;              // that serve this queue, free or not
  bool unmatched = false;            // got waiting jobs in this step
  std::unique_ptr<Backlog> backlog;  // null until a job of it had to go to the store alone
  const uint64_t number;             // of its making; orders what has no other order

  Queue(Bytes queue_name, uint64_t queue_number) : name(std::move(queue_name)), number(queue_number) {}

  // Puts a job that became ready behind the others of its priority.
  void push(Job& job);
  // Puts a job that was given out and came back before those that were never given out, by its old place.
  void push_handed_back(Job& job);
  void remove(Job& job);
  // The job whose turn it is: highest priority first and then oldest, but every n-th pick the oldest of all
  // (limits::kOldestFirstEvery). Null when none waits. Does not take it out; the caller does, and only
  // then the pick counts.
  Job* peek() const;
  // Takes out what peek() gave.
  void pop(Job& job);

  bool idle() const {
    return counters.all_waiting() + counters.all_delayed() + counters.running == 0 && workers == 0 && !unmatched &&
           (!backlog || (!backlog->claiming && !backlog->touched && backlog->wanted.empty()));
  }
  // Whether this many jobs of this priority wait in memory, or nearly so: of those that came back, one counts.
  bool has_ready(size_t priority, size_t count) const;
  // For check_invariants: counts what is really there.
  size_t count_waiting() const;

 private:
  struct HandedBackOrder {
    bool operator()(const Job* a, const Job* b) const {
      if (a->headers.priority != b->headers.priority) return a->headers.priority > b->headers.priority;
      return a->sequence < b->sequence;
    }
  };
  static constexpr size_t kPriorities = limits::kPriorityHighest + 1;

  Job* handed_back_head(size_t priority) const;
  Job* head_of(size_t priority) const;

  std::array<JobList, kPriorities> waiting_;
  std::set<Job*, HandedBackOrder> handed_back_;
  uint32_t picks_ = 0;
};

}  // namespace eventmq
