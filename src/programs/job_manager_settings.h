// The settings as the job manager's parts take them.
#pragma once

#include "src/runtime/job_manager_loop.h"
#include "src/settings/settings.h"

namespace eventmq {

JobManagerOptions job_manager_options(const Settings& settings);

}  // namespace eventmq
