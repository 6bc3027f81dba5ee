// What the broker knows of the jobs of one queue that only the store keeps (src/wire/job_record.h): how many there are,
// and when something is to be done about them. Which jobs they are, the store knows.
//
// A lane is the queue's jobs of one priority. Those of a lane that are in memory all come before those that are not, by
// due time: a new job of a lane goes to the store as long as one that comes before it is there. So whatever is picked
// in memory is what would be picked of all of them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "src/broker/broker.h"
#include "src/wire/job_record.h"
#include "src/wire/limits.h"

namespace eventmq {

struct BacklogLane {
  uint64_t waiting = 0;  // due when they were accepted
  uint64_t delayed = 0;
  Instant next_due = Instant::never();   // no job of the lane is due before
  Instant added_due = Instant::never();  // the same for those added since the claim that is under way
  LanePlace claimed_to;                  // of the last job that was claimed in order

  uint64_t size() const { return waiting + delayed; }
};

// Who asked for something that the store must be asked for first.
struct Asker {
  enum class Wants : uint8_t { kView, kCancel, kCancelByQuery, kDead, kResult, kRetry, kDelete, kMany, kEnds };
  Wants wants;
  Side side;
  Bytes peer;
  Bytes message_id;
  Bytes what;   // the view
  Bytes about;  // its arguments, or the id of the job
};
// Jobs that are to be claimed whatever their turn, to be cancelled, deleted or run now.
struct WantedJobs {
  std::vector<JobKey> keys;
  std::vector<Bytes> ids;           // theirs
  uint64_t bulk = 0;                // the number of the BulkOrder that they are part of
  std::optional<Asker> asker = {};  // instead, of a single one
};

struct Backlog {
  std::array<BacklogLane, limits::kPriorityHighest + 1> lanes;
  Instant next_expiry = Instant::never();   // no job expires before
  Instant added_expiry = Instant::never();  // the same for those added since the claim that is under way
  std::vector<WantedJobs> wanted;           // at most twice limits::kOpenQuestions of all queues
  bool claiming = false;                    // a claim is under way; there is one at a time
  bool touched = false;                     // something changed in this step
  Instant wake = Instant::never();          // its place among the timers of all backlogs
};

}  // namespace eventmq
