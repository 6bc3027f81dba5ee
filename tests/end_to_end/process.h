// Programs that a test starts, watches and ends.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace eventmq::end_to_end {

// Reached only when the thing waited for does not happen.
inline constexpr int kGenerousMs = 120'000;

using Variables = std::map<std::string, std::string>;

// One program. Its output is read as it comes and kept. Killed at the end of the object's life, and with the thread
// that started it.
class Process {
 public:
  // `command[0]` is a path. The program gets these variables and no others; it runs in `folder`, or here if that is
  // empty.
  Process(std::vector<std::string> command, const Variables& variables, const std::string& folder = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  void tell(int signal) const;
  // SIGKILL, and waits until it is gone.
  void kill();
  // Waits for its end and that of its output. The exit code, or 128 and the signal. Fails the test, and kills, if it
  // does not come.
  int wait();

  // stdout and stderr until now.
  std::string out() const;
  std::string err() const;
  // Waits until stderr has the text behind `from`; where it begins. Fails the test if it does not come.
  size_t wait_for_err(const std::string& text, size_t from = 0);

 private:
  void start(std::vector<std::string> command, const Variables& variables, const std::string& folder);
  void read_all();

  pid_t pid_ = 0;
  bool reaped_ = false;
  int status_ = 0;
  int out_fd_ = -1, err_fd_ = -1;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string out_, err_;      // guarded by mutex_
  bool output_ended_ = false;  // guarded by mutex_
  std::thread reader_;
};

struct Ran {
  int code = 0;
  std::string out, err;
};
Ran run(std::vector<std::string> command, const Variables& variables, const std::string& folder = {});

// A process that another one started. Refers to that very process, even when its number is used again.
class Stranger {
 public:
  explicit Stranger(pid_t pid);
  ~Stranger();
  Stranger(Stranger&& other) noexcept;
  Stranger& operator=(Stranger&&) = delete;
  bool is_gone() const { return gone_within(0); }
  // False if it is still there after a long time.
  bool wait_gone() const { return gone_within(kGenerousMs); }
  pid_t pid() const { return pid_; }

 private:
  bool gone_within(int ms) const;
  pid_t pid_;
  int fd_;  // -1 if it was gone from the start
};

std::vector<pid_t> children_of(pid_t parent);
// VmRSS of a process.
size_t resident_bytes(pid_t pid);

// A number that no one listens on now, beyond those that the system gives to connections. Kept from other tests that
// ask here until this test program ends.
int free_port();

// The lines of a file that jobs append to; none if it is not there.
std::vector<std::string> lines_of(const std::string& path);

// Jobs that open this FIFO to read from it block until open().
class Gate {
 public:
  explicit Gate(const std::string& path);
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  const std::string& path() const { return path_; }
  // Lets all pass from now on.
  void open();

 private:
  std::string path_;
  int fd_ = -1;
};

}  // namespace eventmq::end_to_end
