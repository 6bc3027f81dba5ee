// What one setting is: the row of the table (settings_table.h) from which the file, the environment, the
// flags, the help and docs/settings.md all come.
#pragma once

#include <cstdint>
#include <string_view>

namespace eventmq {

// The sections of the file. A program reads [global] and then its own section.
enum class Section : uint8_t { kGlobal, kRouter, kScheduler, kJobmanager, kPublisher };
std::string_view section_word(Section section);

enum class SettingType : uint8_t {
  kText,
  kListenAddress,     // tcp://HOST:PORT or ipc://PATH; HOST and PORT may be *
  kConnectAddress,    // the same, without *
  kConnectAddresses,  // several, tried in turn
  kSeconds,           // "90", "1.5", "500ms", "10m", "2h", "7d"
  kCount,
  kBytes,  // "4096", "32M", "1G": powers of 1024
  kYesNo,
  kChoice,  // one of `choices`
  kQueues,  // [[10, "default"]] or 10,default 20,high
  kTexts,   // several, separated by commas or spaces; one in quotes may have these
};

enum class SettingUse : uint8_t {
  kInForce,
  kLater,  // of a program that this version does not have: accepted, without effect
};

struct Setting {
  std::string_view name;
  Section section;  // kGlobal: any program may have its own value, in its own section
  SettingType type;
  std::string_view default_text;  // as it would stand in the file; empty: none
  std::string_view help;          // one sentence
  std::string_view flags = {};    // beyond --name-with-dashes, separated by spaces
  std::string_view aliases = {};  // other names in the file and environment, separated by spaces
  std::string_view choices = {};  // separated by |
  double min = 0;                 // seconds, counts and bytes
  double max = 0;
  bool reloadable = false;  // takes effect on SIGHUP
  SettingUse use = SettingUse::kInForce;
};

}  // namespace eventmq
