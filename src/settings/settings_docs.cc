#include "src/settings/settings_docs.h"

#include <fmt/format.h>

#include "src/settings/command_line.h"
#include "src/settings/settings_table.h"

namespace eventmq {
namespace {

constexpr std::string_view kIntroduction = R"(# Settings

This page is made by `emq config --docs` from the table in `src/settings/settings_table.cc`.

A setting can be given in three ways; a flag wins over the environment, and the environment over the file:

- as a flag: `--hwm 5000`;
- in the environment: `EVENTMQ_HWM=5000`;
- in the file, `/etc/eventmq.conf` or the one that `--config` or `EVENTMQ_CONFIG_FILE` names:

```ini
[global]
heartbeat_interval = 3

[router]
hwm = 5000              # a comment

[jobmanager]
queues = [[20, "heavy"],
          [10, "default"]]
```

A program reads `[global]` and then its own section: `[router]` or `[jobmanager]`. Sections of programs that this
version does not have, `[scheduler]` and `[publisher]`, may stand in a shared file. `emq config` prints the values in
force and where each came from. A line that is indented deeper than the name before it goes on with its value.
A text is written without quotes around it. An unknown name is an error; in the environment, which may
hold what is others', only one that is nearly a setting's, and a warning otherwise. A program says nothing of what is wrong in another's
section; `emq up` and `emq config` look at all of them. Settings marked "on HUP" change in a running
program when it gets SIGHUP; the others take effect when it starts.

Seconds are written `5`, `0.5`, `500ms`, `10m`, `2h` or `7d`; sizes `4096`, `32M` or `1G`, in powers of 1024; yes and no
also `true` and `false`. An address is `tcp://HOST:PORT` or `ipc://PATH`. To listen, HOST is an address or an interface of
this machine or `localhost`, and `*` stands for every interface or any free port; to connect, any name does.

Clients find the router by `--broker`, or else the variable `EMQ_BROKER_ADDR`, or else `frontend_listen_addr`; administrative
commands by `--addr`, or else `EMQ_ADMIN_ADDR`, or else `administrative_listen_addr`, on the host of the broker. `emq send` has
the heartbeats that the file and the environment say.
)";

std::string type_words(const Setting& setting) {
  switch (setting.type) {
    case SettingType::kText:
      return "text";
    case SettingType::kListenAddress:
    case SettingType::kConnectAddress:
      return "address";
    case SettingType::kConnectAddresses:
      return "addresses";
    case SettingType::kSeconds:
      return "seconds";
    case SettingType::kCount:
      return "number";
    case SettingType::kBytes:
      return "size";
    case SettingType::kYesNo:
      return "yes or no";
    case SettingType::kQueues:
      return "queues";
    case SettingType::kTexts:
      return "list";
    case SettingType::kChoice: {
      std::string words;
      for (char c : setting.choices) words += c == '|' ? std::string(", ") : std::string(1, c);
      return words;
    }
  }
  return "";
}

std::string flags_text(const Setting& setting) {
  const std::vector<Section> sections = {setting.section};
  for (const FlagSpec& flag : setting_flags(sections)) {
    if (flag.setting != setting.name) continue;
    std::string text;
    for (const std::string& name : flag.names) text += fmt::format("{}`{}`", text.empty() ? "" : " ", name);
    return text;
  }
  return "";
}

std::string row(const Setting& setting) {
  std::string names = fmt::format("`{}`", setting.name);
  for (std::string_view alias : split_words(setting.aliases)) names += fmt::format(" or `{}`", alias);
  const std::string fallback = setting.default_text.empty() ? "" : fmt::format("`{}`", setting.default_text);
  return fmt::format("| {} | {} | {} | {} | {} | {} |\n", names, type_words(setting), fallback, flags_text(setting),
                     setting.reloadable ? "yes" : "", setting.help);
}

std::string section_table(Section section) {
  std::string text = "\n| name | type | default | flags | on HUP | meaning |\n|---|---|---|---|---|---|\n";
  for (const Setting& setting : all_settings()) {
    if (setting.section == section && setting.use == SettingUse::kInForce) text += row(setting);
  }
  return text;
}

}  // namespace

std::string settings_docs() {
  std::string text(kIntroduction);
  text += "\n## Every program: `[global]`, or a program's own section\n" + section_table(Section::kGlobal);
  text += "\n## The router: `[router]` or `[global]`\n" + section_table(Section::kRouter);
  text += "\n## The job manager: `[jobmanager]` or `[global]`\n" + section_table(Section::kJobmanager);
  text += "\n## Accepted without effect\n\nOf programs that this version does not have:\n\n";
  for (const Setting& setting : all_settings()) {
    if (setting.use == SettingUse::kLater) text += fmt::format("- `{}`\n", setting.name);
  }
  text += "\nOf EventMQ 0.3, with a warning that says what to do instead:\n\n";
  for (std::string_view name : retired_settings()) {
    text += fmt::format("- `{}`: {}.\n", name, retired_setting_advice(name));
  }
  return text;
}

}  // namespace eventmq
