// emq jobmanager: a pool of worker processes.
#include <spdlog/spdlog.h>

#include <optional>

#include "src/programs/admin_command.h"
#include "src/programs/job_manager_settings.h"
#include "src/programs/logging.h"
#include "src/programs/settings_reload.h"

namespace eventmq {
namespace {

// For SIGHUP. Nothing if the settings and the plug-ins are as they were.
Result<std::optional<JobManagerOptions>> read_again(const LoadRequest& request, Settings& current,
                                                    PluginFiles& plugins) {
  const Result<bool> changed = read_settings_again(request, "job manager", current);
  if (!changed) return tl::unexpected(changed.error());
  set_log_debug(current.is_on("super_debug"));
  const std::vector<std::string> rebuilt = plugins.rebuilt(current.list("load"));
  for (const std::string& path : rebuilt) spdlog::info("{} was built anew", path);
  set_log_debug(current.is_on("super_debug"));
  if (!*changed && rebuilt.empty()) return std::nullopt;
  JobManagerOptions options = job_manager_options(current);
  options.plugins_rebuilt = !rebuilt.empty();
  return options;
}

}  // namespace

ExitCode run_jobmanager(Invocation& invocation) {
  invocation.request.program = Section::kJobmanager;
  Result<Settings> settings = settings_of(invocation);
  if (!settings) return kExitUsage;
  start_log(settings->is_on("super_debug"));
  PluginFiles plugins(settings->list("load"));
  const auto ended = run_job_manager_loop(job_manager_options(*settings),
                                          [&] { return read_again(invocation.request, *settings, plugins); });
  if (!ended) return invocation.console.fail(ended.error());
  spdlog::info("the job manager has stopped");
  return kExitDone;
}

}  // namespace eventmq
