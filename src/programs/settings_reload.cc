#include "src/programs/settings_reload.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <system_error>
#include <utility>

namespace eventmq {

Result<Settings> load_again(const LoadRequest& request, const std::string& file_before) {
  Result<Settings> settings = load_settings(request);
  if (!settings || file_before.empty() || !settings->file.empty()) return settings;
  return fail(ErrorCode::kSystem,
              fmt::format("the settings file {} is gone: put it back, or an empty one for the defaults", file_before));
}

Result<bool> read_settings_again(const LoadRequest& request, std::string_view program, Settings& current) {
  Result<Settings> settings = load_again(request, current.file);
  if (!settings) return tl::unexpected(settings.error());
  for (const std::string& warning : settings->warnings) spdlog::warn("{}", warning);
  const std::vector<std::string> later = changes_that_need_restart(current, *settings, request.program);
  for (const std::string& name : later) {
    spdlog::warn("setting {} has changed; it takes effect when the {} starts again", name, program);
  }
  const bool changed = has_live_changes(current, *settings, request.program);
  settings->keep_until_restart(current);
  current = *std::move(settings);
  spdlog::info("settings read again{}{}", changed ? "" : ": nothing changed",
               changed || later.empty() ? "" : " that takes effect now");
  return changed;
}

PluginFiles::Times PluginFiles::look(const std::vector<std::string>& paths) {
  Times times;
  for (const std::string& path : paths) {
    std::error_code gone;
    const auto time = std::filesystem::last_write_time(path, gone);
    if (!gone) times[path] = time;
  }
  return times;
}

// What is gone for a moment, as during a build, is compared once it is back.
std::vector<std::string> PluginFiles::rebuilt(const std::vector<std::string>& paths) {
  std::vector<std::string> changed;
  for (const auto& [path, time] : look(paths)) {
    const auto [known, added] = known_.try_emplace(path, time);
    if (std::exchange(known->second, time) != time) changed.push_back(path);
  }
  return changed;
}

}  // namespace eventmq
