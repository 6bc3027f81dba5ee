// Flags and arguments: what a command takes, said once, and what a person typed.
//
// Understood are --name VALUE, --name=VALUE, -n VALUE, -nVALUE, --switch, --no-switch, -s and -g as -sg, and -- to end
// the flags.
// A negative number is an argument, not a flag, and every argument arrives as it was typed: CLI11 takes a JSON
// list for several values, which is why it is not used (docs/decisions/2026-11-22-settings-and-command-line.md).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/result.h"
#include "src/settings/settings.h"

namespace eventmq {

enum class FlagKind : uint8_t {
  kSwitch,  // no value
  kYesNo,   // --name, --no-name, --name=yes
  kValue,   // one value; the last one counts
  kValues,  // all words up to the next flag; may be repeated
  kTexts,   // the same; a word that has blanks is one text all the same, or several with commas between them
};

struct FlagSpec {
  std::vector<std::string> names;  // "-Q", "--queues"; the first long one is its name
  FlagKind kind = FlagKind::kSwitch;
  std::string value_word;  // what stands for the value in help: "SECONDS"
  std::string help;        // one sentence
  std::string setting;     // the setting that it sets; empty if it is none
};
// "--queues".
const std::string& long_name(const FlagSpec& flag);

struct TypedFlag {
  const FlagSpec* spec = nullptr;
  std::string typed;  // "-Q"
  std::string value;  // "yes" or "no" of a switch; several values joined by blanks
};

struct CommandLine {
  std::vector<std::string> arguments;
  std::vector<TypedFlag> flags;

  // The last value of the flag with this long name; null if it was not given.
  const TypedFlag* find(std::string_view name) const;
  bool has(std::string_view name) const;
};

// Errors: kBadValue; one sentence that says the mend. The result points into `specs`.
Result<CommandLine> parse_command_line(std::span<const FlagSpec> specs, const std::vector<std::string>& words);

// --config, and a flag for every setting of these sections and of [global].
std::vector<FlagSpec> setting_flags(std::span<const Section> sections);
// The settings among the flags typed, and the path of --config, into the request.
void apply_setting_flags(const CommandLine& line, LoadRequest& request);

}  // namespace eventmq
