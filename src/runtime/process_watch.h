// Decides when a job manager leaves the broker because none of its worker processes serves, and when it comes back.
// Slots are promised to the broker ahead and a promise cannot be taken back, so a job manager that went on would hold
// jobs that another one could run. A process that is merely being replaced is no reason, nor is one that starts slowly.
#pragma once

#include <optional>
#include <utility>

#include "src/base/time.h"

namespace eventmq {

class ProcessWatch {
 public:
  enum class Advice { kNone, kLeave, kComeBack };

  // `patience`: how long no process may serve until the broker is left.
  explicit ProcessWatch(Duration patience) : patience_(patience) {}

  // To be asked whenever something may have changed, and at due(). `serving`: a process is ready or runs a job.
  // `may_leave`: a start has failed, and there is a broker to leave. kLeave is followed by kComeBack, never by itself.
  Advice look(bool serving, bool may_leave, Instant now) {
    due_ = Instant::never();
    if (serving) {
      unserved_since_.reset();
      return std::exchange(away_, false) ? Advice::kComeBack : Advice::kNone;
    }
    if (!unserved_since_) unserved_since_ = now;
    if (away_ || !may_leave) return Advice::kNone;
    if (now < *unserved_since_ + patience_) {
      due_ = *unserved_since_ + patience_;
      return Advice::kNone;
    }
    away_ = true;
    return Advice::kLeave;
  }

  Instant due() const { return due_; }

 private:
  Duration patience_;
  std::optional<Instant> unserved_since_;
  Instant due_ = Instant::never();
  bool away_ = false;
};

}  // namespace eventmq
