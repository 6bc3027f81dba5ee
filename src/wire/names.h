// What an id and a queue's name may be. The same rules hold for what peers send, what settings say and what
// callers of the library pass.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "src/base/result.h"
#include "src/wire/limits.h"

namespace eventmq {

// Ids of messages and jobs: 1 to limits::kIdBytes printable ASCII characters without blank and comma, so that
// ids can stand in lists.
bool is_id(std::string_view text, size_t size_max = limits::kIdBytes);

// Nothing when the text is an id, else what is wrong with it, as the end of a sentence ("is empty"):
// kTooLarge or kBadMessage.
std::optional<Error> id_fault(std::string_view text, size_t size_max = limits::kIdBytes);

// The name that a node chose for itself, its routing id: as an id, of at most limits::kRoutingIdBytes, so that it can
// be named in INFORM's resume.
bool is_node_name(std::string_view text);

// Queue names: 1 to limits::kQueueNameBytes bytes of UTF-8 without control characters and commas.
// Nothing when the text is one, else what is wrong with it, as the end of a sentence.
std::optional<Error> queue_name_fault(std::string_view text);

// The same for a name without quotes in a list of names, where something that looks like a piece of JSON, as {"a":1} or
// null, is a mistake. In quotes such a name is let pass.
std::optional<Error> bare_queue_name_fault(std::string_view text);

}  // namespace eventmq
