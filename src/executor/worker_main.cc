#include "src/executor/worker_main.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <optional>
#include <system_error>
#include <utility>

#include "src/executor/handler_context.h"
#include "src/executor/job_registry.h"
#include "src/executor/job_result.h"
#include "src/executor/json_text.h"
#include "src/executor/worker_protocol.h"

namespace eventmq {
namespace {

constexpr int kCannotServe = 1;  // exit status

// This process cannot serve. `final`: what is wrong is in the program or how it was started, so no other could either.
struct CannotServe {
  std::string message;
  bool final = true;
};

// Ends a forked child that leaves its scope in what way ever, without a word: it has a copy of the channel, and would
// answer for this process and take jobs from it.
struct OnlyThisProcess {
  ~OnlyThisProcess() {
    if (getpid() != process) _exit(0);
  }
  const pid_t process = getpid();
};

// Calls what the author of the jobs has written.
template <class Call>
auto call_out(Call call) {
  const OnlyThisProcess guard;
  return call();
}

class WorkerProgram {
 public:
  explicit WorkerProgram(ManagerChannel& channel) : channel_(channel) {}

  // Throws CannotServe.
  void prepare(const std::vector<std::string>& plugins);
  void serve();

 private:
  void greet();
  const HookFunction* find_hook(const Json& hello, const char* member) const;
  void run(const Json& message);
  std::string run_known(const JobFunction& job, HandlerContext& context);
  void run_exit_hook(HandlerContext& context);

