// load_settings(): defaults, then the file, the environment and the flags, each over the one before.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include "src/base/assert.h"
#include "src/settings/ini_file.h"
#include "src/settings/nearest.h"
#include "src/settings/settings.h"
#include "src/settings/text.h"

extern char** environ;

namespace eventmq {
namespace {

constexpr std::string_view kPrefix = "EVENTMQ_";

std::string variable(const std::map<std::string, std::string>& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

// Where a system service, a user's session or a bare process keeps its state.
std::string default_data_dir(const std::map<std::string, std::string>& environment) {
  if (auto service = variable(environment, "STATE_DIRECTORY"); !service.empty()) return service;
  if (auto state = variable(environment, "XDG_STATE_HOME"); !state.empty()) return state + "/eventmq";
  if (auto home = variable(environment, "HOME"); !home.empty()) return home + "/.local/state/eventmq";
  return "/var/lib/eventmq";
}

std::string did_you_mean(std::string_view name) {
  const std::string near = nearest_setting(name);
  return near.empty() ? "`emq config` lists them all" : fmt::format("did you mean {}?", near);
}

// The whole file. Not zero: the errno that says why it cannot be read.
int read_text(const std::string& path, std::string& text) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), &std::fclose);
  if (!file) return errno;
  std::array<char, 4096> piece{};
  while (const size_t size = std::fread(piece.data(), 1, piece.size(), file.get())) text.append(piece.data(), size);
  return std::ferror(file.get()) != 0 ? errno : 0;  // a folder opens, and cannot be read
}

class Loader {
 public:
  explicit Loader(const LoadRequest& request) : request_(request) {
    for (const Setting& setting : all_settings()) {
      auto value = parse_value(setting, setting.default_text);
      EMQ_ASSERT(value.has_value(), "default of {}: {}", setting.name, value.error().text);
      values_.push_back({&setting, *value, SettingSource::kDefault, ""});
    }
    in_force("data_dir").value = default_data_dir(request.environment);
  }

  Result<Settings> load() {
    for (auto step : {&Loader::read_file, &Loader::read_environment, &Loader::read_flags}) {
      if (auto done = (this->*step)(); !done) return tl::unexpected(done.error());
    }
    fill_in_queues();
    if (auto checked = check_together(); !checked) return tl::unexpected(checked.error());
    Settings settings(std::move(values_));
    settings.warnings = std::move(warnings_);
    settings.file = std::move(file_);
    return settings;
  }

 private:
  SettingInForce& in_force(std::string_view name) {
    return *std::ranges::find_if(values_, [name](const auto& value) { return value.setting->name == name; });
  }

  // --- The file ---
  Result<void> read_file() {
    std::string path = request_.config_path;
    if (path.empty()) path = variable(request_.environment, "EVENTMQ_CONFIG_FILE");
    const bool asked_for = !path.empty();
    if (!asked_for) path = request_.default_path;
    std::string text;
    if (const int fault = read_text(path, text); fault != 0) {
      if (!asked_for && (fault == ENOENT || fault == ENOTDIR)) return {};
      return fail(ErrorCode::kSystem,
                  fmt::format("the settings file {} cannot be read ({}): let this user read it, or name another with "
                              "--config",
                              path, std::generic_category().message(fault)));
    }
    file_ = path;
    auto entries = parse_ini(text, path);
    if (!entries) return tl::unexpected(entries.error());
    return apply_entries(*entries);
  }

  // [global] first, so that a program's own section wins wherever it stands.
  Result<void> apply_entries(const std::vector<IniEntry>& entries) {
    std::map<std::pair<std::string, std::string_view>, int> lines;
    for (const bool global : {true, false}) {
      for (const IniEntry& entry : entries) {
        if ((entry.section == "global") != global) continue;
        if (auto applied = apply_entry(entry, lines); !applied) return applied;
      }
    }
    return {};
  }

  Result<void> apply_entry(const IniEntry& entry, std::map<std::pair<std::string, std::string_view>, int>& lines) {
    const std::string where = fmt::format("{}:{}", file_, entry.line);
    const auto section = section_of(entry.section, where);
    if (!section) return tl::unexpected(section.error());
    if (!looks_at(*section)) return {};
    const Setting* setting = find_setting(entry.name);
    if (setting == nullptr) return unknown_or_retired(entry.name, where);
    if (*section == Section::kScheduler || *section == Section::kPublisher) return {};  // of other programs
    if (const int line = std::exchange(lines[{entry.section, setting->name}], entry.line); line != 0) {
      return bad_value(fmt::format("{}: {} is already set in line {}: keep one", where, setting->name, line));
    }
    auto value = parse_value(*setting, entry.value);
    if (!value) return bad_value(fmt::format("{}: {}", where, value.error().text));
    if (!applies(*setting, *section, where)) return {};
    in_force(setting->name) = {setting, *value, SettingSource::kFile, where};
    return {};
  }

  bool looks_at(Section section) const {
    return request_.whole_file || request_.program == Section::kGlobal || section == Section::kGlobal ||
           section == request_.program;
  }

  Result<Section> section_of(const std::string& word, const std::string& where) {
    for (Section section :
         {Section::kGlobal, Section::kRouter, Section::kScheduler, Section::kJobmanager, Section::kPublisher}) {
      if (word == section_word(section)) return section;
    }
    if (word.empty()) return bad_value(fmt::format("{}: a section line, for example [global], must come first", where));
    const std::string near = nearest_name(word, {"global", "router", "scheduler", "jobmanager", "publisher"});
    return bad_value(fmt::format("{}: there is no section [{}]; {}", where, word,
                                 near.empty() ? "they are global, router, scheduler, jobmanager and publisher"
                                              : fmt::format("did you mean [{}]?", near)));
  }

