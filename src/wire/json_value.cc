#include "src/wire/json_value.h"

#include <cmath>

namespace eventmq {
namespace {

bool is_too_deep(const Json& value, size_t levels) { return value.is_structured() && levels == 0; }

// Of this value alone.
std::string own_problem(const Json& value) {
  if (value.is_number_float() && !std::isfinite(value.get<double>())) {
    return "holds a number that JSON has no word for (NaN or infinity)";
  }
  return value.is_binary() ? "holds binary data; encode it as text first" : "";
}

std::string problem_within(const Json& value, size_t levels, size_t levels_max) {
  if (is_too_deep(value, levels)) return "is nested deeper than " + std::to_string(levels_max) + " levels";
  if (!value.is_structured()) return own_problem(value);
  for (const Json& element : value) {
    std::string problem = problem_within(element, levels - 1, levels_max);
    if (!problem.empty()) return problem;
  }
  return "";
}

}  // namespace

std::string json_problem(const Json& value, size_t levels) { return problem_within(value, levels, levels); }

}  // namespace eventmq
