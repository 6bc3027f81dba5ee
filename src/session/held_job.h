// A job in a worker's hands: running, or ended while no broker could be told.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "src/base/time.h"
#include "src/wire/messages.h"

namespace eventmq {

// How it ended, until the broker has been told.
struct JobResult {
  Outcome outcome = Outcome::kOk;
  Bytes payload;
};

struct RunningJob {
  uint32_t started_attempt = 1;  // what the executor was told, and says back
  uint32_t attempt = 1;          // what the broker is told; higher if it sent the job again meanwhile
  bool reply_requested = false;
  std::optional<JobResult> result;

  // Progress goes out at most once in kProgressInterval; what came too early waits here for its time, or for the end of
  // the job, so that the last one always arrives before the result.
  std::optional<Instant> progress_sent_at;
  std::optional<Progress> progress_pending;
};

inline constexpr Duration kProgressInterval = milliseconds(100);

// The progress as it may be sent: the fraction within 0 to 1, the text well-formed and cut at its limit.
Progress bounded_progress(Bytes request_id, double fraction, const Bytes& text);

}  // namespace eventmq
