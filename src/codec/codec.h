// Frames to messages and back. Pure and exact: what is emitted is always well formed, and what is refused is
// refused with one error per rule broken. Part of the hot path: payloads are neither parsed nor copied.
#pragma once

#include <string>

#include "src/wire/frames.h"
#include "src/wire/messages.h"

namespace eventmq {

// Why a message was refused, and its id where that much could be read, so that an ERROR can name it.
struct DecodeError {
  Error error;
  Bytes offending_id;
  bool understands_errors = false;  // it is an INFORM that says `errors`, whatever else is wrong with it
};

// The frames as a DEALER sends them: without the routing id in front. The message shares the frames' memory.
// Errors: kUnsupportedVersion, kUnknownCommand, kTooLarge, kBadMessage; the text says which frame and rule.
tl::expected<Message, DecodeError> decode(const Frames& frames);

// The message must be one that decode() would accept.
Frames encode(const Message& message);

}  // namespace eventmq
