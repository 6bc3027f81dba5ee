// How the attempts of a job ended, as a text that the store keeps with the job: a line for each of the newest, oldest
// first. docs/store_format.md describes it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/bytes.h"
#include "src/base/time.h"
#include "src/wire/messages.h"

namespace eventmq {

struct AttemptEnd {
  uint32_t attempt = 0;
  Instant started_at;
  Instant ended_at;
  Outcome outcome = Outcome::kError;
  std::string worker;  // routing id
  std::string error;
};

// With one more attempt, which takes the place of what was said of it before. What is no line of text is made so.
Bytes with_attempt(const Bytes& history, const AttemptEnd& end);
// Lines that make no sense are left out.
std::vector<AttemptEnd> read_history(std::string_view history);

// What went wrong, of a REPLY's payload or its beginning: the message of its error if it has one, else as it stands.
std::string error_text(std::string_view payload);

}  // namespace eventmq
