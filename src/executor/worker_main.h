// The worker process of C++ jobs: this very program, started again with a hidden first argument. It loads the plug-ins,
// runs the setup hook and then one job after another, as docs/worker_protocol.md says.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "eventmq/worker.h"

namespace eventmq {

inline constexpr std::string_view kWorkerProcessArgument = "--eventmq-worker-process";

// The command of such a worker process, with the shared libraries that it loads.
std::vector<std::string> own_worker_command(const std::vector<std::string>& plugins);

}  // namespace eventmq
