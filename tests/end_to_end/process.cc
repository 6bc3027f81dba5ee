#include "tests/end_to_end/process.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

namespace eventmq::end_to_end {
namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

bool can_listen(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool free = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return free;
}

// A name in the abstract space of local sockets: gone with the program that holds it.
bool reserve(int port) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = "eventmq-test-port-" + std::to_string(port);
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0) return true;
  ::close(fd);
  return false;
}

}  // namespace

Process::Process(std::vector<std::string> command, const Variables& variables, const std::string& folder) {
  start(std::move(command), variables, folder);
  reader_ = std::thread([this] { read_all(); });
}

void Process::start(std::vector<std::string> command, const Variables& variables, const std::string& folder) {
  int out[2], err[2];
  if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0) ::abort();
  std::vector<std::string> environment;
  for (const auto& [name, value] : variables) environment.push_back(name + "=" + value);
  const std::vector<char*> argv = pointers(command), envp = pointers(environment);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that is killed leaves nothing running
    const int nothing = ::open("/dev/null", O_RDONLY);
    ::dup2(nothing, 0);
    ::dup2(out[1], 1);
    ::dup2(err[1], 2);
    if (folder.empty() || ::chdir(folder.c_str()) == 0) ::execve(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
  ::close(out[1]);
  ::close(err[1]);
  out_fd_ = out[0];
  err_fd_ = err[0];
}

Process::~Process() {
  kill();
  reader_.join();
  ::close(out_fd_);
  ::close(err_fd_);
}

void Process::tell(int signal) const {
  if (!reaped_) ::kill(pid_, signal);
}

void Process::kill() {
  if (reaped_) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, &status_, 0);
  reaped_ = true;
}

int Process::wait() {
  if (!reaped_) {
    const Stranger watched(pid_);
    if (!watched.wait_gone()) {
      ADD_FAILURE() << "process " << pid_ << " does not end; it said:\n" << out() << err();
      kill();
    } else {
      ::waitpid(pid_, &status_, 0);
      reaped_ = true;
    }
  }
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::milliseconds(kGenerousMs), [&] { return output_ended_; });
  return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
}

std::string Process::out() const {
  const std::lock_guard lock(mutex_);
  return out_;
}

std::string Process::err() const {
  const std::lock_guard lock(mutex_);
  return err_;
}

size_t Process::wait_for_err(const std::string& text, size_t from) {
  std::unique_lock lock(mutex_);
  const auto found = [&] { return err_.find(text, from) != std::string::npos; };
  changed_.wait_for(lock, std::chrono::milliseconds(kGenerousMs), [&] { return found() || output_ended_; });
  if (!found()) ADD_FAILURE() << "never said: " << text << "\nbut:\n" << out_ << err_;
  return err_.find(text, from);
}

void Process::read_all() {
  pollfd items[] = {{out_fd_, POLLIN, 0}, {err_fd_, POLLIN, 0}};
  std::string* texts[] = {&out_, &err_};
  while (items[0].fd >= 0 || items[1].fd >= 0) {
    ::poll(items, 2, -1);
    for (int index = 0; index < 2; ++index) {
      if (items[index].fd < 0 || items[index].revents == 0) continue;
      char buffer[16'384];
      const ssize_t got = ::read(items[index].fd, buffer, sizeof buffer);
      if (got < 0 && errno == EINTR) continue;
      const std::lock_guard lock(mutex_);
      if (got > 0) texts[index]->append(buffer, static_cast<size_t>(got));
      if (got <= 0) items[index].fd = -1;
      changed_.notify_all();
    }
  }
  const std::lock_guard lock(mutex_);
  output_ended_ = true;
  changed_.notify_all();
}

Ran run(std::vector<std::string> command, const Variables& variables, const std::string& folder) {
  Process process(std::move(command), variables, folder);
  const int code = process.wait();
  return {code, process.out(), process.err()};
}

Stranger::Stranger(pid_t pid) : pid_(pid), fd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}

Stranger::~Stranger() {
  if (fd_ >= 0) ::close(fd_);
}

Stranger::Stranger(Stranger&& other) noexcept : pid_(other.pid_), fd_(other.fd_) { other.fd_ = -1; }

bool Stranger::gone_within(int ms) const {
  if (fd_ < 0) return true;
  pollfd item{fd_, POLLIN, 0};
  return ::poll(&item, 1, ms) == 1;
}

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0) continue;
    std::ifstream file(entry.path() / "stat");
    std::string text;
    std::getline(file, text);
    const size_t name_end = text.rfind(')');
    if (name_end == std::string::npos || text.size() < name_end + 4) continue;
    if (std::atoi(text.c_str() + name_end + 4) == parent) found.push_back(pid);
  }
  return found;
}

size_t resident_bytes(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6)) * 1024;
  }
  return 0;
}

int free_port() {
  static std::mt19937 random{std::random_device{}()};
  for (;;) {
    const int port = std::uniform_int_distribution<int>(20'000, 31'999)(random);
    if (can_listen(port) && reserve(port)) return port;
  }
}

std::vector<std::string> lines_of(const std::string& path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

Gate::Gate(const std::string& path) : path_(path) {
  if (::mkfifo(path.c_str(), 0600) != 0) ADD_FAILURE() << "mkfifo " << path << ": " << std::strerror(errno);
}

Gate::~Gate() {
  if (fd_ >= 0) ::close(fd_);
}

void Gate::open() {
  if (fd_ < 0) fd_ = ::open(path_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

}  // namespace eventmq::end_to_end
