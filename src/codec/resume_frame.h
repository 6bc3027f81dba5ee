// The last frame of a resuming worker's INFORM: `previous-routing-id,attempt:id,attempt:id,…`.
#pragma once

#include <optional>
#include <string>

#include "src/base/result.h"
#include "src/wire/messages.h"

namespace eventmq {

// Fills previous_id and held of `inform`, which share the text's memory. Nothing when the text is well
// formed, else the error, as the end of a sentence.
std::optional<Error> parse_resume(const Bytes& text, Inform& inform);

std::string resume_text(const Inform& inform);

}  // namespace eventmq
