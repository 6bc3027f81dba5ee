// emq shell: the same commands, one after the other.
#include <fmt/format.h>

#include <algorithm>

#include "src/programs/command.h"
#include "src/programs/help.h"
#include "src/programs/words.h"

namespace eventmq {
namespace {

// What may follow these words: first words, second words, flags.
std::vector<std::string> candidates(const std::string& before) {
  const auto words = words_of_line(before);
  if (!words) return {};
  std::vector<std::string> found;
  const CommandMatch match = find_command(*words);
  if (match.command != nullptr) {
    for (const FlagSpec& flag : flags_of(*match.command)) found.push_back(long_name(flag));
    return found;
  }
  for (const Command& command : all_commands()) {
    const auto name = split_words(command.name);
    if (command.serves || words->size() >= name.size()) continue;
    if (std::equal(words->begin(), words->end(), name.begin())) found.emplace_back(name[words->size()]);
  }
  if (words->empty()) found.insert(found.end(), {"exit", "quit"});
  return found;
}

// The flags that the shell was started with, where a command takes them and was not given them.
void add_own_flags(const Invocation& shell, std::vector<std::string>& words) {
  const CommandMatch match = find_command(words);
  if (match.command == nullptr) return;
  const std::vector<FlagSpec> specs = flags_of(*match.command);
  std::vector<std::string> added;
  for (const TypedFlag& flag : shell.line.flags) {
    const std::string& name = long_name(*flag.spec);
    const bool taken = std::ranges::any_of(specs, [&name](const FlagSpec& spec) { return long_name(spec) == name; });
    if (taken) added.push_back(name + "=" + flag.value);  // before those typed now, of which the last counts
  }
  words.insert(words.begin() + static_cast<std::ptrdiff_t>(match.words), added.begin(), added.end());
}

ExitCode run_line(const Invocation& shell, LineSource& lines, const std::string& line) {
  Result<std::vector<std::string>> words = words_of_line(line);
  if (!words) {
    shell.console.error_line(words.error().text);
    return kExitUsage;
  }
  if (words->empty()) return kExitDone;
  if (words->front() == "emq") words->erase(words->begin());
  *words = with_second_word(*words);
  const CommandMatch match = find_command(*words);
  if (match.command != nullptr && match.command->serves) {
    shell.console.error_line(
        fmt::format("{} runs in a terminal of its own: emq {}", match.command->name, match.command->name));
    return kExitUsage;
  }
  add_own_flags(shell, *words);
  return lines.run([&] { return run_words(*words, shell.console); });
}

// Completion leaves a blank behind the word.
bool is_end(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r";
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
  return word == "exit" || word == "quit" || word == "\\q";
}

}  // namespace

ExitCode run_shell(Invocation& invocation) {
  const std::unique_ptr<LineSource> lines = invocation.console.lines("emq> ", candidates);
  if (lines->interactive()) invocation.console.line("Type help for the commands, exit or Ctrl-D to leave.");
  ExitCode first_failure = kExitDone;
  while (const std::optional<std::string> line = lines->next()) {
    if (is_end(*line)) break;
    const ExitCode code = run_line(invocation, *lines, *line);
    if (first_failure == kExitDone) first_failure = code;
  }
  return lines->interactive() ? kExitDone : first_failure;
}

}  // namespace eventmq
