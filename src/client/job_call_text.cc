#include "src/client/job_call_text.h"

#include <fmt/format.h>

#include "src/wire/json_value.h"
#include "src/wire/limits.h"
#include "src/wire/text.h"

namespace eventmq {
namespace {

constexpr size_t kLevels = limits::kJsonDepth - 2;  // of what stands in a list and an object, as arguments do

// Parts between points, none empty.
bool is_dotted(std::string_view text) {
  return !text.empty() && text.front() != '.' && text.back() != '.' && text.find("..") == text.npos;
}

bool has_bad_character(std::string_view name) {
  return !is_utf8(name) || has_control_character(name) || name.find_first_of(" ,\"'\\") != name.npos;
}

bool is_path(std::string_view path) {
  const size_t colon = path.find(':');
  if (colon == path.npos) return is_dotted(path);
  const std::string_view class_name = path.substr(colon + 1);
  return is_dotted(path.substr(0, colon)) && is_dotted(class_name) && class_name.find(':') == class_name.npos;
}

Result<std::string> list_text(const Json& list, std::string_view what) {
  if (list.is_null()) return "[]";
  if (list.is_array()) return json_text(list, what);
  return fail(ErrorCode::kBadValue,
              fmt::format("{} must be a list, not {}; arguments with names belong in kwargs", what, list.type_name()));
}

Result<std::string> object_text(const Json& object, std::string_view what) {
  if (object.is_null()) return "{}";
  if (object.is_object()) return json_text(object, what);
  return fail(ErrorCode::kBadValue, fmt::format("{} must be an object, not {}", what, object.type_name()));
}

}  // namespace

Result<JobName> parse_job_name(std::string_view name) {
  const size_t point = name.rfind('.');
  const bool has_path = point != name.npos;
  const std::string_view path = has_path ? name.substr(0, point) : std::string_view();
  const std::string_view callable = has_path ? name.substr(point + 1) : name;
  if (callable.empty() || callable.find(':') != callable.npos || (has_path && !is_path(path)) ||
      has_bad_character(name)) {
    return fail(
        ErrorCode::kBadValue,
        fmt::format("a job's name is like pkg.module.function or pkg.module:Class.method, not {}", in_quotes(name)));
  }
  return JobName{std::string(path), std::string(callable)};
}

Result<std::string> json_text(const Json& json, std::string_view what) {
  const std::string problem = json_problem(json, kLevels);
  if (!problem.empty()) return fail(ErrorCode::kBadValue, fmt::format("{}: the value {}", what, problem));
  std::string text;
  try {
    text = json.dump();
  } catch (const Json::exception&) {
    return fail(ErrorCode::kBadValue, fmt::format("{}: text that is not UTF-8 cannot be sent as JSON", what));
  }
  if (text.size() > limits::kFrameBytesDefault) {
    return fail(ErrorCode::kTooLarge, fmt::format("{}: {} bytes as JSON; at most {} are taken", what, text.size(),
                                                  limits::kFrameBytesDefault));
  }
  return text;
}

Result<std::string> job_call_text(std::string_view name, const JobArguments& arguments) {
  const Result<JobName> parsed = parse_job_name(name);
  if (!parsed) return tl::unexpected<Error>(parsed.error());
  Result<std::string> args = list_text(arguments.args, "args");
  if (!args) return args;
  Result<std::string> kwargs = object_text(arguments.kwargs, "kwargs");
  if (!kwargs) return kwargs;
  Result<std::string> class_args = list_text(arguments.class_args, "class_args");
  if (!class_args) return class_args;
  Result<std::string> class_kwargs = object_text(arguments.class_kwargs, "class_kwargs");
  if (!class_kwargs) return class_kwargs;
  // A name holds nothing that JSON would escape.
  std::string text = fmt::format(
      R"(["run", {{"path": "{}", "callable": "{}", "args": {}, "kwargs": {}, "class_args": {}, "class_kwargs": {}}}])",
      parsed->path, parsed->callable, *args, *kwargs, *class_args, *class_kwargs);
  if (text.size() > limits::kFrameBytesDefault) {
    return fail(ErrorCode::kTooLarge, fmt::format("the arguments take {} bytes as JSON; at most {} are taken",
                                                  text.size(), limits::kFrameBytesDefault));
  }
  return text;
}

}  // namespace eventmq
