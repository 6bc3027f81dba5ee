// What a peer said it knows beyond the published protocol: one frame of comma-separated words at the end of
// INFORM and of the ACK that answers it. No word, no extension.
#pragma once

#include <cstdint>
#include <string>

#include "src/base/bytes.h"

namespace eventmq {

struct Capabilities {
  bool settle = false;     // worker: every job ends with an extended REPLY, which is also its READY
  bool errors = false;     // understands ERROR
  bool cancel = false;     // worker: understands CANCEL
  bool progress = false;   // worker sends, client understands PROGRESS
  bool multi_ack = false;  // client: understands several ids in one ACK
  bool resume = false;     // worker: its INFORM may name jobs it still runs from an earlier conversation
  // In the broker's ACK: `instance:<id>`, new at every start of the broker that begins with an empty memory.
  // A peer that meets another instance than before knows that jobs held in memory only are gone.
  Bytes instance;
  // In the broker's ACK: `frame-max:<bytes>`, the largest frame that it takes. 0: it did not say.
  uint64_t frame_bytes_max = 0;

  bool operator==(const Capabilities&) const = default;
};

// Words that are not known are ignored: they are a newer peer's.
Capabilities parse_capabilities(const Bytes& text);
std::string capabilities_text(const Capabilities& capabilities);

}  // namespace eventmq
