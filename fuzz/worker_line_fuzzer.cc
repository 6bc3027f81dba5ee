// The reader of worker processes' lines on any bytes: it never fails, and every result that it accepts gives a
// payload that peers can read.
//
// links: eventmq_executor
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "src/base/assert.h"
#include "src/executor/worker_protocol.h"

namespace {

using namespace eventmq;

void check_result(const WorkerResult& result) {
  const nlohmann::json payload = nlohmann::json::parse(result.payload);
  EMQ_ASSERT(payload.contains("value"));
  EMQ_ASSERT(payload.contains("error") == (result.outcome != Outcome::kOk));
  if (result.outcome == Outcome::kOk) return;
  EMQ_ASSERT(payload["error"]["type"].is_string() && payload["error"]["message"] == payload["value"]);
  EMQ_ASSERT(payload["error"].contains("details"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string line(reinterpret_cast<const char*>(data), size);
  const Result<WorkerMessage> message = parse_worker_line(line);
  if (!message) {
    EMQ_ASSERT(!message.error().text.empty());
    return 0;
  }
  if (const auto* result = std::get_if<WorkerResult>(&*message)) check_result(*result);
  if (const auto* progress = std::get_if<WorkerProgress>(&*message)) {
    EMQ_ASSERT(progress->fraction >= 0 && progress->fraction <= 1);
  }
  return 0;
}
