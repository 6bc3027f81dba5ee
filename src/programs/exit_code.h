// What `emq` says to the shell that ran it.
#pragma once

#include "src/base/result.h"

namespace eventmq {

enum ExitCode : int {
  kExitDone = 0,
  kExitFailed = 1,       // the job or the command failed
  kExitUsage = 2,        // a flag, argument or setting is wrong
  kExitUnreachable = 3,  // no router answers
  kExitTimedOut = 4,
};

inline ExitCode exit_code_of(const Error& error) {
  if (error.code == ErrorCode::kUnreachable) return kExitUnreachable;
  return error.code == ErrorCode::kTimedOut ? kExitTimedOut : kExitFailed;
}

}  // namespace eventmq
