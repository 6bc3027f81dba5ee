// Measures the router beside the ceiling of the messaging library: the same client and worker, the same frames,
// through a bare forwarder of ROUTER to ROUTER (src/transport/forwarder.h), through the true router loop with plain
// jobs, and through it with guaranteed jobs in the durable store. Everything runs in this process, on threads, over TCP
// on 127.0.0.1.
//
// What differs is the protocol itself: for each job the broker also sends the client an ACK.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "src/base/result.h"
#include "src/base/time.h"
#include "src/wire/limits.h"

namespace eventmq {

inline constexpr size_t kBenchWindowMax = limits::kCreditsPerWorker - 1;  // the worker offers one more
inline constexpr size_t kBenchRoundsMax = 1000;

struct BenchOptions {
  std::vector<size_t> windows = {1, 16, 1000};  // requests in flight; each 1 to kBenchWindowMax
  size_t payload_bytes = 200;
  Duration warm_up = milliseconds(500);  // before each measurement
  Duration measured = seconds(1);        // each
  size_t rounds = 5;                     // 1 to kBenchRoundsMax; in each, everything is measured once, in turns
  std::string folder = ".";              // in which a folder for the durable store's file is made, and removed again
  // Asked again and again: whether to end now, with what was made removed. Null: never. Must not block.
  std::function<bool()> stopped = nullptr;
};

// One measurement.
struct BenchRow {
  std::string system;  // "forwarder", "router" or "durable"
  size_t window = 0;
  uint64_t round_trips = 0;  // client to worker and back to the client, within the measured time
  double per_second = 0;
  double cpu_us_per_trip = 0;         // of the whole process: client, worker, what is measured, and I/O threads
  Duration latency_p50, latency_p99;  // until the REPLY
  Duration ack_p50, ack_p99;          // until the ACK; zero for the forwarder, which sends none
};

// The rate of the durable router as a share of the one that keeps nothing. Both were measured right after each other in
// each round, so what else the machine did then bears on both.
struct DurableShare {
  size_t window = 0;
  double median = 0, least = 0, most = 0;  // of the rounds
};

struct BenchReport {
  // For each window the forwarder, then the router, then the durable one: the round with the median rate of each.
  std::vector<BenchRow> rows;
  std::vector<DurableShare> durable_shares;  // one for each window
  size_t rounds = 0;
};

// Errors: kSystem (no port, no folder), kBadValue (options), kTimedOut (no reply came within a minute), or what the
// router answered instead of a reply; kSystem too once it was stopped.
Result<BenchReport> run_bench(const BenchOptions& options);

// A table for people, with each one's share of the forwarder's rate for each window, and the durable shares.
std::string bench_text(const BenchReport& report);

}  // namespace eventmq
