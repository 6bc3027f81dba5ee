// What a broker knows of a job that was handed in earlier (Client::result).
#pragma once

#include <optional>

#include "eventmq/job_failed.h"
#include "eventmq/json.h"

namespace eventmq {

struct JobStatus {
  enum class State {
    kUnknown,  // there is no such job, or it has ended and its result is not kept, or not any more
    kDelayed,  // it is to be started later, or again
    kWaiting,  // for a free worker
    kRunning,
    kEnded,
  };
  State state = State::kUnknown;
  Json value;                              // what it returned, if it ended with success; else null
  std::optional<JobFailure> failure = {};  // how it ended without success

  bool succeeded() const { return state == State::kEnded && !failure; }
};

}  // namespace eventmq