  // Whether a valid entry counts for this program.
  bool applies(const Setting& setting, Section section, const std::string& where) {
    if (section == Section::kGlobal || section == setting.section) return true;
    if (setting.section == Section::kGlobal) return section == request_.program;
    warnings_.push_back(fmt::format("{}: {} has no effect in [{}]; move it to [{}] or [global]", where, setting.name,
                                    section_word(section), section_word(setting.section)));
    return false;
  }

  Result<void> unknown_or_retired(const std::string& name, const std::string& where) {
    if (const std::string_view advice = retired_setting_advice(name); !advice.empty()) {
      warnings_.push_back(fmt::format("{}: {} has no effect: {}", where, name, advice));
      return {};
    }
    return bad_value(fmt::format("{}: there is no setting {}; {}", where, name, did_you_mean(name)));
  }

  // --- The environment ---
  Result<void> read_environment() {
    for (const auto& [name, text] : request_.environment) {
      if (!name.starts_with(kPrefix) || name == "EVENTMQ_CONFIG_FILE") continue;
      const std::string setting_name = name.substr(kPrefix.size());
      const Setting* setting = find_setting(setting_name);
      if (setting == nullptr) {
        if (auto done = unknown_variable(name, setting_name); !done) return done;
        continue;
      }
      auto value = parse_value(*setting, text);
      if (!value && is_of_others(*setting)) continue;
      if (!value) return bad_value(fmt::format("{}: {}", name, value.error().text));
      in_force(setting->name) = {setting, *value, SettingSource::kEnvironment, name};
    }
    return {};
  }

  // What is wrong with it, they say themselves. Commands use the router's addresses.
  bool is_of_others(const Setting& setting) const {
    if (request_.whole_file || setting.section == Section::kGlobal) return false;
    const Section own = request_.program == Section::kGlobal ? Section::kRouter : request_.program;
    return setting.section != own;
  }

  // A near miss is a mistake. Anything else may be there for reasons of its own: a cluster puts the addresses of
  // a service named eventmq into EVENTMQ_PORT_… and EVENTMQ_SERVICE_….
  Result<void> unknown_variable(const std::string& name, const std::string& setting_name) {
    if (!retired_setting_advice(setting_name).empty()) return unknown_or_retired(setting_name, name);
    if (!nearest_setting(setting_name).empty()) {
      std::string near(kPrefix);
      for (unsigned char c : nearest_setting(setting_name)) near.push_back(static_cast<char>(std::toupper(c)));
      return bad_value(fmt::format("{} sets nothing; did you mean {}?", name, near));
    }
    const bool of_a_cluster = setting_name.starts_with("PORT") || setting_name.starts_with("SERVICE_");
    if (!of_a_cluster) warnings_.push_back(fmt::format("{} has no effect: there is no such setting", name));
    return {};
  }

  // --- Flags ---
  Result<void> read_flags() {
    for (const SettingFlag& flag : request_.flags) {
      const Setting* setting = find_setting(flag.name);
      EMQ_ASSERT(setting != nullptr, "flag {} of no setting {}", flag.typed, flag.name);
      auto value = parse_value(*setting, flag.value);
      if (!value) return bad_value(fmt::format("{}: {}", flag.typed, value.error().text));
      in_force(setting->name) = {setting, *value, SettingSource::kFlag, flag.typed};
    }
    return {};
  }

  // --- All together ---
  void fill_in_queues() {
    const auto weight = static_cast<int64_t>(std::get<uint64_t>(in_force("default_queue_weight").value));
    SettingInForce& queues = in_force("queues");
    if (queues.source == SettingSource::kDefault) {
      queues.value = std::vector<QueueSetting>{{std::get<std::string>(in_force("default_queue_name").value), weight}};
    }
    for (QueueSetting& queue : std::get<std::vector<QueueSetting>>(queues.value)) {
      if (queue.weight == QueueSetting::kNoWeight) queue.weight = weight;
    }
  }

  Result<void> check_together() {
    const auto seconds_of_setting = [this](std::string_view name) { return std::get<Duration>(in_force(name).value); };
    if (seconds_of_setting("heartbeat_interval") >= seconds_of_setting("heartbeat_timeout")) {
      warnings_.push_back(
          "heartbeat_interval should be shorter than heartbeat_timeout, or idle peers are taken for gone");
    }
    if (looks_at(Section::kRouter) && seconds_of_setting("retry_backoff") > seconds_of_setting("retry_backoff_max")) {
      const SettingInForce& longer = in_force("retry_backoff");
      const SettingInForce& max = in_force("retry_backoff_max");
      return bad_value(fmt::format("{}: retry_backoff must not be longer than retry_backoff_max, which is {} s",
                                   longer.where.empty() ? max.where : longer.where,
                                   value_text(*max.setting, max.value)));
    }
    const auto is_empty = [this](const char* name) { return std::get<std::string>(in_force(name).value).empty(); };
    if (looks_at(Section::kJobmanager) && is_empty("setup_path") != is_empty("setup_callable")) {
      warnings_.push_back("setup_path and setup_callable belong together; subprocess_setup_func holds both in one");
    }
    return {};
  }

  const LoadRequest& request_;
  std::vector<SettingInForce> values_;
  std::vector<std::string> warnings_;
  std::string file_;
};

}  // namespace

Result<Settings> load_settings(const LoadRequest& request) { return Loader(request).load(); }

std::map<std::string, std::string> environment_of_process() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const size_t sign = text.find('=');
    if (sign != std::string_view::npos) variables.emplace(text.substr(0, sign), text.substr(sign + 1));
  }
  return variables;
}

}  // namespace eventmq
