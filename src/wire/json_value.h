// What JSON text cannot say of a value, though a dump would print something.
#pragma once

#include <string>

#include "eventmq/json.h"

namespace eventmq {

// The second half of a sentence that begins with the value's name ("is nested deeper than 98 levels"); empty: nothing
// is wrong. `levels` may be nested; a dump of many more would overflow the stack.
std::string json_problem(const Json& value, size_t levels);

}  // namespace eventmq
