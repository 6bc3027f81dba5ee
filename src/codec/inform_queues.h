// The queues frame of INFORM: which queues a worker serves, and with which weight.
//
// Four spellings are read (docs/protocol.md, "Queues of INFORM"):
//   [[20, "heavy"], [10, "default"]]    what existing peers send, and what we emit
//   [40, 'email'], [10, 'default']      the published text
//   email, default                      bare names, each of weight 10
//   (empty)                             the broker's default queue
// A small scanner of its own, without recursion: nesting beyond the form is an error, however deep it goes.
#pragma once

#include <string>
#include <vector>

#include "src/base/result.h"
#include "src/wire/messages.h"

namespace eventmq {

// The queues in the order given; names share the text's memory unless they were written with escapes.
// Errors: kTooLarge (the frame's bytes, the number of queues, a name's bytes) or kBadMessage. The text names
// the rule and the place.
Result<std::vector<QueueWeight>> parse_inform_queues(const Bytes& text);

// The first spelling; empty for no queues.
std::string inform_queues_text(const std::vector<QueueWeight>& queues);

}  // namespace eventmq
