// Jobs of the end-to-end tests, as a plug-in. What they did is seen in the files that they append to.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "eventmq/job.h"

namespace {

using eventmq::JobContext;
using eventmq::JobError;

// One line in one write, so that those of many processes do not mix.
void append_line(const std::string& path, const std::string& line) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  const std::string whole = line + "\n";
  const bool written = ::write(fd, whole.data(), whole.size()) == static_cast<ssize_t>(whole.size());
  ::close(fd);
  if (!written) throw JobError("file", "cannot append to " + path);
}

// "id attempt pid pid-of-the-job-manager".
void append(JobContext& context, const std::string& path) {
  append_line(path, context.id() + " " + std::to_string(context.attempt()) + " " + std::to_string(::getpid()) + " " +
                        std::to_string(::getppid()));
}
EVENTMQ_JOB("test.append", append, "path");

// The same, and waits until the gate, a FIFO, is opened by the test.
uint32_t wait_at_gate(JobContext& context, const std::string& path, const std::string& gate) {
  append(context, path);
  const int fd = ::open(gate.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw JobError("file", "there is no gate " + gate);
  ::close(fd);
  return context.attempt();
}
EVENTMQ_JOB("test.wait_at_gate", wait_at_gate, "path", "gate");

void fail(JobContext& context, const std::string& path) {
  append(context, path);
  throw std::runtime_error("no");
}
EVENTMQ_JOB("test.fail", fail, "path");

void throw_a_number() { throw 42; }
EVENTMQ_JOB("test.throw_a_number", throw_a_number);

void leave(int status) { std::exit(status); }
EVENTMQ_JOB("test.exit", leave, "status");

std::string not_text() { return "\xff\xfe"; }
EVENTMQ_JOB("test.not_text", not_text);

// Speaks past the library, on the worker's channel.
void say_on_channel(const std::string& text) {
  if (::write(3, text.data(), text.size()) < 0) throw JobError("channel", "closed");
  ::pause();
}
EVENTMQ_JOB("test.say_on_channel", say_on_channel, "text");

size_t print(size_t bytes) {
  const std::string line(99, 'x');
  for (size_t printed = 0; printed < bytes; printed += 100) std::puts(line.c_str());
  std::fflush(stdout);
  return bytes;
}
EVENTMQ_JOB("test.print", print, "bytes");

std::string text(size_t bytes) { return std::string(bytes, 'x'); }
EVENTMQ_JOB("test.text", text, "bytes");

// Starts a child that does not mind SIGTERM; both stay until they are killed. Appends the number of each.
void family(const std::string& path) {
  const pid_t child = ::fork();
  if (child == 0) ::signal(SIGTERM, SIG_IGN);
  append_line(path, std::to_string(::getpid()));
  for (;;) ::pause();
}
EVENTMQ_JOB("test.family", family, "path");

std::string setting(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value ? value : "";
}
EVENTMQ_JOB("test.setting", setting, "name");

// Waits at the gate TEST_SETUP_GATE, if there is one.
void setup() {
  if (const char* path = std::getenv("TEST_SETUP_FILE")) append_line(path, std::to_string(::getpid()));
  const char* gate = std::getenv("TEST_SETUP_GATE");
  const int fd = gate ? ::open(gate, O_RDONLY | O_CLOEXEC) : -1;
  if (fd >= 0) ::close(fd);
}
EVENTMQ_HOOK("test.setup", setup);

}  // namespace
