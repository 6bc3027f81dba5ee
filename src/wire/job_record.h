// What the broker asks the store to make durable, in the order it happened, and what the store gives back after a
// restart. Only guaranteed jobs have records; jobs of the other classes live in memory (README, "What is promised").
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "src/base/bytes.h"
#include "src/base/time.h"
#include "src/wire/messages.h"

namespace eventmq {

// Numbers the batches of records: a send that waits for commit n may leave once everything up to n is durable.
using CommitNumber = uint64_t;  // 0: waits for nothing

// What the store knows a job by: given by the broker, rising in the order of acceptance, never used twice in one
// store. Smaller and quicker to find than the id, which is the sender's.
using JobKey = uint64_t;  // 0: the job has no records

// --- Records ---

struct JobAccepted {
  JobKey key = 0;
  Bytes id;
  Bytes queue;
  JobHeaders headers;
  Bytes payload;
  Instant accepted_at;
  Instant due_at;      // not before; accepted_at if there is no delay
  Instant expires_at;  // Instant::never() if it does not expire
};
struct AttemptStarted {
  JobKey key = 0;
  Bytes id;
  uint32_t attempt = 0;
  uint32_t losses = 0;
  Bytes worker;  // routing id
};
// Handed back, or to be run again not before due_at.
struct JobRequeued {
  JobKey key = 0;
  Bytes id;
  uint32_t attempt = 0;  // the last one; one less than it was if the job was handed back unstarted
  uint32_t retries_used = 0;
  uint32_t losses = 0;
  Instant due_at;
};
struct JobEnded {
  JobKey key = 0;
  Bytes id;
  Bytes queue;
  Outcome outcome = Outcome::kOk;
  uint32_t attempts = 0;
  Instant ended_at;
  bool reply_wanted = false;  // somebody asked for the result, and may ask again after a restart
  Bytes result;               // the payload of the REPLY; kept only if reply_wanted
};
// Another request shares the job (header unique), so its id must be known for as long as that of an ended job.
struct IdRemembered {
  Bytes id;
  Outcome outcome = Outcome::kOk;
  Instant ended_at;
  bool reply_wanted = false;
  Bytes result;
};
using JobRecord = std::variant<JobAccepted, AttemptStarted, JobRequeued, JobEnded, IdRemembered>;

// How much of what has ended is remembered, so that a REQUEST sent again is not run again.
struct DedupeLimits {
  Duration window = seconds(600);
  uint64_t ids = 1'000'000;
};

// --- What an earlier life left ---

// A job that was accepted and has not ended.
struct StoredJob {
  JobAccepted accepted;
  bool running = false;  // a worker held it when the earlier life ended
  uint32_t attempt = 0;
  uint32_t retries_used = 0;
  uint32_t losses = 0;
  Instant due_at;  // not before; of the last requeueing, if there was one
  Bytes worker;    // of the last attempt; empty before the first
};
// Counts of guaranteed jobs since the store was made.
struct StoredQueue {
  Bytes name;
  uint64_t accepted = 0;
  uint64_t done = 0;
  uint64_t dead = 0;
  uint64_t expired = 0;
  uint64_t cancelled = 0;
};
// Of the newest only, the result is still known; of others nobody is taken to want it.
struct StoredEnd {
  Bytes id;
  Outcome outcome = Outcome::kOk;
  Instant ended_at;
  bool reply_wanted = false;
  Bytes result;
};
struct StoredState {
  std::vector<StoredJob> jobs;      // by key
  std::vector<StoredQueue> queues;  // every queue that ever had a guaranteed job
  std::vector<StoredEnd> ended;     // within the dedupe window and number, oldest first
  JobKey last_key = 0;              // the highest ever given out; the broker goes on behind it
};

}  // namespace eventmq
