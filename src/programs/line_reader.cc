#include "src/programs/line_reader.h"

// libedit, which is BSD-licensed; GNU readline's licence does not go with this project's.
#include <editline/readline.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>

namespace eventmq {
namespace {

// libedit calls back without a pointer of ours.
LineReader::Completer g_completer;
std::vector<std::string> g_candidates;

char* next_candidate(const char* typed, int state) {
  static size_t at = 0;
  if (state == 0) at = 0;
  while (at < g_candidates.size()) {
    const std::string& candidate = g_candidates[at++];
    if (candidate.starts_with(typed)) return ::strdup(candidate.c_str());
  }
  return nullptr;
}

char** complete(const char* typed, int start, int) {
  rl_attempted_completion_over = 1;  // no file names when nothing fits
  g_candidates = g_completer(std::string(rl_line_buffer, static_cast<size_t>(start)));
  return rl_completion_matches(typed, next_candidate);
}

}  // namespace

LineReader::LineReader(std::string prompt, std::string history_file, Completer completer)
    : prompt_(std::move(prompt)), history_file_(std::move(history_file)), interactive_(::isatty(STDIN_FILENO) == 1) {
  if (!interactive_) return;
  g_completer = std::move(completer);
  using_history();
  stifle_history(1000);
  if (!history_file_.empty()) read_history(history_file_.c_str());
  rl_attempted_completion_function = complete;
}

LineReader::~LineReader() {
  if (!interactive_) return;
  if (!history_file_.empty()) write_history(history_file_.c_str());
  g_completer = nullptr;
}

std::optional<std::string> LineReader::next() {
  if (!interactive_) {
    std::string line;
    if (!std::getline(std::cin, line)) return std::nullopt;
    return line;
  }
  char* typed = readline(prompt_.c_str());
  if (typed == nullptr) {
    std::cout << std::endl;
    return std::nullopt;
  }
  std::string line = typed;
  std::free(typed);
  if (!line.empty()) add_history(line.c_str());
  return line;
}

std::string shell_history_file() {
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  if ((state == nullptr || *state == '\0') && (home == nullptr || *home == '\0')) return "";
  const std::filesystem::path folder =
      std::filesystem::path(state != nullptr && *state != '\0' ? std::string(state)
                                                               : std::string(home) + "/.local/state") /
      "eventmq";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  return error ? "" : (folder / "shell_history").string();
}

}  // namespace eventmq
