// From what a handler did to the `result` line of the worker protocol.
#pragma once

#include <string>
#include <string_view>

#include "eventmq/json.h"

namespace eventmq {

struct HandlerFailure {
  std::string type;
  std::string message;
  Json details;
};

// What is thrown right now; only inside a catch block.
HandlerFailure current_failure();

// A line of outcome `ok`. If the value cannot be said in JSON, is nested too deep or too large: a line of outcome
// `error`.
std::string result_line(std::string_view id, const Json& value);
// `outcome` is error, unknown-job or cancelled.
std::string failure_line(std::string_view id, std::string_view outcome, const HandlerFailure& failure);

}  // namespace eventmq
