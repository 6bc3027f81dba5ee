// The headers of REQUEST and SCHEDULE (docs/protocol.md): comma-separated words, some with a value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "src/base/bytes.h"
#include "src/base/result.h"
#include "src/base/time.h"
#include "src/wire/limits.h"

namespace eventmq {

// What the headers of one job say. `text` is what was sent: a header that we do not know is in it and is
// passed on untouched.
struct JobHeaders {
  Bytes text;
  bool reply_requested = false;
  bool guarantee = false;
  bool nohaste = false;
  uint8_t priority = limits::kPriorityDefault;
  uint32_t retry_count = 0;
  Duration timeout;                   // 0: never
  Duration delay;                     // 0: at once
  std::optional<Duration> expires;    // to start within, counted from arrival
  std::optional<Duration> backoff;    // first retry delay; absent: the broker's setting
  Duration result_ttl;                // the outcome and value are kept for so long; 0: they are not
  std::optional<uint32_t> run_count;  // SCHEDULE only; absent: forever
  Bytes unique;                       // empty: none
  Bytes trace;                        // W3C traceparent, not interpreted
};

// Blanks around a header and around its value, and one comma at the end, are let pass.
// Errors: kTooLarge when the text is over its limit; kBadMessage when it is not UTF-8, has an empty item,
// repeats a known header, leaves out or adds a value, or has a value that is no number or out of range; the
// error's text names the header.
Result<JobHeaders> parse_headers(const Bytes& text);

// The text for a peer that announced no capability: the published headers only, durations rounded up to
// whole seconds, with reply-requested whether or not the job asked for it (only its REPLY tells us when
// such a worker's job has ended).
std::string published_headers(const JobHeaders& headers);

// The same for SCHEDULE and UNSCHEDULE: what existing schedulers know, as the sender asked for it.
std::string published_schedule_headers(const JobHeaders& headers);

}  // namespace eventmq
