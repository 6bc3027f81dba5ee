// A job that the broker holds: delayed, waiting or running (docs/job_lifecycle.md). A job that has ended is
// gone from the table; only counters, the dedupe window and a short memory for people still know it.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "src/base/bytes.h"
#include "src/base/intrusive_list.h"
#include "src/base/time.h"
#include "src/broker/broker.h"
#include "src/wire/headers.h"
#include "src/wire/job_record.h"

namespace eventmq {

struct Queue;
struct Worker;

enum class JobState : uint8_t { kDelayed, kWaiting, kRunning };
std::string_view job_state_word(JobState state);

// Where a REPLY goes, and the id of the REQUEST it answers.
struct ReplyRoute {
  Side side;
  Bytes peer;
  Bytes request_id;

  size_t memory_bytes() const;
};

// Another request with the same unique key, which shares the job.
struct Follower : ReplyRoute {
  bool wants_reply = true;
  Duration result_ttl;
};

// The memory that the frames of a REQUEST keep in use. They may share one block, which may hold more than they
// show: a peer can add frames that nobody reads.
size_t frames_memory_bytes(const Bytes& id, const JobHeaders& headers, const Bytes& payload);

struct Job {
  Bytes id;
  Queue* queue = nullptr;
  JobHeaders headers;
  Bytes payload;
  Side client_side = Side::kFrontend;
  Bytes client;                     // routing id of the newest sender of this id that wants the reply, if one does
  std::vector<Follower> followers;  // other requests with the same unique key that want the reply or keep the result

  JobState state = JobState::kDelayed;
  bool handed_back = false;       // waiting in its queue's set of jobs that were given out and came back
  bool cancel_requested = false;  // while running
  bool loss_cost_retry = false;   // the last attempt was lost and was charged to the retries
  bool orphaned = false;  // it ran when an earlier life of the broker ended; its worker may come back with it, and
                          // under which name that worker knew the earlier life is not known for sure
  uint32_t attempt = 0;   // number of the present or last attempt; 0 before the first
  uint32_t retries_used = 0;
  uint32_t losses = 0;    // attempts that were lost with their worker or its process
  uint64_t sequence = 0;  // order of becoming ready, within a queue and priority
  Instant accepted_at;
  Instant due_at;                         // not before
  Instant expires_at = Instant::never();  // not started by then: expired
  Instant started_at;                     // of the present attempt
  JobKey key = 0;                         // guaranteed: what the store knows it by
  CommitNumber accepted_commit = 0;       // guaranteed: what its ACK waits for
  CommitNumber request_commit = 0;        // and what the REQUEST of the present attempt waits for

  Worker* worker = nullptr;  // while running
  Bytes last_worker;         // routing id of the worker of the last attempt
  Bytes history;             // guaranteed: how its attempts ended (job_history.h)
  Bytes resumed_from;        // and the one it had when the attempt began or was resumed before; empty if it was not

  ListLink<Job> link;             // in its queue's waiting list or its worker's running list
  size_t timer_index = kNoTimer;  // place in the timer heap
  Instant timer_at;

  static constexpr size_t kNoTimer = static_cast<size_t>(-1);

  // Of the request with this id, which must be a follower.
  Follower& follower(const Bytes& request_id);
  // What holding it costs, for the memory limit.
  size_t memory_bytes() const;
};

using JobList = IntrusiveList<Job, &Job::link>;

}  // namespace eventmq
