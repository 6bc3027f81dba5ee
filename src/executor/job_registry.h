// The jobs and hooks that EVENTMQ_JOB and EVENTMQ_HOOK named in this process: in the program itself, and in the
// plug-ins it has loaded. There is one per process, because static initialisers have no one to hand them another;
// it is complete before the worker process says ready, and read by one thread from then on.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "eventmq/job.h"

namespace eventmq {

struct JobRegistry {
  std::map<std::string, JobFunction, std::less<>> jobs;
  std::map<std::string, HookFunction, std::less<>> hooks;
  std::vector<std::string> problems;  // sentences: names that were registered twice, or are empty
};

JobRegistry& job_registry();

}  // namespace eventmq
