#include "src/executor/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "src/base/signals_blocked.h"
#include "src/executor/file_limit.h"
#include "src/executor/json_text.h"
#include "src/executor/worker_protocol.h"

namespace eventmq {
namespace {

tl::unexpected<Error> system_error(const char* call) {
  return fail(ErrorCode::kSystem, fmt::format("{} failed: {}", call, std::strerror(errno)));
}

// Everything that the child needs after fork(), made before it: between fork and exec only calls that are safe in a
// signal handler are allowed.
struct Launch {
  std::vector<char*> argv;
  int channel;
  int output;
  int input;
  pid_t parent;
  rlimit open_files;
  std::string failure;  // a `failed` line but for its end

  [[noreturn]] void run() const;

 private:
  [[noreturn]] void give_up() const;
};

void Launch::give_up() const {
  const char* reason = strerrordesc_np(errno);
  const char* parts[] = {failure.c_str(), reason ? reason : "unknown error", "\"}\n"};
  for (const char* part : parts) {
    if (write(kWorkerChannel, part, strlen(part)) < 0) break;
  }
  _exit(127);
}

void Launch::run() const {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // the parent died before the line above

  // Descriptors 0 to 3, in an order that overwrites none before it is used: all of ours are above 3.
  dup2(input, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  dup2(channel, kWorkerChannel);
  close_range(kWorkerChannel + 1, ~0u, 0);
  setrlimit(RLIMIT_NOFILE, &open_files);

  for (int signal = 1; signal < NSIG; ++signal) {
    if (signal != SIGKILL && signal != SIGSTOP) ::signal(signal, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execvp(argv[0], argv.data());
  give_up();
}

// A copy of a descriptor with a number above those that the child gives a meaning to.
FileDescriptor above_channel(FileDescriptor descriptor) {
  if (!descriptor.is_open() || descriptor.get() > kWorkerChannel) return descriptor;
  return FileDescriptor(fcntl(descriptor.get(), F_DUPFD_CLOEXEC, kWorkerChannel + 1));
}

bool set_nonblocking(int descriptor) {
  return fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) == 0;
}

std::vector<char*> pointers(const std::vector<std::string>& argv) {
  std::vector<char*> result;
  result.reserve(argv.size() + 1);
  for (const std::string& argument : argv) result.push_back(const_cast<char*>(argument.c_str()));
  result.push_back(nullptr);
  return result;
}

// `{"type":"failed","message":"cannot run NAME: `, to be ended with the reason.
std::string failure_start(const std::string& program) {
  std::string line = "{\"type\":\"failed\",\"message\":" + json_quoted("cannot run " + program + ": ");
  line.pop_back();  // the closing quote
  return line;
}

// Forks with all signals blocked, so that no handler of this process runs in the child.
pid_t fork_and_run(const Launch& launch) {
  const SignalsBlocked blocked;
  const pid_t pid = fork();
  if (pid == 0) launch.run();
  return pid;
}

}  // namespace

std::string ExitStatus::signal_name() const {
  const char* name = sigabbrev_np(number);
  return name ? fmt::format("SIG{}", name) : fmt::format("signal {}", number);
}

std::string ExitStatus::text() const {
  return signalled ? "was killed by " + signal_name() : fmt::format("exited with status {}", number);
}

Result<ChildProcess> ChildProcess::start(const std::vector<std::string>& argv) {
  if (argv.empty()) return fail(ErrorCode::kBadValue, "the command of a worker process is empty");
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return system_error("socketpair");
  ChildProcess child;
  child.channel_ = FileDescriptor(pair[0]);
  FileDescriptor far_channel = above_channel(FileDescriptor(pair[1]));
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) return system_error("pipe");
  child.output_ = FileDescriptor(pipe_ends[0]);
  FileDescriptor far_output = above_channel(FileDescriptor(pipe_ends[1]));
  FileDescriptor input = above_channel(FileDescriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
  if (!far_channel.is_open() || !far_output.is_open() || !input.is_open()) return system_error("open");
  if (!set_nonblocking(child.channel_.get()) || !set_nonblocking(child.output_.get())) return system_error("fcntl");

  const Launch launch{pointers(argv), far_channel.get(),      far_output.get(),      input.get(),
                      getpid(),       inherited_file_limit(), failure_start(argv[0])};
  child.pid_ = fork_and_run(launch);
  if (child.pid_ < 0) {
    child.pid_ = 0;
    return system_error("fork");
  }
  setpgid(child.pid_, child.pid_);  // here too: whoever of the two comes first
  child.exited_ = FileDescriptor(static_cast<int>(syscall(SYS_pidfd_open, child.pid_, 0)));
  if (!child.exited_.is_open()) return system_error("pidfd_open");
  return child;
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      channel_(std::move(other.channel_)),
      output_(std::move(other.output_)),
      exited_(std::move(other.exited_)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(channel_, other.channel_);
  std::swap(output_, other.output_);
  std::swap(exited_, other.exited_);
  return *this;
}

ChildProcess::~ChildProcess() {
  if (pid_ == 0) return;
  signal_group(SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void ChildProcess::signal_group(int signal) const {
  if (pid_ == 0) return;
  kill(-pid_, signal);
  if (getpgid(pid_) != pid_) kill(pid_, signal);  // it has left its group
}

bool ChildProcess::reap(ExitStatus& status) {
  siginfo_t info{};
  if (pid_ == 0 || waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0) return false;
  if (info.si_pid == 0) return false;
  signal_group(SIGKILL);  // while the dead process still holds the group's number
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
  status.signalled = info.si_code != CLD_EXITED;
  status.number = info.si_status;
  return true;
}

void reap_orphans(const std::function<bool(pid_t)>& is_own) {
  static const bool is_first = getpid() == 1;
  if (!is_first) return;
  siginfo_t info{};
  while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0 && !is_own(info.si_pid)) {
    waitpid(info.si_pid, nullptr, WNOHANG);
    info = {};
  }
}

}  // namespace eventmq
