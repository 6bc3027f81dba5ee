// emq jobmanager: a pool of worker processes.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <optional>

#include "src/programs/admin_command.h"
#include "src/programs/job_manager_settings.h"
#include "src/programs/logging.h"

namespace eventmq {
namespace {

// Reads the settings again, for SIGHUP. Nothing if they are as they were. Values that cannot change now are named in
// the log.
Result<std::optional<JobManagerOptions>> read_again(const LoadRequest& request, Settings& current) {
  Result<Settings> settings = load_settings(request);
  if (!settings) return tl::unexpected(settings.error());
  for (const std::string& warning : settings->warnings) spdlog::warn("{}", warning);
  const std::vector<std::string> later = changes_that_need_restart(current, *settings, request.program);
  for (const std::string& name : later) {
    spdlog::warn("setting {} has changed; it takes effect when the job manager starts again", name);
  }
  const bool changed = has_live_changes(current, *settings, request.program);
  current = *std::move(settings);
  if (!changed) {
    spdlog::info("settings read again: nothing changed{}", later.empty() ? "" : " that takes effect now");
    return std::nullopt;
  }
  spdlog::info("settings read again");
  return job_manager_options(current);
}

}  // namespace

ExitCode run_jobmanager(Invocation& invocation) {
  invocation.request.program = Section::kJobmanager;
  Result<Settings> settings = settings_of(invocation);
  if (!settings) return kExitUsage;
  start_log(settings->is_on("super_debug"));
  const auto ended =
      run_job_manager_loop(job_manager_options(*settings), [&] { return read_again(invocation.request, *settings); });
  if (!ended) return invocation.console.fail(ended.error());
  spdlog::info("the job manager has stopped");
  return kExitDone;
}

}  // namespace eventmq
