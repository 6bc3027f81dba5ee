// How a requested job ended, and what of it the caller is told.
#pragma once

#include <optional>

#include "eventmq/job_failed.h"
#include "src/wire/messages.h"

namespace eventmq {

struct JobEnd {
  Outcome outcome = Outcome::kOk;
  Bytes payload;  // {"value": …} or {"value": …, "error": {"type", "message", "details"}}
};

// The value that the job returned, or the error and what is known of the failure. A payload that is not what a
// worker sends is kBadMessage, without a failure.
Result<Json> job_value(const JobEnd& end, std::optional<JobFailure>& failure);

}  // namespace eventmq
