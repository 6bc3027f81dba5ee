// One queue: the jobs that wait in it, the workers that could take one now, and its counters.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string_view>

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

// accepted = done + dead + expired + cancelled + waiting + delayed + running, always.
struct QueueCounters {
  uint64_t accepted = 0;
  uint64_t done = 0;
  uint64_t dead = 0;
  uint64_t expired = 0;
  uint64_t cancelled = 0;
  uint64_t waiting = 0;
  uint64_t delayed = 0;
  uint64_t running = 0;

  uint64_t retries = 0;          // attempts that failed and are run again
  uint64_t attempts_lost = 0;    // with their worker
  uint64_t refused = 0;          // answered with queue-full
  uint64_t latency_ms_last = 0;  // from acceptance to end
  uint64_t latency_ms_max = 0;

  bool conserved() const { return accepted == done + dead + expired + cancelled + waiting + delayed + running; }
  QueueCounters& operator+=(const QueueCounters& other);
};

struct Queue {
  Bytes name;
  QueueCounters counters;
  std::set<WorkerRank> available;  // workers that serve this queue and have a free slot
  uint32_t workers = 0;            // that serve this queue, free or not
  bool unmatched = false;          // got waiting jobs in this step

  explicit Queue(Bytes queue_name) : name(std::move(queue_name)) {}

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
    return counters.waiting + counters.delayed + counters.running == 0 && workers == 0 && !unmatched;
  }
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

  Job* head_of(size_t priority) const;

  std::array<JobList, kPriorities> waiting_;
  std::set<Job*, HandedBackOrder> handed_back_;
  uint32_t picks_ = 0;
};

}  // namespace eventmq
