#include "src/programs/help.h"

#include <fmt/format.h>

#include <algorithm>

namespace eventmq {
namespace {

constexpr size_t kWidth = 100;

// Breaks at blanks; lines after the first begin with `indent` blanks.
std::string wrapped(std::string_view text, size_t first_column, size_t indent) {
  std::string result;
  size_t column = first_column;
  for (std::string_view word : split_words(text)) {
    if (column + columns(word) + 1 > kWidth && column > indent) {
      result += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!result.empty()) {
      result += ' ';
      ++column;
    }
    result += word;
    column += columns(word);
  }
  return result;
}

struct Row {
  std::string left, right;
};

std::string two_columns(const std::vector<Row>& rows) {
  constexpr size_t kLeftMax = 34;
  size_t width = 0;
  for (const Row& row : rows) {
    if (columns(row.left) <= kLeftMax) width = std::max(width, columns(row.left));
  }
  const size_t indent = width + 4;
  std::string text;
  for (const Row& row : rows) {
    const size_t size = columns(row.left);
    text += "  " + row.left + (size > width ? "\n" + std::string(indent, ' ') : std::string(indent - 2 - size, ' '));
    text += wrapped(row.right, indent, indent) + "\n";
  }
  return text;
}

std::string flag_words(const FlagSpec& flag) {
  std::string text;
  for (const std::string& name : flag.names) text += fmt::format("{}{}", text.empty() ? "" : ", ", name);
  // A word behind it would be an argument.
  if (flag.kind == FlagKind::kYesNo) return fmt::format("{}, --no-{}", text, long_name(flag).substr(2));
  return flag.value_word.empty() ? text : text + " " + flag.value_word;
}

std::string flag_help(const FlagSpec& flag) {
  if (flag.setting.empty()) return flag.help;
  const std::string_view fallback = find_setting(flag.setting)->default_text;
  return fallback.empty() ? flag.help : fmt::format("{} [{}]", flag.help, fallback);
}

std::vector<Row> flag_rows(const Command& command, bool settings) {
  std::vector<Row> rows;
  for (const FlagSpec& flag : flags_of(command)) {
    if (flag.setting.empty() != settings) rows.push_back({flag_words(flag), flag_help(flag)});
  }
  return rows;
}

std::vector<Row> argument_rows(const Command& command) {
  std::vector<Row> rows;
  for (const ArgumentSpec& argument : command.arguments) rows.push_back({argument.name, argument.help});
  return rows;
}

std::string escaped_cell(std::string text) {
  for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, "\\");
  return text;
}

std::string docs_rows(std::string_view head, const std::vector<Row>& rows) {
  if (rows.empty()) return "";
  std::string text = fmt::format("\n| {} | meaning |\n|---|---|\n", head);
  for (const Row& row : rows) text += fmt::format("| `{}` | {} |\n", escaped_cell(row.left), escaped_cell(row.right));
  return text;
}

std::string command_docs(const Command& command) {
  std::string text = fmt::format("\n## emq {}\n\n{}\n", command.name, command.summary);
  if (!command.details.empty()) text += "\n" + command.details + "\n";
  text += fmt::format("\n```\n{}\n```\n", usage_line(command));
  text += docs_rows("argument", argument_rows(command));
  text += docs_rows("flag", flag_rows(command, false));
  if (!command.sections.empty()) {
    text += "\nSettings are flags too ([settings.md](settings.md)):";
    bool first = true;
    for (const FlagSpec& flag : flags_of(command)) {
      if (flag.setting.empty()) continue;
      text += fmt::format("{} `{}`", first ? "" : ",", long_name(flag));
      first = false;
    }
    text += ".\n";
  }
  if (!command.examples.empty()) {
    text += "\nFor example:\n\n```sh\n";
    for (const std::string& example : command.examples) text += example + "\n";
    text += "```\n";
  }
  return text;
}

std::vector<std::string> flag_names(const Command& command) {
  std::vector<std::string> names;
  for (const FlagSpec& flag : flags_of(command)) names.insert(names.end(), flag.names.begin(), flag.names.end());
  return names;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace

std::string usage_line(const Command& command) {
  std::string text = "emq " + command.name;
  for (const ArgumentSpec& argument : command.arguments) {
    text += argument.count == ArgumentCount::kOne        ? " " + argument.name
            : argument.count == ArgumentCount::kOptional ? " [" + argument.name + "]"
                                                         : " [" + argument.name + "…]";
  }
  return text + " [FLAG…]";
}

std::string overview() {
  std::vector<Row> rows;
  for (const Command& command : all_commands()) rows.push_back({command.name, command.summary});
  return "EventMQ: a message broker and job system in one program.\n\nUsage: emq COMMAND [ARGUMENT…] [FLAG…]\n\n" +
         two_columns(rows) +
         "\nFirst steps:\n"
         "  emq up --load libexample_jobs.so       start everything on this machine\n"
         "  emq send math.add 2 3 --wait           run a job and print what it returned\n"
         "  emq status                             see what is going on\n"
         "\n`emq COMMAND --help` tells more. Exit codes: 0 done, 1 the job or command failed, 2 wrong usage,\n"
         "3 no router answers, 4 timed out.\n";
}

std::string command_help(const Command& command) {
  std::string text = command.summary + "\n\nUsage: " + usage_line(command) + "\n";
  if (!command.details.empty()) text += "\n" + wrapped(command.details, 0, 0) + "\n";
  if (!command.arguments.empty()) text += "\nArguments:\n" + two_columns(argument_rows(command));
  text += "\nFlags:\n" + two_columns(flag_rows(command, false));
  const std::vector<Row> settings = flag_rows(command, true);
  if (!settings.empty()) {
    text += "\nSettings, also in the settings file and as EVENTMQ_<NAME> in the environment:\n" + two_columns(settings);
  }
  if (!command.examples.empty()) text += "\nFor example:\n";
  for (const std::string& example : command.examples) text += "  " + example + "\n";
  return text;
}

std::string group_help(std::string_view first_word) {
  std::vector<Row> rows;
  for (const Command& command : all_commands()) {
    const auto words = split_words(command.name);
    if (words.size() == 2 && words[0] == first_word) rows.push_back({command.name, command.summary});
  }
  if (rows.empty()) return "";
  return fmt::format(
      "Usage: emq {0} COMMAND [ARGUMENT…] [FLAG…]\n\n{1}\n`emq {0}` alone is `emq {0} list`. `emq {0} COMMAND --help` "
      "tells more.\n",
      first_word, two_columns(rows));
}

std::string commands_docs() {
  std::string text =
      "# Commands\n\n"
      "This page is made by `emq help --docs` from the table in `src/programs/command_table.cc`.\n\n"
      "Every listing takes `--json`. Exit codes: 0 done, 1 the job or command failed, 2 wrong usage, 3 no router\n"
      "answers, 4 timed out. Tables have colour only on a terminal, and none if `NO_COLOR` is set.\n\n"
      "Flags of one letter may share a word: `-wg` is `-w -g`, and the last may have its value there, as in `-wq "
      "mail`\n"
      "and `-wqmail`.\n\n"
      "Names of the original are recognised when the program is installed, or linked, under them: `emq-router` is\n"
      "`emq router`, `emq-jobmanager` is `emq jobmanager` with `-B` for the router's address, and `emq-cli` is\n"
      "`emq shell` with `-a` for the administrative address and the commands `status`, `show_workers`, "
      "`show_schedulers`,\n"
      "`shutdown`, `connect`, `disconnect` and `quit`. This version has no `emq-scheduler` and no `emq-pubsub`; those "
      "of\n"
      "the original go on working.\n\n"
      "| command | what it does |\n|---|---|\n";
  for (const Command& command : all_commands()) {
    std::string anchor = "emq-" + command.name;
    std::ranges::replace(anchor, ' ', '-');
    text += fmt::format("| [{}](#{}) | {} |\n", command.name, anchor, command.summary);
  }
  for (const Command& command : all_commands()) text += command_docs(command);
  return text;
}

std::string bash_completion() {
  std::vector<std::string> first_words;
  std::string cases;
  for (const Command& command : all_commands()) {
    const auto words = split_words(command.name);
    if (std::ranges::find(first_words, words[0]) == first_words.end()) first_words.emplace_back(words[0]);
    cases += fmt::format("    \"{}{}) flags=\"{}\" ;;\n", command.name, words.size() == 1 ? " \"*" : "\"",
                         joined(flag_names(command)));
  }
  std::string seconds;
  for (const std::string& first : first_words) {
    std::vector<std::string> words;
    for (const Command& command : all_commands()) {
      const auto parts = split_words(command.name);
      if (parts.size() == 2 && parts[0] == first) words.emplace_back(parts[1]);
    }
    if (!words.empty()) seconds += fmt::format("    {}) second=\"{}\" ;;\n", first, joined(words));
  }
  // Only where a file may stand are words taken for names of files: a command beside a folder of its name is none.
  return fmt::format(R"(# Completion of emq for bash: source <(emq completion bash)
_emq() {{
  local flags="" second="" help=""
  local -a words=("${{COMP_WORDS[@]:1:COMP_CWORD}}")
  local current=${{words[-1]}}
  COMPREPLY=()
  if [[ ${{words[0]}} == help && $current != -* ]] && ((${{#words[@]}} > 1)); then
    help=yes
    words=("${{words[@]:1}}")
  fi
  if ((${{#words[@]}} == 1)); then
    COMPREPLY=($(compgen -W "{}" -- "$current"))
    return
  fi
  case ${{words[0]}} in
{}  esac
  if ((${{#words[@]}} == 2)) && [[ -n $second && $current != -* ]]; then
    COMPREPLY=($(compgen -W "$second" -- "$current"))
    return
  fi
  [[ -z $help ]] || return
  case "${{words[0]}} ${{words[1]}}" in
{}  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$current"))
  else
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}}
complete -F _emq emq
)",
                     joined(first_words), seconds, cases);
}

}  // namespace eventmq
