// A job's name and arguments as the message of a REQUEST (docs/protocol.md, "The job message").
#pragma once

#include <string>
#include <string_view>

#include "eventmq/json.h"
#include "src/base/result.h"

namespace eventmq {

// "pkg.module.function" is path "pkg.module", callable "function"; "pkg.module:Class.method" is path
// "pkg.module:Class", callable "method"; a name without a point has an empty path.
struct JobName {
  std::string path;
  std::string callable;
};
// Errors: kBadValue; the text quotes the name and says what it should look like.
Result<JobName> parse_job_name(std::string_view name);

struct JobArguments {
  const Json& args;
  const Json& kwargs;
  const Json& class_args;
  const Json& class_kwargs;
};
// null stands for an empty list or object.
// Errors: kBadValue (the name; an argument list that is no list; what JSON cannot say), kTooLarge.
Result<std::string> job_call_text(std::string_view name, const JobArguments& arguments);

// Any JSON as text. Errors: kBadValue (text that is not UTF-8, NaN, infinity, bytes, nesting deeper than a job manager
// takes), kTooLarge; `what` begins the error's text.
Result<std::string> json_text(const Json& json, std::string_view what);

}  // namespace eventmq
