// What people ask of the store beside its work, and what it answers: listings of jobs that the broker does not hold.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "src/base/result.h"
#include "src/wire/job_record.h"

namespace eventmq {

// --- Dead letters: jobs that ended without success, kept to be looked into and run again ---

struct DeadLetter {
  uint64_t number = 0;  // rises in the order of death
  JobKey key = 0;
  Bytes id;
  Bytes queue;
  Bytes name;
  Outcome cause = Outcome::kError;
  Bytes error;
  Instant accepted_at;
  Instant ended_at;
  uint32_t attempts = 0;
  uint32_t losses = 0;
  Bytes history;
  Bytes headers;  // as the sender wrote them
  uint64_t payload_bytes = 0;
  Bytes payload;  // if it was asked for
};
// Which ones: those to which everything applies that is said. They come by number.
struct DeadQuery {
  Bytes id, queue, name;
  std::optional<Outcome> cause;
  Instant from{std::numeric_limits<int64_t>::min()};  // when they died
  Instant until = Instant::never();
  uint64_t after = 0;      // the number of the last one known
  uint32_t letters = 100;  // at most
  bool payloads = false;
  uint64_t bytes = 0;  // of payloads at most, but always one letter
};
struct DeadLetters {
  std::vector<DeadLetter> letters;
  bool more = false;  // there are others behind
};

// --- Questions ---

// Jobs of the backlog, by key. An empty filter fits all. Two other things can be asked for with them.
struct StoreQuestion {
  uint64_t number = 0;     // of the asker's choice
  CommitNumber after = 0;  // the answer knows everything up to it; it may know more
  Bytes id;
  Bytes queue;
  std::optional<bool> due;  // true: only those that are due at `now`, false: only others
  Instant now;
  JobKey behind = 0;    // only jobs with higher keys
  uint32_t rows = 1;    // at most
  uint64_t visits = 1;  // jobs that are looked at, at most; 0: none are asked for
  std::optional<DeadQuery> dead;
  // The result that is kept of the job `id` at `now`, with at most so many bytes of its value. If there is one, no jobs
  // are looked at.
  std::optional<uint64_t> result_bytes;
  std::vector<Bytes> ends;  // how the jobs and requests of these ids ended
};

// A job without most of its message.
struct ListedJob {
  StoredJob job;  // `payload`: its first bytes, up to kListedBytes
  uint64_t payload_bytes = 0;
};
inline constexpr size_t kListedBytes = 4096;
// A result with as much of its value as was asked for.
struct FoundResult {
  ResultKept kept;
  uint64_t value_bytes = 0;
};

struct StoreAnswer {
  uint64_t number = 0;  // of the question
  std::vector<ListedJob> jobs;
  // There may be more behind this key: that of the last job that was looked at. 0: that was all.
  JobKey next = 0;
  DeadLetters dead;
  std::optional<FoundResult> result;
  std::vector<StoredEnd> ends;  // of those that are known, each id's newest; in no stated order
  std::optional<Error> error;   // kStoreUnavailable: it could not be read
};

}  // namespace eventmq
