#include "src/programs/console.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <locale.h>
#include <unistd.h>
#include <wchar.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>

namespace eventmq {
namespace {

// The C library knows the widths, in a locale of UTF-8, which may not be the user's. Without it each has one.
size_t columns_of(uint32_t point) {
  static const locale_t utf8 = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (utf8 == nullptr) return 1;
  const locale_t before = ::uselocale(utf8);
  const int width = ::wcwidth(static_cast<wchar_t>(point));
  ::uselocale(before);
  return width < 0 ? 1 : static_cast<size_t>(width);
}

// The bytes of the code point that begins here; 0 if it is broken or a control character.
size_t code_point_size(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x20 || lead == 0x7f) return 0;
  if (lead < 0x80) return 1;
  const size_t size = lead >= 0xf0 && lead < 0xf5   ? 4
                      : lead >= 0xe0 && lead < 0xf0 ? 3
                      : lead >= 0xc2 && lead < 0xe0 ? 2
                                                    : 0;
  if (size == 0 || text.size() < size) return 0;
  for (size_t at = 1; at < size; ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xc0) != 0x80) return 0;
  }
  const bool second_control_set = lead == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0;
  return second_control_set ? 0 : size;
}

// Of these bytes, which are one code point, or one byte that is none.
uint32_t code_point(std::string_view bytes) {
  const auto lead = static_cast<unsigned char>(bytes[0]);
  uint32_t point = bytes.size() == 1 ? lead : lead & (0x7fu >> bytes.size());
  for (const char c : bytes.substr(1)) point = point << 6 | (static_cast<unsigned char>(c) & 0x3f);
  return point;
}

}  // namespace

bool understands_codes(std::FILE* file) {
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal != nullptr && std::string_view(terminal) == "dumb";
  return ::isatty(::fileno(file)) == 1 && !dumb;
}

bool may_colour() {
  const char* no_colour = std::getenv("NO_COLOR");
  return no_colour == nullptr || *no_colour == '\0';
}

Console::Console(std::FILE* out, std::FILE* err) : out_(out), err_(err) {
  colour_ = understands_codes(out) && may_colour();
}

Console Console::of_process() { return Console(stdout, stderr); }

void Console::print(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), out_) == text.size();
  if (std::fflush(out_) != 0 || !written) output_lost_ = true;
}

int Console::end_with(int code) {
  if (!output_lost_ || code != kExitDone) return code;
  error_line("the output could not be written: the disk may be full, or its reader gone");
  return kExitFailed;
}

void Console::line(std::string_view text) { print(std::string(text) + "\n"); }

void Console::error_line(std::string_view text) {
  std::fflush(out_);
  const std::string whole = fmt::format("emq: {}\n", text);
  std::fwrite(whole.data(), 1, whole.size(), err_);
  std::fflush(err_);
}

ExitCode Console::fail(const Error& error) {
  error_line(error.text.empty() ? std::string(error_meaning(error.code)) : safe_text(error.text));
  return exit_code_of(error);
}

std::unique_ptr<LineSource> Console::lines(const std::string& prompt, Completer completer) const {
  return line_source_maker_ ? line_source_maker_(prompt, std::move(completer)) : plain_lines();
}

void fill_standard_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest number that is free; to write to one for reading fails, as to a closed one.
    if (::open("/dev/null", descriptor == STDERR_FILENO ? O_WRONLY : O_RDONLY) < 0) return;
  }
}

std::string styled(std::string_view text, Style style, bool colour) {
  if (!colour || style == Style::kPlain) return std::string(text);
  static constexpr const char* kCodes[] = {"0", "1", "32", "33", "31", "2"};
  return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[static_cast<size_t>(style)], text);
}

std::string safe_text(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const size_t size = code_point_size(text);
    result += size == 0 ? std::string_view("?") : text.substr(0, size);
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  return result;
}

size_t columns(std::string_view text) {
  size_t count = 0;
  while (!text.empty()) {
    const size_t size = std::max<size_t>(code_point_size(text), 1);
    count += columns_of(code_point(text.substr(0, size)));
    text.remove_prefix(size);
  }
  return count;
}

}  // namespace eventmq
