// Whether a connection of which no message comes has said more than that it is there.
//
// What it may say without saying anything is the handshake, of at most kHandshakeBytes, and the library's probes and
// their answers (PING and PONG), each of which has at most kProbeBytes and a segment of its own. The library does not
// tell when the handshake was over. So at first only what is beyond the longest handshake counts, and later, when any
// handshake must be over, everything; in both cases without what probes may be.
#pragma once

#include <cstdint>

#include "src/base/time.h"

namespace eventmq {

// By how much a count is above another one; 0 if it is not.
constexpr uint64_t above(uint64_t count, uint64_t base) { return count > base ? count - base : 0; }

class UnheardAccount {
 public:
  // So many bytes were read of the connection, which has this age, and so many segments with data came.
  void sample(uint64_t bytes, uint32_t segments, Duration age);
  // It sent something that should have come out as a message.
  bool speaks() const;

 private:
  bool settled_ = false;
  uint64_t settled_bytes_ = 0, later_ = 0;
  uint32_t settled_segments_ = 0;
};

}  // namespace eventmq
