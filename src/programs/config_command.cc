// emq config: the settings in force.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "src/programs/admin_command.h"
#include "src/programs/text_table.h"
#include "src/settings/settings_docs.h"

namespace eventmq {
namespace {

using Json = nlohmann::ordered_json;

std::string where_text(const SettingInForce& value) {
  return value.where.empty() ? std::string(setting_source_word(value.source)) : value.where;
}

std::string settings_table_text(const Settings& settings, bool colour) {
  TextTable table({{"SETTING"}, {"VALUE"}, {"FROM"}, {"SECTION"}});
  for (const SettingInForce& value : settings.all()) {
    const bool is_default = value.source == SettingSource::kDefault;
    if (value.setting->use == SettingUse::kLater && is_default) continue;
    table.add_row({std::string(value.setting->name),
                   {value_text(*value.setting, value.value), is_default ? Style::kPlain : Style::kBold},
                   where_text(value),
                   std::string(section_word(value.setting->section))});
  }
  return table.text(colour);
}

Json settings_json(const Settings& settings) {
  Json rows = Json::array();
  for (const SettingInForce& value : settings.all()) {
    if (value.setting->use == SettingUse::kLater && value.source == SettingSource::kDefault) continue;
    rows.push_back({{"name", value.setting->name},
                    {"value", value_text(*value.setting, value.value)},
                    {"source", setting_source_word(value.source)},
                    {"where", value.where},
                    {"section", section_word(value.setting->section)},
                    {"reloadable", value.setting->reloadable}});
  }
  return {{"file", settings.file}, {"settings", rows}, {"warnings", settings.warnings}};
}

}  // namespace

ExitCode run_config(Invocation& invocation) {
  if (invocation.has("--docs")) {
    invocation.console.print(settings_docs());
    return kExitDone;
  }
  const std::string program = invocation.value("--for", "router");
  if (program != "router" && program != "jobmanager") {
    invocation.console.error_line(fmt::format("--for must be router or jobmanager, not \"{}\"", safe_text(program)));
    return kExitUsage;
  }
  invocation.request.program = program == "router" ? Section::kRouter : Section::kJobmanager;
  invocation.request.whole_file = true;
  const Result<Settings> settings = settings_of(invocation);
  if (!settings) return kExitUsage;
  if (invocation.has("--json")) {
    invocation.console.line(settings_json(*settings).dump(2, ' ', false, Json::error_handler_t::replace));
    return kExitDone;
  }
  invocation.console.print(settings_table_text(*settings, invocation.console.colour()));
  invocation.console.line(settings->file.empty() ? "no settings file was read" : "settings file: " + settings->file);
  return kExitDone;
}

}  // namespace eventmq
