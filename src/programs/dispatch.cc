// From words to a running command.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "src/programs/command.h"
#include "src/programs/help.h"
#include "src/settings/nearest.h"

namespace eventmq {
namespace {

std::vector<std::string> name_words(const Command& command) {
  std::vector<std::string> words;
  for (std::string_view word : split_words(command.name)) words.emplace_back(word);
  return words;
}

// What users of the original, or of a later version, may look for here.
constexpr std::string_view kNoScheduler =
    "this version has no scheduler and no schedules; the original's emq-scheduler works with its router";
constexpr std::string_view kNoPublishing =
    "this version does not publish and subscribe; the original's emq-pubsub works beside its router";
constexpr std::pair<std::string_view, std::string_view> kAbsent[] = {{"scheduler", kNoScheduler},
                                                                     {"schedule", kNoScheduler},
                                                                     {"pubsub", kNoPublishing},
                                                                     {"publish", kNoPublishing},
                                                                     {"subscribe", kNoPublishing}};

ExitCode unknown_command(const std::string& word, Console& console) {
  for (const auto& [absent, sentence] : kAbsent) {
    if (word != absent) continue;
    console.error_line(std::string(sentence));
    return kExitUsage;
  }
  if (word.empty()) {
    console.error_line("the command is empty: `emq help` lists them");
    return kExitUsage;
  }
  std::vector<std::string_view> names;
  for (const Command& command : all_commands()) names.push_back(split_words(command.name).front());
  const std::string near = nearest_name(word, names);
  console.error_line(near.empty() ? fmt::format("there is no command {}; `emq help` lists them", safe_text(word))
                                  : fmt::format("there is no command {}; did you mean {}?", safe_text(word), near));
  return kExitUsage;
}

// Commands of two words, of which only the first was typed: "jobs".
ExitCode unknown_second_word(std::span<const std::string> words, Console& console) {
  std::string choices;
  std::vector<std::string_view> names;
  for (const Command& command : all_commands()) {
    const auto parts = split_words(command.name);
    if (parts.size() != 2 || parts[0] != words[0]) continue;
    choices += fmt::format("{}{}", choices.empty() ? "" : ", ", parts[1]);
    names.push_back(parts[1]);
  }
  if (choices.empty()) return unknown_command(words[0], console);
  const std::string near = words.size() > 1 ? nearest_name(words[1], names) : "";
  console.error_line(near.empty() ? fmt::format("emq {} is followed by one of: {}", words[0], choices)
                                  : fmt::format("there is no command {} {}; did you mean {} {}?", words[0],
                                                safe_text(words[1]), words[0], near));
  return kExitUsage;
}

// Too few or too many arguments.
Result<void> check_arguments(const Command& command, const CommandLine& line) {
  size_t least = 0;
  bool bounded = true;
  for (const ArgumentSpec& argument : command.arguments) {
    if (argument.count == ArgumentCount::kOne) ++least;
    if (argument.count == ArgumentCount::kAny) bounded = false;
  }
  if (line.arguments.size() < least) {
    const ArgumentSpec& missing = command.arguments[line.arguments.size()];
    return fail(ErrorCode::kBadValue, fmt::format("{} is missing: {}", missing.name, usage_line(command)));
  }
  if (bounded && line.arguments.size() > command.arguments.size()) {
    const std::string& extra = line.arguments[command.arguments.size()];
    return fail(ErrorCode::kBadValue,
                fmt::format("\"{}\" is one argument too many: {}", safe_text(extra), usage_line(command)));
  }
  return {};
}

// An empty word is most often a variable of a script that was not set: it must not mean "the default".
Result<void> check_not_empty(const Command& command, const CommandLine& line) {
  for (size_t at = 0; at < std::min(line.arguments.size(), command.arguments.size()); ++at) {
    const ArgumentSpec& argument = command.arguments[at];
    if (argument.count == ArgumentCount::kAny || !line.arguments[at].empty()) continue;
    return fail(ErrorCode::kBadValue, fmt::format("{} is empty: {}", argument.name, usage_line(command)));
  }
  for (const TypedFlag& flag : line.flags) {
    if (!flag.spec->setting.empty() || !flag.value.empty()) continue;  // a setting has its own rule
    return fail(ErrorCode::kBadValue, fmt::format("{} is empty: write {} {}, or leave it out", flag.typed, flag.typed,
                                                  flag.spec->value_word));
  }
  return {};
}

bool asks_for_help(const CommandLine& line) { return line.has("--help"); }

}  // namespace

std::string Invocation::value(std::string_view flag, std::string_view fallback) const {
  const TypedFlag* typed = line.find(flag);
  return typed == nullptr ? std::string(fallback) : typed->value;
}

std::vector<FlagSpec> flags_of(const Command& command) {
  std::vector<FlagSpec> flags = command.flags;
  if (!command.sections.empty()) {
    for (FlagSpec& flag : setting_flags(command.sections)) flags.push_back(std::move(flag));
  }
  flags.push_back({.names = {"-h", "--help"}, .help = "Print this help."});
  return flags;
}

CommandMatch find_command(std::span<const std::string> words) {
  CommandMatch best;
  for (const Command& command : all_commands()) {
    const std::vector<std::string> name = name_words(command);
    const bool fits = words.size() >= name.size() && std::equal(name.begin(), name.end(), words.begin());
    if (fits && name.size() > best.words) best = {&command, name.size()};
  }
  return best;
}

std::vector<std::string> with_second_word(std::vector<std::string> words) {
  const bool first_alone = words.size() == 1 || (words.size() > 1 && words[1].starts_with('-'));
  if (!first_alone || find_command(words).command != nullptr) return words;
  std::vector<std::string> listing = words;
  listing.insert(listing.begin() + 1, "list");
  return find_command(listing).command != nullptr ? listing : words;
}

ExitCode run_command(const Command& command, const std::vector<std::string>& words, Console& console) {
  const std::vector<FlagSpec> specs = flags_of(command);
  const Result<CommandLine> line = parse_command_line(specs, words);
  if (line && asks_for_help(*line)) {
    console.print(command_help(command));
    return kExitDone;
  }
  Result<void> checked = line ? check_arguments(command, *line) : tl::unexpected(line.error());
  if (checked) checked = check_not_empty(command, *line);
  if (!checked) {
    console.error_line(fmt::format("{}\nTry: emq {} --help", checked.error().text, command.name));
    return kExitUsage;
  }
  Invocation invocation{command, *line, console, {}};
  invocation.request.environment = environment_of_process();
  apply_setting_flags(*line, invocation.request);
  return command.run(invocation);
}

ExitCode run_words(const std::vector<std::string>& words, Console& console) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h") {
    console.print(overview());
    return kExitDone;
  }
  if (words[0] == "--version" || words[0] == "-V") return run_words({"version"}, console);
  if (words[0].starts_with('-')) {
    console.error_line(
        fmt::format("a command comes first, then its flags: emq COMMAND {}\nTry: emq help", safe_text(words[0])));
    return kExitUsage;
  }
  if (words.size() == 2 && (words[1] == "--help" || words[1] == "-h")) {
    if (const std::string group = group_help(words[0]); !group.empty()) {
      console.print(group);
      return kExitDone;
    }
  }
  const std::vector<std::string> whole = with_second_word(words);
  const CommandMatch match = find_command(whole);
  if (match.command != nullptr) {
    return run_command(*match.command, {whole.begin() + static_cast<std::ptrdiff_t>(match.words), whole.end()},
                       console);
  }
  return unknown_second_word(words, console);
}

}  // namespace eventmq
