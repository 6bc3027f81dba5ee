#include "src/programs/part.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/signals_blocked.h"

namespace eventmq {
namespace {

constexpr size_t kLineMax = 16 * 1024;  // longer lines are broken

// What the terminal sent before this process had a group of its own was for the supervisor, and is dropped; SIGTERM was
// for us.
void take_signals_anew() {
  for (const int number : {SIGINT, SIGHUP, SIGQUIT}) ::signal(number, SIG_IGN);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD, SIGQUIT}) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Between fork and exec only what is safe after fork in a process with threads.
[[noreturn]] void become(char* const* arguments, int output, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(127);  // it died in between
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  take_signals_anew();
  ::execv(arguments[0], arguments);
  constexpr char kText[] = "the program cannot be started\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kText, sizeof kText - 1);
  ::_exit(127);
}

// Forks with all signals blocked: a handler that ran in the child would tell the supervisor of a signal that was not
// for it.
pid_t fork_and_become(char* const* arguments, int output) {
  const pid_t parent = ::getpid();
  const SignalsBlocked blocked;
  const pid_t child = ::fork();
  if (child == 0) become(arguments, output, parent);
  return child;
}

}  // namespace

Part::Part(std::vector<std::string> command, LineSink sink) : command_(std::move(command)), sink_(std::move(sink)) {}

Part::~Part() {
  if (pid_ > 0) {
    send_signal(SIGKILL, true);
    ::waitpid(pid_, nullptr, 0);
  }
  if (fd_ >= 0) ::close(fd_);
}

Result<void> Part::start() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(ErrorCode::kSystem, fmt::format("no pipe: {}", ::strerror(errno)));
  std::vector<char*> arguments;
  for (std::string& word : command_) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t child = fork_and_become(arguments.data(), ends[1]);
  const int error = errno;
  ::close(ends[1]);
  if (child < 0) {
    ::close(ends[0]);
    return fail(ErrorCode::kSystem, fmt::format("no process: {}", ::strerror(error)));
  }
  ::setpgid(child, child);  // whichever of the two comes first
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  if (fd_ >= 0) ::close(fd_);
  pid_ = child;
  fd_ = ends[0];
  return {};
}

void Part::read_output() {
  char buffer[16 * 1024];
  ssize_t got = 0;
  while (fd_ >= 0 && (got = ::read(fd_, buffer, sizeof buffer)) > 0) {
    unfinished_.append(buffer, static_cast<size_t>(got));
    size_t begin = 0;
    for (size_t end; (end = unfinished_.find('\n', begin)) != std::string::npos; begin = end + 1) {
      sink_(std::string_view(unfinished_).substr(begin, end - begin));
    }
    unfinished_.erase(0, begin);
    if (unfinished_.size() > kLineMax) sink_(std::exchange(unfinished_, {}));
  }
  if (got == 0) finish_output();
}

void Part::finish_output() {
  if (!unfinished_.empty()) sink_(std::exchange(unfinished_, {}));
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void Part::send_signal(int signal, bool group) {
  if (pid_ > 0) ::kill(group ? -pid_ : pid_, signal);
}

bool Part::reap(int& status) {
  int raw = 0;
  if (pid_ <= 0 || ::waitpid(pid_, &raw, WNOHANG) != pid_) return false;
  status = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
  read_output();
  finish_output();
  pid_ = 0;
  return true;
}

std::string ending_text(int status) {
  if (status < 128) return fmt::format("exit code {}", status);
  const char* name = ::sigabbrev_np(status - 128);
  return name == nullptr ? fmt::format("killed by signal {}", status - 128) : fmt::format("killed by SIG{}", name);
}

}  // namespace eventmq
