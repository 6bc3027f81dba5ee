// What people ask about dead letters, and the answers, as JSON. Not on the hot path; every listing is bounded.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "src/base/result.h"
#include "src/base/time.h"
#include "src/wire/store_question.h"

namespace eventmq {

enum class DeadView { kList, kShow, kRetry, kDelete };
// Nothing if the view is about something else.
std::optional<DeadView> dead_view(std::string_view what);

// Errors: kBadValue for arguments that are not those of the view. What changes something wants a filter, or `all`.
Result<DeadQuery> dead_query(DeadView view, std::string_view arguments, Instant now);

std::string dead_list(const DeadLetters& found, Instant now);
// One of them, with all that is known.
std::string dead_letter(const DeadLetter& letter, Instant now);
// What was done: {done: count, "skipped": …, "next": …}.
std::string dead_changes(std::string_view done, uint64_t count, uint64_t skipped, const DeadLetters& found);

}  // namespace eventmq
