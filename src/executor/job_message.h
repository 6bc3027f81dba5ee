// The message of a REQUEST as a job manager reads it (docs/protocol.md, "The job message"):
//
//   ["run", {"path": "pkg.module" or "pkg.module:Class", "callable": "name",
//            "args": [], "kwargs": {}, "class_args": [], "class_kwargs": {}}]
//
// Any of the four lists may be missing; a path may be missing or empty, and then the callable is the whole name.
// Members that we do not know are ignored: they are a newer peer's.
#pragma once

#include <string>
#include <string_view>

#include "src/base/result.h"

namespace eventmq {

struct JobCall {
  std::string name;  // path.callable, or path:Class.callable, or the callable alone
  std::string path;
  std::string callable;
  // JSON text, slices of the message: valid as long as it is.
  std::string_view args = "[]";
  std::string_view kwargs = "{}";
  std::string_view class_args = "[]";
  std::string_view class_kwargs = "{}";
};

// Errors: kBadMessage (not JSON, nested beyond limits::kJsonDepth, a member of the wrong kind or given twice, no
// callable), kTooLarge (beyond limits::kFrameBytesDefault); the text names the member and the rule.
Result<JobCall> parse_job_message(std::string_view message);

}  // namespace eventmq
