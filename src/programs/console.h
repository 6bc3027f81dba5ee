// Where a command writes and reads, and how: plain text, with colour only for a person at a terminal.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "src/base/result.h"
#include "src/programs/exit_code.h"
#include "src/programs/line_source.h"

namespace eventmq {

// Whether it is a terminal, and not one without control codes (TERM=dumb).
bool understands_codes(std::FILE* file);
// Not if NO_COLOR is set.
bool may_colour();

class Console {
 public:
  Console(std::FILE* out, std::FILE* err);
  // stdout and stderr; colour if stdout is a terminal and NO_COLOR is not set.
  static Console of_process();

  bool colour() const { return colour_; }
  void print(std::string_view text);  // as it stands
  void line(std::string_view text);   // with a line end
  void error_line(std::string_view text);
  // Prints the sentence and returns the exit code that goes with it.
  ExitCode fail(const Error& error);
  // The exit code of the whole: that of a failure, with a sentence, if what was printed could not be written.
  int end_with(int code);

  // Where `emq shell` reads; without read_lines_with() plain lines of stdin.
  std::unique_ptr<LineSource> lines(const std::string& prompt, Completer completer) const;
  void read_lines_with(LineSourceMaker maker) { line_source_maker_ = std::move(maker); }

 private:
  std::FILE* out_;
  std::FILE* err_;
  bool colour_ = false;
  bool output_lost_ = false;
  LineSourceMaker line_source_maker_;
};

// Opens /dev/null for those of the descriptors 0 to 2 that the program was started without, or what it opens first
// would take their place and be written to as output. What is printed to such a stdout still counts as lost. For the
// begin of main(); anyone else may have opened them.
void fill_standard_descriptors();

enum class Style { kPlain, kBold, kGood, kWarning, kBad, kFaint };
std::string styled(std::string_view text, Style style, bool colour);

// What a peer sent, made safe to show: control characters and broken UTF-8 become "?".
std::string safe_text(std::string_view text);
// How many columns a terminal shows it in: East Asian characters take two, accents of their own none.
size_t columns(std::string_view text);

}  // namespace eventmq
