// Lines that a person types, with history and completion at a terminal (libedit), or from a pipe without.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace eventmq {

class LineReader {
 public:
  // What could stand next, given what was typed before the word under the cursor ("jobs ").
  using Completer = std::function<std::vector<std::string>(const std::string& before)>;

  // `history_file` is read now and written at the end; empty: history is not kept. One LineReader at a time.
  LineReader(std::string prompt, std::string history_file, Completer completer);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  bool interactive() const { return interactive_; }
  // The next line, without its end; nothing at the end of input.
  std::optional<std::string> next();

 private:
  std::string prompt_;
  std::string history_file_;
  bool interactive_;
};

// Where the shell keeps its history: a file in the user's state folder, whose folders are made; empty if there is none.
std::string shell_history_file();

}  // namespace eventmq
