// How far a job is, as one line that is written over, or as a line each where a terminal cannot do that.
#pragma once

#include <atomic>
#include <cstdio>
#include <string_view>

namespace eventmq {

// Each call may come from another thread, one at a time.
class ProgressLine {
 public:
  // `overwrites`: `out` is a terminal that understands codes.
  ProgressLine(std::FILE* out, bool overwrites) : out_(out), overwrites_(overwrites) {}

  // `fraction`: 0 to 1.
  void show(double fraction, std::string_view text);
  // What is written next begins a line of its own.
  void end();

 private:
  std::FILE* out_;
  bool overwrites_;
  std::atomic<bool> is_open_ = false;
};

}  // namespace eventmq
