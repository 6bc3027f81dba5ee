// What is wrong with a connection that the router did not get, or keep.
#pragma once

#include <cstdint>

namespace eventmq {

enum class ConnectionFault : uint8_t {
  kUnfinished,  // its messages had no end, and it was cut
  kHandshake,   // it did not speak ZMTP
  kTaken,       // its routing id is that of another connection
  kUnread,      // too much waited for it and others, and it was cut
  kShed,        // there were too many connections, and it was cut
};

}  // namespace eventmq
