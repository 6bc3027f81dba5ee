// One command of `emq`: what a person may type and what then runs. Parsing, help, docs/commands.md and shell completion
// all come from these rows (command_table.cc).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "src/programs/console.h"
#include "src/settings/command_line.h"

namespace eventmq {

enum class ArgumentCount { kOne, kOptional, kAny };

struct ArgumentSpec {
  std::string name;  // "ID"
  std::string help;  // one sentence
  ArgumentCount count = ArgumentCount::kOne;
};

struct Invocation;

struct Command {
  std::string name;     // "send", "jobs show"
  std::string summary;  // one line of the overview
  std::string details;  // more sentences for the command's own help; may be empty
  std::vector<ArgumentSpec> arguments;
  std::vector<FlagSpec> flags;
  std::vector<Section> sections;  // of the settings that it takes as flags, with [global]; empty: none
  std::vector<std::string> examples;
  ExitCode (*run)(Invocation&) = nullptr;
  bool serves = false;  // runs until it is told to stop
};

// A command that was typed without mistake, about to run.
struct Invocation {
  const Command& command;
  const CommandLine& line;
  Console& console;
  LoadRequest request;  // environment, --config and the settings among the flags

  const std::string& argument(size_t index) const { return line.arguments[index]; }
  // The value of a flag that is no setting; `fallback` if it was not typed.
  std::string value(std::string_view flag, std::string_view fallback = {}) const;
  bool has(std::string_view flag) const { return line.has(flag); }
};

std::span<const Command> all_commands();
// All flags of a command: its own, --help, and those of its settings.
std::vector<FlagSpec> flags_of(const Command& command);

// The command that these words begin with, and how many words its name has; null if there is none.
struct CommandMatch {
  const Command* command = nullptr;
  size_t words = 0;
};
CommandMatch find_command(std::span<const std::string> words);

// "jobs" and "jobs --json" as "jobs list" and "jobs list --json"; other words as they are.
std::vector<std::string> with_second_word(std::vector<std::string> words);

// Runs `emq WORD…`: parses, helps, refuses or runs.
ExitCode run_words(const std::vector<std::string>& words, Console& console);
// The same with a command at hand and the words behind its name.
ExitCode run_command(const Command& command, const std::vector<std::string>& words, Console& console);

// --- The commands (each in <name>_command.cc or views.cc) ---
ExitCode run_up(Invocation& invocation);
ExitCode run_router(Invocation& invocation);
ExitCode run_jobmanager(Invocation& invocation);
ExitCode run_send(Invocation& invocation);
ExitCode run_status(Invocation& invocation);
ExitCode run_queues(Invocation& invocation);
ExitCode run_workers(Invocation& invocation);
ExitCode run_schedulers(Invocation& invocation);
ExitCode run_jobs_list(Invocation& invocation);
ExitCode run_jobs_show(Invocation& invocation);
ExitCode run_jobs_explain(Invocation& invocation);
ExitCode run_jobs_cancel(Invocation& invocation);
ExitCode run_jobs_retry(Invocation& invocation);
ExitCode run_jobs_delete(Invocation& invocation);
ExitCode run_dead_list(Invocation& invocation);
ExitCode run_dead_show(Invocation& invocation);
ExitCode run_dead_retry(Invocation& invocation);
ExitCode run_dead_delete(Invocation& invocation);
ExitCode run_verify(Invocation& invocation);
ExitCode run_shutdown(Invocation& invocation);
ExitCode run_config(Invocation& invocation);
ExitCode run_bench_command(Invocation& invocation);
ExitCode run_shell(Invocation& invocation);
ExitCode run_completion(Invocation& invocation);
ExitCode run_version(Invocation& invocation);
ExitCode run_help(Invocation& invocation);

}  // namespace eventmq
