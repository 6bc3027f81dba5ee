#include "src/settings/ini_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/settings/text.h"

namespace eventmq {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// How many blanks stand before the text.
size_t indent_of(std::string_view raw) {
  return static_cast<size_t>(std::ranges::find_if_not(raw, is_blank) - raw.begin());
}

// Cuts a comment that follows a value: a blank, then # or ;, outside double quotes.
std::string_view without_comment(std::string_view text) {
  bool quoted = false;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '"' && (at == 0 || text[at - 1] != '\\')) quoted = !quoted;
    const bool starts = text[at] == '#' || text[at] == ';';
    if (starts && !quoted && at > 0 && is_blank(text[at - 1])) return text.substr(0, at);
  }
  return text;
}

class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path) {}

  Result<void> line(std::string_view raw, int number) {
    const std::string_view text = trim(raw);
    if (text.empty() || text.front() == '#' || text.front() == ';') return {};
    const size_t indent = indent_of(raw);
    if (can_continue_ && indent > indent_) {
      entries.back().value += fmt::format(" {}", trim(without_comment(text)));
      return {};
    }
    indent_ = indent;
    if (text.front() == '[') return section_line(text, number);
    return entry_line(text, number);
  }

  std::vector<IniEntry> entries;

 private:
  Result<void> section_line(std::string_view text, int number) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos || !trim(without_comment(text.substr(end + 1))).empty()) {
      return refuse("a section line is written [router]", number);
    }
    section_ = lower(trim(text.substr(1, end - 1)));
    can_continue_ = false;
    return {};
  }

  Result<void> entry_line(std::string_view text, int number) {
    const size_t sign = text.find_first_of("=:");
    if (sign == std::string_view::npos || trim(text.substr(0, sign)).empty()) {
      return refuse("a setting is written name = value", number);
    }
    IniEntry entry;
    entry.section = section_;
    entry.name = std::string(trim(text.substr(0, sign)));
    entry.value = std::string(trim(without_comment(text.substr(sign + 1))));
    if (const std::string_view rest = trim(text.substr(sign + 1));
        !rest.empty() && (rest.front() == '#' || rest.front() == ';')) {
      entry.value.clear();
    }
    entry.line = number;
    entries.push_back(std::move(entry));
    can_continue_ = true;
    return {};
  }

  // It may be meant to go on with the value above: the last line of a list often stands at the margin.
  tl::unexpected<Error> refuse(std::string_view rule, int number) const {
    return fail(ErrorCode::kBadValue,
                fmt::format("{}:{}: {}{}", path_, number, rule,
                            can_continue_ ? "; a line that goes on with the value above is indented" : ""));
  }

  const std::string& path_;
  std::string section_;
  bool can_continue_ = false;
  size_t indent_ = 0;  // of the last section or name
};

}  // namespace

Result<std::vector<IniEntry>> parse_ini(std::string_view text, const std::string& path) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // byte order mark
  if (text.find('\0') != std::string_view::npos) {
    return fail(ErrorCode::kBadValue, fmt::format("{}: this is not a text file", path));
  }
  Reader reader(path);
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (auto read = reader.line(text.substr(0, end), number); !read) return tl::unexpected(read.error());
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return std::move(reader.entries);
}

}  // namespace eventmq
