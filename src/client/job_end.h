// How a requested job ended, and what of it the caller is told.
#pragma once

#include <optional>

#include "eventmq/job_failed.h"
#include "eventmq/job_status.h"
#include "src/wire/messages.h"

namespace eventmq {

struct JobEnd {
  Outcome outcome = Outcome::kOk;
  Bytes payload;  // {"value": …} or {"value": …, "error": {"type", "message", "details"}}
  bool has_outcome = true;
};

// The value that the job returned, or the error and what is known of the failure. A payload that is not what a
// worker sends is kBadMessage, without a failure.
Result<Json> job_value(const JobEnd& end, std::optional<JobFailure>& failure);

// What the answer to QUERY `result` says: with an outcome it is how the job ended, else {"state": …}. Errors:
// kBadMessage, if it is neither.
Result<JobStatus> job_status(const JobEnd& answer);

}  // namespace eventmq
