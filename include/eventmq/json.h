// JSON values as the public interface uses them: arguments, results, published messages.
#pragma once

#include <nlohmann/json.hpp>

namespace eventmq {

using Json = nlohmann::json;

}  // namespace eventmq
