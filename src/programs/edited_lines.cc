#include "src/programs/edited_lines.h"

// libedit, which is BSD-licensed; GNU readline's licence does not go with this project's.
#include <editline/readline.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>

namespace eventmq {
namespace {

constexpr int kHistoryLines = 1000;

// libedit calls back without a pointer of ours.
Completer g_completer;
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

// A file in the user's state folder, whose folders are made; empty if there is none.
std::string history_file() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  std::string state = variable("XDG_STATE_HOME");
  if (state.empty() && !variable("HOME").empty()) state = variable("HOME") + "/.local/state";
  if (state.empty()) return "";
  const std::filesystem::path folder = std::filesystem::path(state) / "eventmq";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  return error ? "" : (folder / "shell_history").string();
}

class EditedLines : public LineSource {
 public:
  EditedLines(std::string prompt, Completer completer) : prompt_(std::move(prompt)), history_file_(history_file()) {
    g_completer = std::move(completer);
    using_history();
    stifle_history(kHistoryLines);
    if (!history_file_.empty()) read_history(history_file_.c_str());
    rl_attempted_completion_function = complete;
  }
  ~EditedLines() override {
    if (!history_file_.empty()) write_history(history_file_.c_str());
    g_completer = nullptr;
  }

  bool interactive() const override { return true; }
  std::optional<std::string> next() override {
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

 private:
  std::string prompt_;
  std::string history_file_;
};

}  // namespace

std::unique_ptr<LineSource> edited_lines(const std::string& prompt, Completer completer) {
  if (::isatty(STDIN_FILENO) != 1) return plain_lines();
  return std::make_unique<EditedLines>(prompt, std::move(completer));
}

}  // namespace eventmq
