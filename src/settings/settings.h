// The settings in force, and where each came from.
//
//   LoadRequest request{.program = Section::kJobmanager, .flags = flags_of(command_line)};
//   Result<Settings> settings = load_settings(request);
//   settings->count("concurrent_jobs");
//
// A flag wins over the environment (EVENTMQ_<NAME>), the environment over the file, there the program's own
// section over [global], and all over the default. Values are checked once, when they are loaded.
// An object is read-only and may be shared between threads.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "src/settings/settings_table.h"
#include "src/settings/value.h"

namespace eventmq {

enum class SettingSource : uint8_t { kDefault, kFile, kEnvironment, kFlag };
std::string_view setting_source_word(SettingSource source);

struct SettingInForce {
  const Setting* setting = nullptr;
  SettingValue value;
  SettingSource source = SettingSource::kDefault;
  std::string where;  // "/etc/eventmq.conf:12", "EVENTMQ_HWM", "--hwm"; empty for a default
};

class Settings {
 public:
  explicit Settings(std::vector<SettingInForce> values);

  // The getters assert that the table has a setting of this name and type.
  const std::string& text(std::string_view name) const;  // also addresses and choices
  Duration duration(std::string_view name) const;
  uint64_t count(std::string_view name) const;  // also bytes
  bool is_on(std::string_view name) const;
  const std::vector<std::string>& list(std::string_view name) const;
  std::vector<QueueWeight> queues(std::string_view name) const;

  const SettingInForce& in_force(std::string_view name) const;
  bool is_set(std::string_view name) const { return in_force(name).source != SettingSource::kDefault; }
  const std::vector<SettingInForce>& all() const { return values_; }

  // For settings that were read again: those that take effect only at a start stay as `running` has them.
  void keep_until_restart(const Settings& running);

  // What a person should know though it stops nothing: one sentence each.
  std::vector<std::string> warnings;
  // The file that was read; empty if there was none.
  std::string file;

 private:
  std::vector<SettingInForce> values_;
};

// --- Values that are made of several settings ---
// The router's addresses for a job manager, in the order to try them: connect_addr, or worker_addr_default if
// only that is set; then worker_addr_failover.
std::vector<std::string> router_addresses(const Settings& settings);
// subprocess_setup_func, or setup_path and setup_callable joined by a dot; empty if there is no start hook.
std::string start_hook(const Settings& settings);

// --- Loading ---
struct SettingFlag {
  std::string name;  // of the setting
  std::string value;
  std::string typed;  // "--hwm", as the person typed it
};

// A program looks at [global] and its own section of the file; what is wrong in those of others, and in variables that
// are theirs, they say themselves.
struct LoadRequest {
  Section program = Section::kGlobal;  // kGlobal: none of these, as a command; it looks at the whole file
  bool whole_file = false;             // at the other programs' sections too, as for those that it starts
  std::string config_path;             // of --config; empty: EVENTMQ_CONFIG_FILE, or else default_path if that exists
  std::string default_path = "/etc/eventmq.conf";
  std::vector<SettingFlag> flags;
  std::map<std::string, std::string> environment;  // see environment_of_process()
};

// Errors: kBadValue, kSystem (the file cannot be read); the text is one sentence that names the place and says
// the mend.
Result<Settings> load_settings(const LoadRequest& request);

std::map<std::string, std::string> environment_of_process();

// The names of this program's settings that differ, and that take effect only when it starts again.
std::vector<std::string> changes_that_need_restart(const Settings& before, const Settings& after, Section program);
// Whether any setting that takes effect in the running program has another value.
bool has_live_changes(const Settings& before, const Settings& after, Section program);

}  // namespace eventmq
