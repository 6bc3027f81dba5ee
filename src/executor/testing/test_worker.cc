// The worker processes of executor_test.cc: jobs that behave, and jobs that do not.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <string>

#include "eventmq/job.h"
#include "eventmq/worker.h"

namespace {

using eventmq::JobContext;
using eventmq::Json;

[[noreturn]] void wait_for_ever() {
  while (true) pause();
}

int entries = 0;
int exits = 0;
bool was_set_up = false;

EVENTMQ_JOB(
    "add", [](int a, int b) { return a + b; }, "a", eventmq::Parameter("b", 10));
EVENTMQ_JOB("echo", [](const Json& value) { return value; });
EVENTMQ_JOB("nothing", [] {});
EVENTMQ_JOB("process", [] { return getpid(); });
EVENTMQ_JOB("context", [](JobContext& context) {
  return Json{{"id", context.id()},
              {"attempt", context.attempt()},
              {"queue", context.queue()},
              {"name", context.name()},
              {"has_deadline", context.deadline().has_value()}};
});
EVENTMQ_JOB("throw", [] { throw std::runtime_error("no luck"); });
EVENTMQ_JOB("throw_details", [] { throw eventmq::JobError("payment", "card refused", {{"code", 51}}); });
EVENTMQ_JOB("throw_number", [] { throw 5; });
EVENTMQ_JOB("exit", [](int status) { std::exit(status); });
EVENTMQ_JOB("crash", [] {
  signal(SIGSEGV, SIG_DFL);  // whatever a sanitizer makes of it
  raise(SIGSEGV);
});
EVENTMQ_JOB("abort", [] { std::abort(); });
EVENTMQ_JOB("print", [](const std::string& text) { std::printf("%s", text.c_str()); });
EVENTMQ_JOB("print_bytes", [](size_t count) {
  for (size_t i = 0; i < count / 64; ++i) std::cout << std::string(63, 'x') << '\n';
});
EVENTMQ_JOB("log", [](JobContext& context, const std::string& text) { context.log(text); });
EVENTMQ_JOB("not_a_number", [] { return std::numeric_limits<double>::quiet_NaN(); });
EVENTMQ_JOB("not_utf8", [] { return std::string("\xff\xfe"); });
EVENTMQ_JOB("deep", [](int levels) {
  Json value = 1;
  for (int i = 0; i < levels; ++i) value = Json::array({std::move(value)});
  return value;
});
EVENTMQ_JOB("large", [](size_t count) { return std::string(count, 'x'); });
EVENTMQ_JOB("report", [](JobContext& context, int times) {
  for (int i = 1; i <= times; ++i) context.progress(static_cast<double>(i) / times, "step " + std::to_string(i));
});
// Each of these tells by a progress report that it has begun.
EVENTMQ_JOB("for_ever", [](JobContext& context) {
  context.progress(0, std::to_string(getpid()));
  wait_for_ever();
});
EVENTMQ_JOB("leave_group", [](JobContext& context) {
  if (setpgid(0, getpgid(getppid())) != 0) std::abort();
  context.progress(0, std::to_string(getpid()));
  wait_for_ever();
});
EVENTMQ_JOB("ignore_terminate", [](JobContext& context) {
  signal(SIGTERM, SIG_IGN);
  context.progress(0);
  wait_for_ever();
});
EVENTMQ_JOB("until_cancelled", [](JobContext& context) {
  context.progress(0);
  pollfd channel{3, POLLIN, 0};
  while (!context.cancelled()) poll(&channel, 1, -1);
  return "stopped";
});
EVENTMQ_JOB("with_child", [](JobContext& context) {
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGTERM, SIG_IGN);
    wait_for_ever();
  }
  context.progress(0, std::to_string(child));
  wait_for_ever();
});
EVENTMQ_JOB("leave_child", [] {
  const pid_t child = fork();
  if (child == 0) wait_for_ever();
  return child;
});
// Both go on as if nothing were, the parent when the child has ended.
void fork_and_wait() {
  const pid_t child = fork();
  if (child > 0 && waitpid(child, nullptr, 0) != child) std::abort();
}
EVENTMQ_JOB("fork", [] {
  fork_and_wait();
  return getpid();
});
EVENTMQ_JOB("fork_and_throw", [] {
  const pid_t parent = getpid();
  fork_and_wait();
  if (getpid() != parent) throw std::runtime_error("the child's");
  return parent;
});
EVENTMQ_JOB("hooks", [] { return Json::array({was_set_up, entries, exits}); });
EVENTMQ_JOB("open_descriptors", [] {
  int count = 0;
  for (int descriptor = 0; descriptor < 256; ++descriptor) count += fcntl(descriptor, F_GETFD) >= 0;
  return count;
});
EVENTMQ_JOB("close_channel", [] {
  close(3);
  wait_for_ever();
});
EVENTMQ_JOB("write_to_channel", [](const std::string& text) {
  if (write(3, text.data(), text.size()) < 0) std::abort();
  wait_for_ever();
});
EVENTMQ_JOB("flood_channel", [] {
  const std::string text(1024 * 1024, 'x');
  while (write(3, text.data(), text.size()) > 0) continue;
  wait_for_ever();
});

EVENTMQ_HOOK("set_up", [] { was_set_up = true; });
EVENTMQ_HOOK("set_up_badly", [] { throw std::runtime_error("no database"); });
EVENTMQ_HOOK("enter", [](JobContext&) { ++entries; });
EVENTMQ_HOOK("enter_with_fork", [] { fork_and_wait(); });
EVENTMQ_HOOK("leave", [] { ++exits; });
EVENTMQ_HOOK("enter_badly", [] { throw std::runtime_error("not today"); });
EVENTMQ_HOOK("leave_badly", [] { throw std::runtime_error("door stuck"); });

}  // namespace

int main(int argc, char** argv) { return eventmq::run_worker_process(argc, argv).value_or(2); }