  ManagerChannel& channel_;
  const HookFunction* entry_hook_ = nullptr;
  const HookFunction* exit_hook_ = nullptr;
  bool stop_requested_ = false;
};

// Where a file that is not there was looked for; nothing if that is plain.
std::string searched_places(const std::string& plugin) {
  std::error_code unknown;
  const std::filesystem::path here = std::filesystem::current_path(unknown);
  if (plugin.starts_with('/') || unknown || access(plugin.c_str(), F_OK) == 0) return {};
  const bool is_name = plugin.find('/') == std::string::npos;
  return fmt::format(" (looked for in {}{})", here.string(), is_name ? " and among the system's libraries" : "");
}

void load(const std::string& plugin) {
  // Without a slash dlopen() would look in the system's folders only.
  const bool is_here = plugin.find('/') == std::string::npos && access(plugin.c_str(), R_OK) == 0;
  const std::string path = is_here ? "./" + plugin : plugin;
  if (dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) != nullptr) return;
  throw CannotServe{fmt::format("cannot load {}{}", dlerror(), searched_places(plugin))};
}

void WorkerProgram::prepare(const std::vector<std::string>& plugins) {
  for (const std::string& plugin : plugins) load(plugin);
  if (!job_registry().problems.empty()) throw CannotServe{job_registry().problems.front()};
  greet();
}

void WorkerProgram::greet() {
  std::string line;
  if (!channel_.read_line(line)) throw CannotServe{"the job manager is gone"};
  const Json hello = Json::parse(line, nullptr, false);
  if (!hello.is_object() || hello.value("type", "") != "hello" ||
      hello.value("protocol", 0) != kWorkerProtocolVersion) {
    throw CannotServe{fmt::format("the job manager did not begin with hello of version {}", kWorkerProtocolVersion)};
  }
  const HookFunction* setup = find_hook(hello, "setup");
  entry_hook_ = find_hook(hello, "entry");
  exit_hook_ = find_hook(hello, "exit");
  if (setup) {
    try {
      call_out([&] { (*setup)(nullptr); });
    } catch (...) {
      const HandlerFailure failure = current_failure();
      throw CannotServe{fmt::format("the setup function failed: {}: {}", failure.type, failure.message), false};
    }
  }
  Json ready = {{"type", "ready"}, {"protocol", kWorkerProtocolVersion}, {"names", Json::array()}};
  for (const auto& [name, job] : job_registry().jobs) ready["names"].push_back(name);
  channel_.write_line(ready.dump());
}

const HookFunction* WorkerProgram::find_hook(const Json& hello, const char* member) const {
  const std::string name = hello.value(member, "");
  if (name.empty()) return nullptr;
  const auto hook = job_registry().hooks.find(name);
  if (hook == job_registry().hooks.end()) {
    throw CannotServe{fmt::format("no {} hook is named \"{}\"; EVENTMQ_HOOK registers one", member, name)};
  }
  return &hook->second;
}

void WorkerProgram::serve() {
  std::string line;
  while (!stop_requested_ && channel_.read_line(line)) {
    const Json message = Json::parse(line, nullptr, false);
    line.clear();
    const std::string type = message.is_object() ? message.value("type", "") : "";
    if (type == "stop") return;
    if (type == "job") run(message);
  }
}

JobInfo job_info(const Json& message) {
  JobInfo info;
  info.id = message.value("id", "");
  info.attempt = message.value("attempt", 1u);
  info.queue = message.value("queue", "");
  info.name = message.value("name", "");
  info.args = message.value("args", Json::array());
  info.kwargs = message.value("kwargs", Json::object());
  info.class_args = message.value("class_args", Json::array());
  info.class_kwargs = message.value("class_kwargs", Json::object());
  if (const auto timeout = message.find("timeout"); timeout != message.end()) {
    const std::chrono::duration<double> span(timeout->get<double>());
    info.deadline = std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::nanoseconds>(span);
  }
  return info;
}

HandlerFailure unknown_job(const std::string& name) {
  return {"unknown-job", fmt::format("this worker knows no job named \"{}\"", name), nullptr};
}

void flush_printed() {
  std::cout.flush();
  std::clog.flush();
  std::fflush(nullptr);
}

void WorkerProgram::run(const Json& message) {
  HandlerContext context(channel_, job_info(message));
  const auto job = job_registry().jobs.find(context.name());
  std::string line;
  if (job == job_registry().jobs.end()) {
    line = failure_line(context.id(), "unknown-job", unknown_job(context.name()));
  } else {
    line = run_known(job->second, context);
  }
  context.flush_progress();
  flush_printed();
  channel_.write_line(line);
  stop_requested_ = context.stop_requested();
}

std::string WorkerProgram::run_known(const JobFunction& job, HandlerContext& context) {
  std::string line;
  bool entered = false;
  try {
    if (entry_hook_) call_out([&] { (*entry_hook_)(&context); });
    entered = true;
    line = result_line(context.id(), call_out([&] { return job(context); }));
  } catch (...) {
    HandlerFailure failure = current_failure();
    if (!entered) failure.message = "the entry function failed: " + failure.message;
    line = failure_line(context.id(), "error", failure);
  }
  if (entered) run_exit_hook(context);
  if (!context.saw_cancellation()) return line;
  return failure_line(context.id(), "cancelled", {"cancelled", "the job was cancelled", nullptr});
}

void WorkerProgram::run_exit_hook(HandlerContext& context) {
  if (!exit_hook_) return;
  try {
    call_out([&] { (*exit_hook_)(&context); });
  } catch (...) {
    const HandlerFailure failure = current_failure();
    context.log(JobLogLevel::kWarning, fmt::format("the exit function failed: {}: {}", failure.type, failure.message));
  }
}

int serve(const std::vector<std::string>& plugins) {
  ManagerChannel channel(kWorkerChannel);
  try {
    WorkerProgram program(channel);
    program.prepare(plugins);
    program.serve();
    return 0;
  } catch (const CannotServe& reason) {
    flush_printed();
    channel.write_line(
        fmt::format(R"({{"type":"failed","message":{},"final":{}}})", json_quoted(reason.message), reason.final));
    return kCannotServe;
  }
}

}  // namespace

std::vector<std::string> own_worker_command(const std::vector<std::string>& plugins) {
  std::vector<std::string> command = {"/proc/self/exe", std::string(kWorkerProcessArgument)};
  command.insert(command.end(), plugins.begin(), plugins.end());
  return command;
}

std::optional<int> run_worker_process(int argc, char** argv) {
  if (argc < 2 || argv[1] != kWorkerProcessArgument) return std::nullopt;
  prctl(PR_SET_NAME, "emq-worker");
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);  // so that a crash does not take whole lines with it
  return serve(std::vector<std::string>(argv + 2, argv + argc));
}

}  // namespace eventmq
