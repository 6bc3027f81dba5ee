// What the broker asks the store to make durable, in the order it happened, and what the store gives back after a
// restart. Only guaranteed jobs have records; jobs of the other classes live in memory (README, "What is promised").
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
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

// Jobs for which the broker has no room in memory are kept by the store alone: they are its backlog, and come back when
// the broker claims them. Each record of a job says where the job is from then on.

struct JobAccepted {
  JobKey key = 0;
  Bytes id;
  Bytes queue;
  JobHeaders headers;
  Bytes payload;
  Instant accepted_at;
  Instant due_at;      // not before; accepted_at if there is no delay
  Instant expires_at;  // Instant::never() if it does not expire
  bool backlog = false;
  Bytes reply_to;  // of a job of the backlog: to whom its reply goes, in the broker's own form; empty: to nobody
};
// Of a job of the backlog it is the first record after it was claimed, or JobRequeued or JobEnded is.
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
  bool backlog = false;
  uint8_t priority = 0;  // of a job of the backlog
  Bytes reply_to;        // as in JobAccepted
  Bytes history;         // of its attempts: a text of the broker's own
};
// A job that ends without success (is_dead) becomes a dead letter: the store goes on keeping all of it.
struct JobEnded {
  JobKey key = 0;
  Bytes id;
  Bytes queue;
  Outcome outcome = Outcome::kOk;
  uint32_t attempts = 0;
  Instant ended_at;
  bool reply_wanted = false;  // somebody asked for the result, and may ask again after a restart
  Bytes result;               // the payload of the REPLY; kept only if reply_wanted
  // Of a dead letter only:
  Bytes name;   // of the job
  Bytes error;  // the last one's text
  uint32_t losses = 0;
  Bytes history;
};
// It is run again, under a new key, or nobody wants it any more. One that is gone already is let pass.
struct DeadLetterRemoved {
  JobKey key = 0;
};
// Another request shares the job (header unique), so its id must be known for as long as that of an ended job.
struct IdRemembered {
  Bytes id;
  Outcome outcome = Outcome::kOk;
  Instant ended_at;
  bool reply_wanted = false;
  Bytes result;
};
// What a job ended with, to be asked for until then (header result-ttl). In the commit of its JobEnded. It takes the
// place of an earlier one of the same id.
struct ResultKept {
  Bytes id;
  Bytes queue;
  Bytes name;  // of the job
  Outcome outcome = Outcome::kOk;
  uint32_t attempts = 0;
  Instant accepted_at;
  Instant ended_at;
  Instant until;
  Bytes history;  // as in JobRequeued
  Bytes value;    // the payload of the REPLY
};
// The job is run again, or nobody wants its result any more. One that is not there is let pass.
struct ResultRemoved {
  Bytes id;
};
using JobRecord = std::variant<JobAccepted, AttemptStarted, JobRequeued, JobEnded, IdRemembered, DeadLetterRemoved,
                               ResultKept, ResultRemoved>;

// The bytes of the message or of the result in it; 0 of a record with neither.
inline size_t content_bytes(const JobRecord& record) {
  if (const auto* accepted = std::get_if<JobAccepted>(&record)) return accepted->payload.size();
  if (const auto* ended = std::get_if<JobEnded>(&record)) return ended->result.size();
  if (const auto* remembered = std::get_if<IdRemembered>(&record)) return remembered->result.size();
  if (const auto* result = std::get_if<ResultKept>(&record)) return result->value.size();
  return 0;
}

// How much of what has ended is kept.
struct Retention {
  // Ids, so that a REQUEST sent again is not run again.
  Duration window = seconds(600);
  uint64_t ids = 1'000'000;
  // Dead letters. The number is of deaths: one is gone when so many others have died after it.
  Duration dead_window = seconds(30 * 86'400LL);
  uint64_t dead_letters = 100'000;
  // Results, which have a time of their own. One is gone before it when so many others, or others with so many bytes of
  // value, have come after it.
  uint64_t results = 100'000;
  uint64_t result_bytes = uint64_t{1} << 30;
};

// --- What the store gives back ---

// A job that was accepted and has not ended.
struct StoredJob {
  JobAccepted accepted;
  bool running = false;  // a worker held it when the earlier life ended
  uint32_t attempt = 0;
  uint32_t retries_used = 0;
  uint32_t losses = 0;
  Instant due_at;  // not before; of the last requeueing, if there was one
  Bytes worker;    // of the last attempt; empty before the first
  Bytes history;   // as in JobRequeued
};
// The jobs of the backlog that have one queue and one priority: they come back by due time, and of equals by key.
struct StoredLane {
  uint8_t priority = 0;
  uint64_t waiting = 0;  // due when they were accepted
  uint64_t delayed = 0;  // later: they were accepted with a delay, or are to be run again
  Instant next_due = Instant::never();
};
// Counts of guaranteed jobs since the store was made.
struct StoredQueue {
  Bytes name;
  uint64_t accepted = 0;
  uint64_t done = 0;
  uint64_t dead = 0;
  uint64_t expired = 0;
  uint64_t cancelled = 0;
  std::vector<StoredLane> lanes = {};      // that are not empty, by priority
  Instant next_expiry = Instant::never();  // of its jobs in the backlog
};
// Of the newest only, the result is still known; of others nobody is taken to want it.
struct StoredEnd {
  Bytes id;
  Outcome outcome = Outcome::kOk;
  Instant ended_at;
  bool reply_wanted = false;
  Bytes result;
};
// A job of the backlog that was accepted within the dedupe window.
struct BacklogId {
  Bytes id;
  Instant accepted_at;
};
// What an earlier life left. How much it is does not depend on the length of the backlog.
struct StoredState {
  std::vector<StoredJob> jobs;      // without the backlog; by key
  std::vector<StoredQueue> queues;  // every queue that ever had a guaranteed job
  std::vector<StoredEnd> ended;     // within the dedupe window and number, oldest first
  std::vector<BacklogId> backlog;   // likewise
  JobKey last_key = 0;              // the highest ever given out; the broker goes on behind it
  uint64_t dead_letters = 0;        // how many are kept
};

// The place of a job in its lane.
struct LanePlace {
  Instant due_at{std::numeric_limits<int64_t>::min()};  // before all
  JobKey key = 0;

  auto operator<=>(const LanePlace&) const = default;
};
// What the broker asks of the backlog. The jobs stay in it until their next record; a claim of the same lane that
// begins behind them does not give them again.
struct BacklogClaim {
  enum class Which : uint8_t {
    kDue,      // of a lane: those that are due, in order, behind `after`
    kExpired,  // of a queue: those whose time to start is over
    kKeys,     // those of `keys`, in that order
  };
  Which which = Which::kDue;
  Bytes queue;
  uint8_t priority = 0;
  LanePlace after;
  std::vector<JobKey> keys;
  Instant now;
  uint32_t jobs = 1;   // at most
  uint64_t bytes = 0;  // of payloads, but always one job
};
struct BacklogClaimed {
  BacklogClaim claim;  // that this answers
  std::vector<StoredJob> jobs;
  size_t keys_done = 0;                    // kKeys: so many of them were looked for
  Instant next_due = Instant::never();     // kDue: of the first job of the lane that is not among them
  Instant next_expiry = Instant::never();  // of the queue's backlog; kExpired: of what is not among them
};

}  // namespace eventmq
