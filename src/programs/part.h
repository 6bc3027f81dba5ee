// A child process of the supervisor, with its output.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/result.h"

namespace eventmq {

class Part {
 public:
  // Takes each finished line that the process prints.
  using LineSink = std::function<void(std::string_view)>;

  Part(std::vector<std::string> command, LineSink sink);
  // Kills the process group if it still runs.
  ~Part();
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  // Errors: kSystem.
  Result<void> start();
  bool running() const { return pid_ > 0; }
  pid_t pid() const { return pid_; }
  // Where its output can be read; -1 when there is none.
  int fd() const { return fd_; }
  // Takes what can be read now.
  void read_output();
  // To the process, or with `group` to all that it started.
  void send_signal(int signal, bool group = false);
  // Whether the process has ended, and how: its exit code, or 128 and the signal. Reads the rest of its output.
  bool reap(int& status);

 private:
  void finish_output();

  std::vector<std::string> command_;
  LineSink sink_;
  pid_t pid_ = 0;
  int fd_ = -1;
  std::string unfinished_;  // a line whose end has not come yet
};

// "exit code 1", "killed by SIGSEGV".
std::string ending_text(int status);

}  // namespace eventmq
