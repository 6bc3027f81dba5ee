// What is wrong with a connection that the router did not get, or keep.
#pragma once

#include <cstdint>

namespace eventmq {

enum class ConnectionFault : uint8_t {
  kUnfinished,  // its messages had no end, and it was cut
  kHandshake,   // it did not speak ZMTP
  kUnheard,     // it sends, and no message of it comes
  kShed,        // there were too many connections, and it was cut
};

}  // namespace eventmq
