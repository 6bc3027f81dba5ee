// What a router says of itself, checked. Pure: JSON in, problems out.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "src/store/sqlite_verify.h"

namespace eventmq {

// Of the view `status`: that its store is available, and that for all queues and each,
// accepted = done + dead + expired + cancelled + waiting + delayed + running.
std::vector<StoreProblem> problems_of_status(const nlohmann::ordered_json& status);

}  // namespace eventmq
