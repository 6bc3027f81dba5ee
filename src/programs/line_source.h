// Lines that a person types, or that come from a pipe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/programs/exit_code.h"

namespace eventmq {

class LineSource {
 public:
  virtual ~LineSource() = default;
  // Whether a person types.
  virtual bool interactive() const = 0;
  // The next line, without its end; nothing at the end of input.
  virtual std::optional<std::string> next() = 0;
  // Runs a command that a line asked for, and gives its exit code. Where a person types, Ctrl-C ends the command alone.
  virtual ExitCode run(const std::function<ExitCode()>& command) { return command(); }
};

// What could stand next, given what was typed before the word under the cursor ("jobs ").
using Completer = std::function<std::vector<std::string>(const std::string& before)>;
using LineSourceMaker = std::function<std::unique_ptr<LineSource>(const std::string& prompt, Completer completer)>;

// Lines of stdin as they come, without prompt, history and completion.
std::unique_ptr<LineSource> plain_lines();

}  // namespace eventmq
