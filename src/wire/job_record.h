// What the broker asks the store to make durable, in the order it happened. Only guaranteed jobs have
// records; jobs of the other classes live in memory (README, "What is promised").
#pragma once

#include <cstdint>
#include <variant>

#include "src/base/bytes.h"
#include "src/base/time.h"
#include "src/wire/messages.h"

namespace eventmq {

// Numbers the batches of records: a send that waits for commit n may leave once everything up to n is durable.
using CommitNumber = uint64_t;  // 0: waits for nothing

struct JobAccepted {
  Bytes id;
  Bytes queue;
  JobHeaders headers;
  Bytes payload;
  Instant accepted_at;
  Instant due_at;      // not before; accepted_at if there is no delay
  Instant expires_at;  // Instant::never() if it does not expire
};
struct AttemptStarted {
  Bytes id;
  uint32_t attempt;
  uint32_t deliveries;
};
// Handed back, or to be run again not before due_at.
struct JobRequeued {
  Bytes id;
  uint32_t retries_used;
  Instant due_at;
};
struct JobEnded {
  Bytes id;
  Outcome outcome;
  Instant ended_at;
};
using JobRecord = std::variant<JobAccepted, AttemptStarted, JobRequeued, JobEnded>;

}  // namespace eventmq
