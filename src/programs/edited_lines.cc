#include "src/programs/edited_lines.h"

// libedit, which is BSD-licensed; GNU readline's licence does not go with this project's.
#include <editline/readline.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>

namespace eventmq {
namespace {

constexpr int kHistoryLines = 1000;
constexpr int kControlC = 3;

// libedit calls back without a pointer of ours.
Completer g_completer;
std::vector<std::string> g_candidates;
bool g_line_dropped = false;
volatile sig_atomic_t g_interrupted = 0;

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

void note_interrupt(int) { g_interrupted = 1; }

int drop_line(int, int) {
  g_line_dropped = true;
  rl_done = 1;
  return 0;
}

// While a line is edited Ctrl-C is a key like others, not a signal: libedit would begin to read anew, but show nothing.
// A stop and `fg` undo this for the line at hand; there the signal may look like the end of input.
int prepare_terminal() {
  rl_prep_terminal(1);
  termios terminal;
  if (::tcgetattr(STDIN_FILENO, &terminal) != 0) return 0;
  terminal.c_cc[VINTR] = _POSIX_VDISABLE;
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal);
  return 0;
}

[[noreturn]] void run_and_exit(const std::function<ExitCode()>& command) {
  ::signal(SIGINT, SIG_DFL);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  const ExitCode code = command();
  std::fflush(nullptr);
  ::_exit(code);
}

ExitCode wait_for_command(pid_t process) {
  int status = 0;
  while (::waitpid(process, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFEXITED(status)) return static_cast<ExitCode>(WEXITSTATUS(status));
  const int signal = WTERMSIG(status);
  std::fputs(signal == SIGINT ? "\nemq: interrupted\n"
                              : fmt::format("emq: the command was ended by signal {}\n", signal).c_str(),
             stderr);
  return kExitFailed;
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
    rl_pre_input_hook = prepare_terminal;
    rl_add_defun("drop-line", drop_line, kControlC);
    former_ = ::signal(SIGINT, note_interrupt);  // what Ctrl-C ends is the command
  }
  ~EditedLines() override {
    ::signal(SIGINT, former_);
    if (!history_file_.empty()) write_history(history_file_.c_str());
    g_completer = nullptr;
  }

  bool interactive() const override { return true; }
  std::optional<std::string> next() override {
    char* typed = read_line();
    if (typed == nullptr) {
      std::cout << std::endl;
      return std::nullopt;
    }
    std::string line = typed;
    std::free(typed);
    if (!line.empty()) add_history(line.c_str());
    return line;
  }
  ExitCode run(const std::function<ExitCode()>& command) override {
    std::fflush(nullptr);
    const pid_t process = ::fork();
    if (process < 0) return command();
    if (process == 0) run_and_exit(command);
    return wait_for_command(process);
  }

 private:
  char* read_line() {
    for (;;) {
      g_line_dropped = false;
      g_interrupted = 0;
      char* typed = readline(prompt_.c_str());
      if (!g_line_dropped && (typed != nullptr || g_interrupted == 0)) return typed;
      std::free(typed);
      std::cout << "^C" << std::endl;
    }
  }

  std::string prompt_;
  std::string history_file_;
  void (*former_)(int) = SIG_DFL;  // what SIGINT did before
};

}  // namespace

std::unique_ptr<LineSource> edited_lines(const std::string& prompt, Completer completer) {
  if (::isatty(STDIN_FILENO) != 1) return plain_lines();
  return std::make_unique<EditedLines>(prompt, std::move(completer));
}

}  // namespace eventmq
