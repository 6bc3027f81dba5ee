// Jobs: C++ functions that others can run by name.
//
//   #include "eventmq/job.h"
//
//   int add(int a, int b) { return a + b; }
//   EVENTMQ_JOB("math.add", add);
//
// The same line serves in a plug-in (a shared library, `emq jobmanager --load libjobs.so`) and in a program of
// your own that calls run_job_manager() (eventmq/worker.h). A plug-in needs only these headers: it links nothing.
//
// Parameters. The job's arguments are bound to the function's parameters through JSON: bool, whole numbers (checked
// for range), floating point numbers, std::string, std::vector, std::map<std::string, T>, std::optional, Json
// (anything), and whatever has a from_json of its own. Names and defaults are optional, and let callers name arguments:
//
//   EVENTMQ_JOB("text.repeat", repeat, "text", eventmq::Parameter("times", 2));   // emq send text.repeat --kwargs
//   '{"text": "a"}'
//
//   - A parameter of type std::optional may be left out or null.
//   - A first parameter of type JobContext& gives the job's id, deadline, progress and cancellation.
//   - A last parameter of type Args takes all further positional arguments, one of type Kwargs all further named ones.
//   - Arguments that do not fit (number, name, type, range) end the job as `error` of type "bad-arguments", with a
//     sentence that names the parameter. The function is not called.
//
// Results. What the function returns becomes the job's JSON value; `void` gives true. What JSON cannot say (NaN, text
// that is not UTF-8) ends the job as `error` of type "bad-result".
//
// Failures. An exception ends the job as `error`: its type is the exception's type, its message what(). Throw JobError
// to choose both. A crash or exit() ends only this job, as `killed`.
//
// A job runs in a worker process of its own, one at a time, on that process's main thread. What it starts (threads,
// child processes in its process group) dies with the process; a job should leave nothing running when it returns.
// A child process of fork() that returns from the function, or throws, ends there and then as by _exit(0).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eventmq/json.h"

namespace eventmq {

enum class JobLogLevel { kDebug, kInfo, kWarning, kError };

// What was asked for.
struct JobInfo {
  std::string id;
  uint32_t attempt = 1;  // 1 for the first
  std::string queue;
  std::string name;  // "math.add"
  Json args = Json::array();
  Json kwargs = Json::object();
  Json class_args = Json::array();  // for a class's constructor, as Python users know it; C++ jobs have no such thing
  Json class_kwargs = Json::object();
  // When the job will be stopped; nothing: never.
  std::optional<std::chrono::steady_clock::time_point> deadline;
};

// The running job, as its handler sees it. Valid until the handler returns. Its members may be called from several
// threads.
class JobContext {
 public:
  virtual ~JobContext() = default;

  const std::string& id() const { return info().id; }
  uint32_t attempt() const { return info().attempt; }
  const std::string& queue() const { return info().queue; }
  const std::string& name() const { return info().name; }
  const Json& args() const { return info().args; }
  const Json& kwargs() const { return info().kwargs; }
  std::optional<std::chrono::steady_clock::time_point> deadline() const { return info().deadline; }
  virtual const JobInfo& info() const = 0;

  // True from when someone has asked that the job stop. A handler that has seen true has a grace of seconds to clean up
  // and return or throw; either way the job ends as `cancelled`. Cheap enough to be asked in a loop.
  virtual bool cancelled() = 0;
  // Tells whoever waits for the job how far it is: 0 to 1 (other values are moved into that range), and a short text.
  // Called often, only the latest is passed on every now and then.
  virtual void progress(double fraction, std::string_view text = {}) = 0;
  // Writes to the job manager's log, with the job's id. What a job prints to stdout and stderr lands there too.
  virtual void log(JobLogLevel level, std::string_view text) = 0;
  void log(std::string_view text) { log(JobLogLevel::kInfo, text); }
};

// A failure with a type of the handler's choosing, and details for programs to read.
class JobError : public std::runtime_error {
 public:
  JobError(std::string type, const std::string& message, Json details = nullptr)
      : std::runtime_error(message), type_(std::move(type)), details_(std::move(details)) {}
  const std::string& type() const { return type_; }
  const Json& details() const { return details_; }

 private:
  std::string type_;
  Json details_;
};

// The name of a parameter, and what it is when the caller leaves it out.
struct Parameter {
  Parameter(const char* parameter_name) : name(parameter_name) {}  // NOLINT: a name alone is a parameter
  template <class T>
  Parameter(const char* parameter_name, T&& value)
      : name(parameter_name), default_value(Json(std::forward<T>(value))) {}

  std::string name;
  std::optional<Json> default_value;
};

// All positional arguments beyond those that other parameters took.
struct Args {
  std::vector<Json> values;
};
// All named arguments beyond those that other parameters took; an object.
struct Kwargs {
  Json values = Json::object();
};

// A job as the registry holds it: reads its arguments from the context; throws to fail.
using JobFunction = std::function<Json(JobContext&)>;
// A hook. The context is null for the setup function.
using HookFunction = std::function<void(JobContext*)>;

// The one function that plug-ins need from the program that loads them: it is exported by `emq` and by libeventmq.
// An empty `job` or `hook` is not given. Names registered twice are reported when the worker process starts.
__attribute__((visibility("default"))) void register_with_worker(const char* name, JobFunction job, HookFunction hook);

}  // namespace eventmq

#include "eventmq/detail/job_binding.h"

#define EVENTMQ_DETAIL_JOIN_(a, b) a##b
#define EVENTMQ_DETAIL_JOIN(a, b) EVENTMQ_DETAIL_JOIN_(a, b)

// EVENTMQ_JOB("name", function) or EVENTMQ_JOB("name", function, parameter...), at namespace scope. `function` is a
// function or a function object; a parameter is its name or a Parameter, one for each that callers can give.
#define EVENTMQ_JOB(name, ...)                                                             \
  [[maybe_unused]] static const bool EVENTMQ_DETAIL_JOIN(eventmq_job_at_line_, __LINE__) = \
      ::eventmq::detail::define_job(name, __VA_ARGS__)

// EVENTMQ_HOOK("name", function): a function that the settings can name. subprocess_setup_func runs once in each worker
// process before it takes jobs, and is void(); job_entry_func and job_exit_func run before and after each job, and are
// void() or void(JobContext&). A setup function that throws ends the process; an entry function that throws fails the
// job before it begins; an exit function that throws is logged.
#define EVENTMQ_HOOK(name, function)                                                        \
  [[maybe_unused]] static const bool EVENTMQ_DETAIL_JOIN(eventmq_hook_at_line_, __LINE__) = \
      ::eventmq::detail::define_hook(name, function)
