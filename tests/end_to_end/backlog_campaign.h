// A backlog larger than memory: a router is given a number of guaranteed jobs that nobody runs, is killed and started
// again, and then a worker takes them. Used by BacklogTest, and by hand with millions of jobs (docs/guarantees.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace eventmq::end_to_end {

struct BacklogOptions {
  uint64_t jobs = 30'000;
  uint64_t taken = 30'000;  // by the worker, in the end
  size_t payload_bytes = 200;
};

struct BacklogReport {
  uint64_t acked = 0;
  double fill_seconds = 0;
  size_t bytes_full = 0;     // of memory (VmRSS), with all of them waiting
  double start_seconds = 0;  // from the start of the next router until it answers
  uint64_t found = 0;        // waiting, by its status
  size_t bytes_started = 0;
  uint64_t taken = 0;
  double take_seconds = 0;
  uint64_t out_of_order = 0;  // not the one that was accepted next
  size_t bytes_most = 0;      // seen while they were taken
  uint64_t file_bytes = 0;
  std::string fault;  // empty if all of it was done

  std::string text() const;
};

// Failures are Google Test's, or in `fault`.
BacklogReport run_backlog_campaign(const BacklogOptions& options);

}  // namespace eventmq::end_to_end
