// What people ask of the store beside its work, and what it answers: a listing of jobs that the broker does not hold.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "src/base/result.h"
#include "src/wire/job_record.h"

namespace eventmq {

// Jobs of the backlog, by key. An empty filter fits all.
struct StoreQuestion {
  uint64_t number = 0;     // of the asker's choice
  CommitNumber after = 0;  // the answer knows everything up to it; it may know more
  Bytes id;
  Bytes queue;
  std::optional<bool> due;  // true: only those that are due at `now`, false: only others
  Instant now;
  JobKey behind = 0;    // only jobs with higher keys
  uint32_t rows = 1;    // at most
  uint64_t visits = 1;  // jobs that are looked at, at most
};

// A job without most of its message.
struct ListedJob {
  StoredJob job;  // `payload`: its first bytes, up to kListedBytes
  uint64_t payload_bytes = 0;
};
inline constexpr size_t kListedBytes = 4096;

struct StoreAnswer {
  uint64_t number = 0;  // of the question
  std::vector<ListedJob> jobs;
  // There may be more behind this key: that of the last job that was looked at. 0: that was all.
  JobKey next = 0;
  std::optional<Error> error;  // kStoreUnavailable: it could not be read
};

}  // namespace eventmq
