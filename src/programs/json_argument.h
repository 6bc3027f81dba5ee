// JSON as a person types it on the command line.
#pragma once

#include <string>

#include "eventmq/json.h"
#include "src/base/result.h"

namespace eventmq {

// An argument of a job: JSON if it is JSON, else the text itself. A whole number beyond 64 bits is no number here, for
// it would be read as the nearest fraction: alone it is taken as text, inside of a list or an object it is an error
// (kBadValue), which names it. So is what is nested deeper than a job may be.
Result<Json> json_argument(const std::string& text);

// The same for what must be an object, as arguments with names are.
Result<Json> json_object(const std::string& text, std::string_view name);

}  // namespace eventmq
