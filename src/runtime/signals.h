// Signals as something a loop can wait for: while a SignalCatcher lives, the signals it names make its fd()
// readable instead of doing what they did before.
//
// Only the handlers of those signals change, and they are put back in the end; no thread's signal mask is
// touched, so threads and child processes of a program that uses the library are not affected (exec resets
// handlers). One program may have one SignalCatcher at a time.
#pragma once

#include <initializer_list>
#include <memory>

#include "src/base/time.h"

namespace eventmq {

// A program that passes a signal on to a process and to its group, as timeout(1) does, sends it twice: what comes again
// so soon is the same order, and not an impatient one.
inline constexpr Duration kSignalEcho = milliseconds(500);

class SignalCatcher {
 public:
  SignalCatcher(std::initializer_list<int> signals);
  ~SignalCatcher();
  SignalCatcher(const SignalCatcher&) = delete;
  SignalCatcher& operator=(const SignalCatcher&) = delete;

  int fd() const;
  // The next signal caught, in order; 0 if there is none. Does not block.
  int next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace eventmq
