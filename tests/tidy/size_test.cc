// Files and functions stay small enough to hold in one's head. A ratchet: the few that are longer are listed
// with their length of today and may only shrink.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <regex>
#include <string>

#include "tests/tidy/source_tree.h"

namespace eventmq::tidy {
namespace {

constexpr size_t kFileLinesMax = 500;
constexpr size_t kFunctionLinesMax = 80;

// Longer than the limit, at most so long: path or "path: function's first line" → lines.
const std::map<std::string, size_t>& known_long() {
  static const std::map<std::string, size_t> known = {};
  return known;
}

size_t limit_of(const std::string& name, size_t usual) {
  const auto known = known_long().find(name);
  return known == known_long().end() ? usual : known->second;
}

struct Function {
  std::string name;  // "path: its first line"
  size_t lines;
};

// Whether the text between the last ; { or } and a { opens a body of code rather than a type or namespace.
bool opens_function(std::string_view head) {
  static const std::regex container(
      R"(^\s*(template\s*<[^{]*>\s*)?(inline\s+)?(namespace|class|struct|union|enum)\b[^=]*$|\bextern\s*$)");
  return head.find('(') != head.npos && !std::regex_search(head.begin(), head.end(), container);
}

// Functions by a walk over braces: good enough to measure by, and needs no compiler.
class FunctionWalk {
 public:
  explicit FunctionWalk(const SourceFile& file) : file_(file), lines_(split_lines(file.text)) {}

  std::vector<Function> run() {
    const std::string& code = file_.code;
    for (size_t at = 0; at < code.size(); ++at) {
      if (code[at] == '\n') ++line_;
      if (code[at] == '#' && only_blanks_before(at)) {
        at = skip_directive(at) - 1;
        continue;
      }
      if (code[at] == '{') open(at);
      if (code[at] == '}') close();
      if (code[at] == ';' || code[at] == '{' || code[at] == '}') head_ = at + 1;
    }
    return std::move(functions_);
  }

 private:
  bool only_blanks_before(size_t at) const {
    const size_t start = file_.code.rfind('\n', at);
    return file_.code.find_first_not_of(" \n", start == std::string::npos ? 0 : start) == at;
  }

  // The end of a preprocessor line with the lines that it goes on over. Braces in macros do not balance.
  size_t skip_directive(size_t at) {
    const std::string& code = file_.code;
    size_t end = std::min(code.find('\n', at), code.size());
    while (end < code.size() && code[end - 1] == '\\') {
      ++line_;
      end = std::min(code.find('\n', end + 1), code.size());
    }
    head_ = end;
    return end;
  }

  void open(size_t at) {
    ++depth_;
    if (function_depth_ != 0) return;
    const std::string_view head = std::string_view(file_.code).substr(head_, at - head_);
    if (!opens_function(head)) return;
    function_depth_ = depth_;
    const size_t skipped = std::min(head.find_first_not_of(" \n"), head.size());
    first_line_ = line_ - static_cast<size_t>(std::count(head.begin() + static_cast<long>(skipped), head.end(), '\n'));
  }

  void close() {
    if (depth_ == function_depth_ && depth_ != 0) {
      functions_.push_back({file_.path + ": " + std::string(lines_[first_line_]), line_ - first_line_ + 1});
      function_depth_ = 0;
    }
    if (depth_ > 0) --depth_;
  }

  const SourceFile& file_;
  std::vector<std::string_view> lines_;
  std::vector<Function> functions_;
  size_t line_ = 0;
  size_t head_ = 0;  // where the statement began that the walk is in
  size_t depth_ = 0;
  size_t function_depth_ = 0;  // depth of the function that the walk is in; 0 if in none
  size_t first_line_ = 0;
};

std::vector<Function> functions_of(const SourceFile& file) { return FunctionWalk(file).run(); }

bool is_product(const SourceFile& file) { return file.is_under("src") || file.is_under("include"); }

size_t quantile(std::vector<size_t> numbers, size_t percent) {
  if (numbers.empty()) return 0;
  std::sort(numbers.begin(), numbers.end());
  return numbers[(numbers.size() - 1) * percent / 100];
}

void report(const char* what, const std::vector<size_t>& numbers) {
  std::cout << what << ": " << numbers.size() << ", lines median " << quantile(numbers, 50) << ", 95th percentile "
            << quantile(numbers, 95) << ", longest " << quantile(numbers, 100) << "\n";
}

TEST(SizeTest, FilesAreShort) {
  std::vector<size_t> lengths;
  for (const auto& file : cpp_files()) {
    const size_t lines = split_lines(file.text).size();
    if (is_product(file)) lengths.push_back(lines);
    EXPECT_LE(lines, limit_of(file.path, kFileLinesMax)) << file.path << ": split it by what its parts are about";
  }
  report("product files", lengths);
}

TEST(SizeTest, FunctionsAreShort) {
  std::vector<size_t> lengths;
  for (const auto& file : cpp_files()) {
    if (!is_product(file) || file.is_test()) continue;
    for (const auto& [name, lines] : functions_of(file)) {
      lengths.push_back(lines);
      EXPECT_LE(lines, limit_of(name, kFunctionLinesMax)) << name << ": give its steps names of their own";
    }
  }
  report("product functions", lengths);
}

TEST(SizeTest, NothingInTheListOfLongOnesHasGoneOrShrunk) {
  for (const auto& [name, lines] : known_long()) {
    const std::string path = name.substr(0, name.find(": "));
    const bool is_there = std::any_of(cpp_files().begin(), cpp_files().end(), [&](const SourceFile& file) {
      if (file.path != path) return false;
      if (path == name) return split_lines(file.text).size() == lines;
      const auto functions = functions_of(file);
      return std::any_of(functions.begin(), functions.end(),
                         [&](const Function& function) { return function.name == name && function.lines == lines; });
    });
    EXPECT_TRUE(is_there) << name << " is not " << lines << " lines long any more: mend the list in size_test.cc";
  }
}

TEST(SizeTest, FunctionsAreFoundByTheirBraces) {
  SourceFile file{"x.cc",
                  "namespace a {\nstruct S {\n  int f() const {\n    return g({1});\n  }\n  int x{0};\n};\n"
                  "#define M {\nvoid g(int a,\n       int b) {\n  if (a) {\n  }\n}\n}\n",
                  {}};
  file.code = without_comments_and_literals(file.text);
  const auto functions = functions_of(file);
  ASSERT_EQ(functions.size(), 2u);
  EXPECT_EQ(functions[0].name, "x.cc:   int f() const {");
  EXPECT_EQ(functions[0].lines, 3u);
  EXPECT_EQ(functions[1].name, "x.cc: void g(int a,");
  EXPECT_EQ(functions[1].lines, 5u);
}

TEST(ScriptsTest, ScriptsCanBeExecuted) {
  namespace fs = std::filesystem;
  for (const auto& file : text_files()) {
    if (!file.text.starts_with("#!")) continue;
    const auto permissions = fs::status(fs::path(EVENTMQ_SOURCE_DIR) / file.path).permissions();
    EXPECT_NE(permissions & fs::perms::owner_exec, fs::perms::none) << file.path << ": chmod +x";
  }
}

}  // namespace
}  // namespace eventmq::tidy
