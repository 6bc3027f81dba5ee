// The lines between a job manager and a worker process (docs/worker_protocol.md has every member and rule): one JSON
// object to a line, each with a "type". This is the manager's end: it writes hello, job, cancel and stop, and reads
// ready, result, progress, log and failed. What it reads comes from the user's code and is trusted in nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "src/base/result.h"
#include "src/base/time.h"
#include "src/executor/job_message.h"
#include "src/wire/messages.h"

namespace eventmq {

inline constexpr int kWorkerProtocolVersion = 1;
inline constexpr int kWorkerChannel = 3;  // the file descriptor of the conversation in a worker process

// Functions that the worker runs, by the names that it knows them by; empty: none.
struct WorkerHooks {
  std::string setup;  // once, before the first job
  std::string entry;  // before each job
  std::string exit;   // after each job
  bool operator==(const WorkerHooks&) const = default;
};

// --- Manager to worker; every line ends with a line break ---
std::string hello_line(const WorkerHooks& hooks);
std::string job_line(std::string_view id, uint32_t attempt, std::string_view queue, const JobCall& call,
                     std::optional<Duration> timeout);
std::string cancel_line(std::string_view id);
std::string stop_line();

// --- Worker to manager ---
struct WorkerReady {
  int protocol = 0;
  // The jobs that it knows; absent: it finds out when asked.
  std::optional<std::vector<std::string>> names;
};
struct WorkerResult {
  std::string id;
  Outcome outcome;      // kOk, kError, kUnknownJob or kCancelled
  std::string payload;  // for the settling REPLY: {"value": …}, or {"value": "<message>", "error": {…}}
};
struct WorkerProgress {
  std::string id;
  double fraction;  // 0 to 1
  std::string text;
};
struct WorkerLog {
  bool warning;
  std::string text;
};
// The process cannot serve; it ends after saying so.
struct WorkerFailed {
  std::string message;
  bool final = false;  // nor could another one in its place
};
using WorkerMessage = std::variant<WorkerReady, WorkerResult, WorkerProgress, WorkerLog, WorkerFailed>;

// `line` is without its line break. Errors: kBadMessage; the text says what is wrong with it.
Result<WorkerMessage> parse_worker_line(std::string_view line);

// The payload of a job that ended without success: {"value": message, "error": {type, message, details}}. `details` is
// JSON text.
std::string failure_payload(std::string_view type, std::string_view message, std::string_view details = "null");

}  // namespace eventmq
