// The names under which the original installed its programs.
#pragma once

#include <string>
#include <vector>

#include "src/programs/console.h"

namespace eventmq {

// True if a program of this file name is one of them: emq-router, emq-jobmanager, emq-cli, and emq-scheduler and
// emq-pubsub, which this version only says that it has not.
bool is_legacy_name(const std::string& program);
ExitCode run_legacy(const std::string& program, const std::vector<std::string>& words, Console& console);

}  // namespace eventmq
