#include "src/executor/job_registry.h"

namespace eventmq {
namespace {

template <class Function>
void add(std::map<std::string, Function, std::less<>>& to, const char* kind, const char* name, Function function) {
  if (!to.emplace(name, std::move(function)).second) {
    job_registry().problems.push_back(std::string("two ") + kind + "s are named \"" + name + "\"; rename one of them");
  }
}

}  // namespace

JobRegistry& job_registry() {
  static JobRegistry registry;
  return registry;
}

void register_with_worker(const char* name, JobFunction job, HookFunction hook) {
  if (name == nullptr || *name == '\0') {
    job_registry().problems.push_back("a job or hook was registered without a name");
    return;
  }
  if (job) add(job_registry().jobs, "job", name, std::move(job));
  if (hook) add(job_registry().hooks, "hook", name, std::move(hook));
}

}  // namespace eventmq
