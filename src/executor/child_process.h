// Starts one worker process: a process group of its own, the conversation on descriptor 3, stdout and stderr on a
// pipe, nothing else inherited; it is killed when the thread that started it ends, however that happens.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "src/base/file_descriptor.h"
#include "src/base/result.h"

namespace eventmq {

// How a process ended.
struct ExitStatus {
  bool signalled = false;
  int number = 0;  // the signal, or the exit status

  // "SIGSEGV"; only if signalled.
  std::string signal_name() const;
  // "was killed by SIGSEGV", "exited with status 3".
  std::string text() const;
};

class ChildProcess {
 public:
  ChildProcess() = default;
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  // Kills the group and waits for the process, if it was not reaped.
  ~ChildProcess();

  // argv[0] is the file to run, found on PATH if it has no slash. The environment is this process's own. If it cannot
  // be run, the child says so on its channel (a `failed` line) and exits with status 127. Errors: kSystem.
  static Result<ChildProcess> start(const std::vector<std::string>& argv);

  pid_t pid() const { return pid_; }
  int channel() const { return channel_.get(); }         // non-blocking
  int output() const { return output_.get(); }           // non-blocking; -1 once closed
  int exit_descriptor() const { return exited_.get(); }  // readable once the process has ended

  void close_output() { output_.close(); }

  // To every process of its group, and to itself wherever it has gone. Does nothing once it was reaped.
  void signal_group(int signal) const;
  // Takes the exit status if the process has ended, and kills what is left of its group.
  bool reap(ExitStatus& status);

 private:
  pid_t pid_ = 0;  // 0: none, or reaped
  FileDescriptor channel_;
  FileDescriptor output_;
  FileDescriptor exited_;
};

// As the first process of a container this one is the parent of all that lose theirs, and nobody else takes their exit
// status. Does nothing in another process. `is_own` tells of those that are waited for elsewhere; one of them that has
// ended ends this look.
void reap_orphans(const std::function<bool(pid_t)>& is_own);

}  // namespace eventmq
