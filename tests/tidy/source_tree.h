// The repository's own files, as the tidy tests read them.
#pragma once

#include <regex>
#include <string>
#include <string_view>
#include <vector>

namespace eventmq::tidy {

struct SourceFile {
  std::string path;  // relative to the repository
  std::string text;
  std::string code;  // C++ only: the text with comments and literals blanked out, line by line as long as before

  bool is_header() const { return path.ends_with(".h"); }
  // Test code: *_test.cc anywhere, and whatever only tests use.
  bool is_test() const;
  bool is_under(std::string_view folder) const { return path.starts_with(std::string(folder) + "/"); }
  // The folder below src: "broker" of src/broker/queue.cc; empty if the file is not in src.
  std::string layer() const;
};

// Every C++ file of ours, by path.
const std::vector<SourceFile>& cpp_files();
// Every Markdown file of ours, by path.
const std::vector<SourceFile>& markdown_files();
// Every file of ours that is text: the two above, CMake files, scripts.
const std::vector<SourceFile>& text_files();

// One include line of a file.
struct Include {
  int line;
  std::string name;  // as written, without quotes or angles
};
std::vector<Include> includes_of(const SourceFile& file);

std::vector<std::string_view> split_lines(std::string_view text);

// Blanks comments, string and character literals with spaces; lines stay where they are.
std::string without_comments_and_literals(std::string_view text);

// "path:line: line's text" for every line of `text` (the file's text or code) that matches.
std::vector<std::string> matches(const SourceFile& file, std::string_view text, const std::regex& pattern);

// Complaints one a line, for a failure message.
std::string joined(const std::vector<std::string>& complaints);

}  // namespace eventmq::tidy
