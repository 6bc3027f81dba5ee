#include "src/transport/unheard_account.h"

namespace eventmq {
namespace {

// The greeting, and a READY with the longest routing id, have 369.
constexpr uint64_t kHandshakeBytes = 384;
constexpr uint64_t kHandshakeSegments = 6;
constexpr Duration kHandshakeTime = seconds(6);  // the default of SocketOptions::handshake_timeout, and a second
constexpr uint64_t kProbeBytes = 25;             // PING with a context of 16
constexpr uint64_t kSpeaksBytes = 48;            // less than two messages

}  // namespace

void UnheardAccount::sample(uint64_t bytes, uint32_t segments, Duration age) {
  if (!settled_) {
    settled_ = age >= kHandshakeTime;
    settled_bytes_ = bytes;
    settled_segments_ = segments;
  }
  const uint32_t segments_since = segments - settled_segments_;
  later_ = above(bytes, settled_bytes_ + kProbeBytes * segments_since);
}

bool UnheardAccount::speaks() const {
  const uint64_t probes = above(settled_segments_, kHandshakeSegments);
  return above(settled_bytes_, kHandshakeBytes + kProbeBytes * probes) + later_ >= kSpeaksBytes;
}

}  // namespace eventmq
