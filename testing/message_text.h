// A decoded message as one line of text, for comparing and for reading in a failed test:
// REQUEST id=j1 queue=default headers=[guarantee] payload=[["run", {}]].
#pragma once

#include <string>

#include "src/wire/messages.h"

namespace eventmq::testing {

// Every field of the message is in the text, so that equal texts mean equal messages.
std::string message_text(const Message& message);

}  // namespace eventmq::testing
