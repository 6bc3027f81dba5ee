// How a requested job ended without success, as the exception that its future throws.
#pragma once

#include <string>
#include <utility>

#include "eventmq/error.h"
#include "eventmq/json.h"

namespace eventmq {

// What is known of the failure.
struct JobFailure {
  // The protocol's word for it: error (the handler failed), timeout, killed (its process died), unknown-job (no worker
  // has a handler of that name), cancelled, lost (its worker or broker is gone), expired (it did not start in time).
  std::string outcome;
  std::string type;     // of the handler's exception, as its language names it; may be empty
  std::string message;  // for a person
  Json details;         // what the handler added; null if nothing
};

// code() is kTimedOut, kJobLost or kUnknownJob for those outcomes, else kJobFailed.
class JobFailed : public Exception {
 public:
  JobFailed(Error error, JobFailure failure) : Exception(std::move(error)), failure_(std::move(failure)) {}
  const JobFailure& failure() const { return failure_; }

 private:
  JobFailure failure_;
};

}  // namespace eventmq
