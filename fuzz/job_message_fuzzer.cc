// The reader of job messages on any bytes: it never fails, what it refuses has an error in clear text, and what it
// accepts gives slices that are JSON of their kind, so that the line for a worker process is one line of JSON.
//
// links: eventmq_executor
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "src/base/assert.h"
#include "src/executor/job_message.h"
#include "src/executor/json_text.h"
#include "src/executor/worker_protocol.h"
#include "src/wire/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace eventmq;
  // In memory of its own size, so that a sanitizer sees a read beyond it.
  const std::string message(reinterpret_cast<const char*>(data), size);
  const Result<JobCall> call = parse_job_message(message);
  if (!call) {
    EMQ_ASSERT(!call.error().text.empty());
    return 0;
  }
  EMQ_ASSERT(json_kind(call->args) == JsonKind::kArray && json_kind(call->class_args) == JsonKind::kArray);
  EMQ_ASSERT(json_kind(call->kwargs) == JsonKind::kObject && json_kind(call->class_kwargs) == JsonKind::kObject);
  EMQ_ASSERT(is_utf8(call->name));

  const std::string line = job_line("id", 1, "queue", *call, seconds(1));
  EMQ_ASSERT(line.find('\n') == line.size() - 1);
  const nlohmann::json sent = nlohmann::json::parse(line);
  const nlohmann::json given = nlohmann::json::parse(message)[1];
  if (given.contains("args") && !given["args"].is_null()) EMQ_ASSERT(sent["args"] == given["args"]);
  if (given.contains("kwargs") && !given["kwargs"].is_null()) EMQ_ASSERT(sent["kwargs"] == given["kwargs"]);
  EMQ_ASSERT(sent["callable"] == given["callable"]);
  return 0;
}
