// The clock of a running program, see src/base/time.h: the wall clock is read once, and from then on only the
// monotonic one.
#pragma once

#include <chrono>

#include "src/base/time.h"

namespace eventmq {

// Thread-safe. Two clocks of one process may differ by as much as the wall clock was set in between, so a
// program has one.
class Clock {
 public:
  Instant now() const {
    const auto passed = std::chrono::steady_clock::now() - started_;
    return started_at_ + microseconds(std::chrono::duration_cast<std::chrono::microseconds>(passed).count());
  }

 private:
  static Instant wall_clock() {
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count()};
  }

  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  Instant started_at_ = wall_clock();
};

}  // namespace eventmq
