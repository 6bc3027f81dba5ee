// Runs build/emq in tests: as a command that ends, or as a program that goes on.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace eventmq::test {

// A folder of its own for sockets and files, gone at the end.
class ScratchFolder {
 public:
  ScratchFolder() {
    char path[] = "/tmp/emq-test-XXXXXX";
    path_ = ::mkdtemp(path);
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// The environment of the test without anything that would lead emq elsewhere, and sockets in the folder.
inline std::map<std::string, std::string> environment_in(const ScratchFolder& folder) {
  return {{"PATH", "/usr/bin:/bin"},
          {"HOME", folder.file("")},
          {"EVENTMQ_CONFIG_FILE", "/dev/null"},
          {"EVENTMQ_FRONTEND_LISTEN_ADDR", "ipc://" + folder.file("f")},
          {"EVENTMQ_BACKEND_LISTEN_ADDR", "ipc://" + folder.file("b")},
          {"EVENTMQ_ADMINISTRATIVE_LISTEN_ADDR", "ipc://" + folder.file("a")},
          {"EVENTMQ_CONNECT_ADDR", "ipc://" + folder.file("b")}};
}

class EmqProcess {
 public:
  // `program` is the name it is started under; `input` is what it reads.
  EmqProcess(const std::vector<std::string>& words, const std::map<std::string, std::string>& environment,
             const std::string& program = "emq", const std::string& input = "") {
    int out_ends[2], err_ends[2], in[2];
    if (::pipe2(out_ends, O_CLOEXEC) != 0 || ::pipe2(err_ends, O_CLOEXEC) != 0 || ::pipe2(in, O_CLOEXEC) != 0)
      ::abort();
    std::vector<std::string> arguments = {program};
    arguments.insert(arguments.end(), words.begin(), words.end());
    std::vector<std::string> variables;
    for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
    std::vector<char*> argv = pointers(arguments), envp = pointers(variables);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(in[0], 0);
      ::dup2(out_ends[1], 1);
      ::dup2(err_ends[1], 2);
      ::execve(EVENTMQ_BINARY_DIR "/emq", argv.data(), envp.data());
      ::_exit(127);
    }
    for (int end : {out_ends[1], err_ends[1], in[0]}) ::close(end);
    [[maybe_unused]] const ssize_t written = ::write(in[1], input.data(), input.size());
    ::close(in[1]);
    out_fd_ = out_ends[0];
    err_fd_ = err_ends[0];
  }
  ~EmqProcess() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(out_fd_);
    ::close(err_fd_);
  }
  EmqProcess(const EmqProcess&) = delete;
  EmqProcess& operator=(const EmqProcess&) = delete;

  void tell(int signal) const { ::kill(pid_, signal); }
  pid_t pid() const { return pid_; }
  // The program has a handler for this signal.
  bool catches(int signal) const {
    std::ifstream file("/proc/" + std::to_string(pid_) + "/status");
    std::string line;
    while (std::getline(file, line) && !line.starts_with("SigCgt:")) continue;
    return line.size() > 8 && ((std::stoull(line.substr(8), nullptr, 16) >> (signal - 1)) & 1) != 0;
  }

  // Reads until its output holds the text; false if it ended before.
  bool wait_for(const std::string& text) {
    while (out.find(text) == std::string::npos && err.find(text) == std::string::npos) {
      if (!read_some()) return false;
    }
    return true;
  }
  // Reads what comes next; false if it ended.
  bool wait_for_more() { return read_some(); }
  // Reads to the end; the exit code, or 128 and the signal.
  int wait() {
    while (read_some()) {
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  std::string out, err;

 private:
  static std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (std::string& text : texts) all.push_back(text.data());
    all.push_back(nullptr);
    return all;
  }

  // False when both ends are closed, or nothing came for longer than any machine needs.
  bool read_some() {
    pollfd items[] = {{out_open_ ? out_fd_ : -1, POLLIN, 0}, {err_open_ ? err_fd_ : -1, POLLIN, 0}};
    if (!out_open_ && !err_open_) return false;
    if (::poll(items, 2, 120'000) <= 0) {
      ADD_FAILURE() << "emq said nothing for two minutes; so far:\n" << out << err;
      ::kill(pid_, SIGKILL);
      return false;
    }
    if (items[0].revents != 0) out_open_ = take(out_fd_, out);
    if (items[1].revents != 0) err_open_ = take(err_fd_, err);
    return true;
  }
  static bool take(int fd, std::string& text) {
    char buffer[4096];
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got > 0) text.append(buffer, static_cast<size_t>(got));
    return got > 0;
  }

  pid_t pid_ = 0;
  int out_fd_ = -1, err_fd_ = -1;
  bool out_open_ = true, err_open_ = true;
};

// A port on which somebody else listens.
class TakenPort {
 public:
  TakenPort() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const bool listens = ::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(fd_, 1) == 0;
    if (!listens || ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0) ::abort();
    port_ = ntohs(address.sin_port);
  }
  ~TakenPort() { ::close(fd_); }
  TakenPort(const TakenPort&) = delete;
  TakenPort& operator=(const TakenPort&) = delete;
  std::string address() const { return "tcp://127.0.0.1:" + std::to_string(port_); }

 private:
  int fd_;
  int port_;
};

struct Ran {
  int code;
  std::string out, err;
};
inline Ran run_emq(const std::vector<std::string>& words, const std::map<std::string, std::string>& environment,
                   const std::string& input = "", const std::string& program = "emq") {
  EmqProcess process(words, environment, program, input);
  const int code = process.wait();
  return {code, process.out, process.err};
}

}  // namespace eventmq::test
