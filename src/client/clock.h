// The clock of a client (docs/decisions/2026-11-22-one-clock.md).
#pragma once

#include <chrono>

#include "src/base/time.h"

namespace eventmq {

// Wall time when it was made, and from then on only forward. Thread-safe.
class ClientClock {
 public:
  Instant now() const { return Instant{wall_us_ + whole_us(std::chrono::steady_clock::now() - started_)}; }

 private:
  static int64_t whole_us(std::chrono::nanoseconds span) {
    return std::chrono::duration_cast<std::chrono::microseconds>(span).count();
  }

  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  const int64_t wall_us_ = whole_us(std::chrono::system_clock::now().time_since_epoch());
};

}  // namespace eventmq
