// What an operator can set about the broker's decisions. Units are in the types.
#pragma once

#include <cstdint>
#include <string>

#include "src/base/time.h"
#include "src/wire/limits.h"

namespace eventmq {

enum class UnknownQueue { kHold, kDefault, kReject };
enum class PickPolicy { kWeighted, kStrict };

struct BrokerSettings {
  std::string default_queue_name = "default";
  // A queue that no connected worker serves: hold its jobs, put them on the default queue, or refuse them.
  UnknownQueue unknown_queue = UnknownQueue::kHold;
  // How a free slot chooses among its worker's queues: in proportion to their weights, or always the highest.
  PickPolicy pick_policy = PickPolicy::kWeighted;
  bool heartbeats_enabled = true;
  Duration heartbeat_interval = seconds(3);  // sent to a peer that was sent nothing else for so long
  Duration heartbeat_timeout = seconds(5);   // a worker, scheduler or client silent for so long is gone
  Duration leave_grace = seconds(300);  // a worker of the published protocol that said KBYE may still settle so long
  // After a restart, jobs that were running wait so long for their workers to come back with them.
  Duration resume_grace = seconds(10);
  Duration drain_timeout = seconds(30);  // an orderly shutdown waits so long for running and waiting jobs
  uint64_t jobs_per_queue = limits::kJobsPerQueueDefault;
  uint64_t memory_bytes = limits::kMemoryBytesDefault;
  // Guaranteed jobs of one queue that are held in memory, if the store is durable; the others wait there.
  uint64_t window_jobs = limits::kWindowJobs;
  Duration dedupe_window = seconds(600);
  uint64_t dedupe_ids = limits::kDedupeIdsDefault;
  Duration dead_window = seconds(30 * 86'400LL);  // the store keeps dead letters for so long
  uint64_t dead_letters = limits::kDeadLettersDefault;
  uint64_t results = limits::kResultsDefault;           // kept in the store; in memory at most limits::kResultsInMemory
  uint64_t result_bytes = limits::kResultBytesDefault;  // likewise, of their values
  Duration retry_backoff = seconds(1);                  // before the first retry; doubles each time, with jitter
  Duration retry_backoff_max = seconds(600);
  uint32_t max_deliveries = 5;        // a guaranteed job lost with its worker so often is dead
  std::string store_name = "memory";  // shown in `emq status`
  bool store_durable = false;         // it can keep jobs that the broker does not hold
  uint64_t frame_bytes_max = 0;       // the largest frame that the sockets take, announced to peers; 0: not said
};

}  // namespace eventmq
