#include "tests/tidy/source_tree.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace eventmq::tidy {
namespace {

namespace fs = std::filesystem;

// Folders of ours; whatever else lies in a checkout (build folders, editors' files) is not read.
constexpr std::array kFolders = {"include", "src",  "sim",      "testing",   "tests", "fuzz",
                                 "bench",   "docs", "examples", "packaging", "cmake", ".ci"};

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

bool is_cpp(const fs::path& path) { return path.extension() == ".h" || path.extension() == ".cc"; }

bool is_text(const fs::path& path, std::string_view text) {
  static const std::array kExtensions = {".md", ".txt", ".cmake", ".json", ".py", ".sh", ".conf", ".service"};
  if (is_cpp(path) || text.starts_with("#!")) return true;
  return std::find(kExtensions.begin(), kExtensions.end(), path.extension()) != kExtensions.end();
}

std::vector<SourceFile> read_all() {
  const fs::path root = EVENTMQ_SOURCE_DIR;
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(root)) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  for (const char* folder : kFolders) {
    if (!fs::is_directory(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      if (entry.is_regular_file()) paths.push_back(entry.path());
    }
  }
  std::vector<SourceFile> files;
  for (const auto& path : paths) {
    SourceFile file{fs::relative(path, root).generic_string(), read(path), {}};
    if (!is_text(path, file.text) || file.is_under("fuzz/corpus")) continue;
    if (is_cpp(path)) file.code = without_comments_and_literals(file.text);
    files.push_back(std::move(file));
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

std::vector<SourceFile> select(bool (*wanted)(const SourceFile&)) {
  std::vector<SourceFile> selected;
  std::copy_if(text_files().begin(), text_files().end(), std::back_inserter(selected), wanted);
  return selected;
}

// Length of the literal that starts at text[0], a quote or the R of a raw string.
size_t literal_length(std::string_view text) {
  if (text.starts_with("R\"")) {
    const size_t open = text.find('(');
    if (open == text.npos) return text.size();
    const std::string close = ")" + std::string(text.substr(2, open - 2)) + "\"";
    const size_t end = text.find(close, open);
    return end == text.npos ? text.size() : end + close.size();
  }
  size_t i = 1;
  while (i < text.size() && text[i] != text[0] && text[i] != '\n') i += text[i] == '\\' ? 2 : 1;
  return std::min(i + 1, text.size());
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// Length of the comment or literal that starts at `at`; 0 if none does.
size_t blank_length(std::string_view text, size_t at) {
  const std::string_view rest = text.substr(at);
  if (rest.starts_with("//")) return std::min(rest.find('\n'), rest.size());
  if (rest.starts_with("/*")) {
    const size_t end = rest.find("*/", 2);
    return end == rest.npos ? rest.size() : end + 2;
  }
  const bool inside_word = at > 0 && is_word(text[at - 1]);  // 1'000 and the R of FOR" are no literals
  if (rest[0] == '"' || (rest[0] == '\'' && !inside_word)) return literal_length(rest);
  if (rest.starts_with("R\"") && !inside_word) return literal_length(rest);
  return 0;
}

}  // namespace

bool SourceFile::is_test() const {
  return path.ends_with("_test.cc") || is_under("tests") || is_under("testing") || is_under("sim") ||
         is_under("fuzz") || path.find("/testing/") != path.npos;
}

std::string SourceFile::layer() const {
  if (!is_under("src")) return {};
  const size_t end = path.find('/', 4);
  return end == path.npos ? std::string() : path.substr(4, end - 4);
}

const std::vector<SourceFile>& text_files() {
  static const auto files = read_all();
  return files;
}

const std::vector<SourceFile>& cpp_files() {
  static const auto files = select([](const SourceFile& file) { return is_cpp(file.path); });
  return files;
}

const std::vector<SourceFile>& markdown_files() {
  static const auto files = select([](const SourceFile& file) { return file.path.ends_with(".md"); });
  return files;
}

std::vector<Include> includes_of(const SourceFile& file) {
  static const std::regex pattern(R"re(^\s*#\s*include\s*["<]([^">]+)[">].*)re");
  std::vector<Include> includes;
  int number = 0;
  for (const std::string_view line : split_lines(file.text)) {
    ++number;
    std::cmatch match;
    if (std::regex_match(line.begin(), line.end(), match, pattern)) includes.push_back({number, match[1].str()});
  }
  return includes;
}

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string without_comments_and_literals(std::string_view text) {
  std::string code(text);
  for (size_t at = 0; at < text.size();) {
    const size_t length = blank_length(text, at);
    for (size_t i = at; i < at + length; ++i) {
      if (code[i] != '\n') code[i] = ' ';
    }
    at += std::max<size_t>(length, 1);
  }
  return code;
}

std::vector<std::string> matches(const SourceFile& file, std::string_view text, const std::regex& pattern) {
  std::vector<std::string> found;
  const auto lines = split_lines(text);
  const auto written = split_lines(file.text);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!std::regex_search(lines[i].begin(), lines[i].end(), pattern)) continue;
    found.push_back(file.path + ":" + std::to_string(i + 1) + ": " + std::string(written[i]));
  }
  return found;
}

std::string joined(const std::vector<std::string>& complaints) {
  std::string text = "\n";
  for (const auto& complaint : complaints) text += "  " + complaint + "\n";
  return text;
}

}  // namespace eventmq::tidy
