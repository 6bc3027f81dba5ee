// Documents stay true: links lead somewhere, tables agree with the code.
#include <gtest/gtest.h>

#include <cctype>
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <string>

#include "eventmq/error.h"
#include "tests/tidy/source_tree.h"

namespace eventmq::tidy {
namespace {

namespace fs = std::filesystem;

const SourceFile* markdown_file(std::string_view path) {
  for (const auto& file : markdown_files()) {
    if (file.path == path) return &file;
  }
  return nullptr;
}

// The lines of a document outside ``` blocks; a blank line stands for each line inside.
std::vector<std::string_view> prose_lines(const SourceFile& file) {
  auto lines = split_lines(file.text);
  bool in_block = false;
  for (auto& line : lines) {
    const bool fence = line.starts_with("```");
    if (fence) in_block = !in_block;
    if (fence || in_block) line = {};
  }
  return lines;
}

// The name by which a heading is linked to: "## What a user types" is #what-a-user-types.
std::string anchor_of(std::string_view heading) {
  std::string anchor;
  heading.remove_prefix(std::min(heading.find_first_not_of("# "), heading.size()));
  for (const char c : heading) {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '_') {
      anchor += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (c == ' ' || c == '-') {
      anchor += '-';
    }
  }
  return anchor;
}

bool has_anchor(const SourceFile& file, const std::string& anchor) {
  for (const auto line : prose_lines(file)) {
    if (line.starts_with("#") && anchor_of(line) == anchor) return true;
  }
  return false;
}

// Empty if the link leads somewhere, else what is wrong.
std::string complaint_about_link(const SourceFile& file, const std::string& link) {
  static const std::regex elsewhere("^[a-z]+:");
  if (std::regex_search(link, elsewhere)) return {};
  const std::string target = link.substr(0, link.find('#'));
  const std::string anchor = link.find('#') == link.npos ? "" : link.substr(link.find('#') + 1);
  const fs::path path =
      target.empty() ? fs::path(file.path) : (fs::path(file.path).parent_path() / target).lexically_normal();
  if (!fs::exists(fs::path(EVENTMQ_SOURCE_DIR) / path)) return link + ": there is no " + path.generic_string();
  const SourceFile* document = markdown_file(path.generic_string());
  if (anchor.empty() || !document || has_anchor(*document, anchor)) return {};
  return link + ": no such heading in " + path.generic_string();
}

// The cells of a table row, without blanks and back-ticks around them; empty if the line is no row.
std::vector<std::string> table_cells(std::string_view line) {
  std::vector<std::string> cells;
  if (!line.starts_with("|")) return cells;
  line.remove_prefix(1);
  while (!line.empty()) {
    const size_t end = std::min(line.find('|'), line.size());
    std::string_view cell = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    const size_t first = cell.find_first_not_of(" `");
    const size_t last = cell.find_last_not_of(" `");
    cells.emplace_back(first == cell.npos ? "" : cell.substr(first, last - first + 1));
  }
  return cells;
}

std::string class_word(ErrorClass error_class) {
  switch (error_class) {
    case ErrorClass::kFix:
      return "fix";
    case ErrorClass::kRetry:
      return "retry";
    case ErrorClass::kReconnect:
      return "reconnect";
  }
  return {};
}

TEST(DocsTest, RelativeLinksLeadSomewhere) {
  static const std::regex pattern(R"(\]\(([^)\s]+)\))");
  std::vector<std::string> complaints;
  for (const auto& file : markdown_files()) {
    int number = 0;
    for (const auto line : prose_lines(file)) {
      ++number;
      for (std::cregex_iterator link(line.begin(), line.end(), pattern), end; link != end; ++link) {
        const std::string complaint = complaint_about_link(file, (*link)[1].str());
        if (!complaint.empty()) complaints.push_back(file.path + ":" + std::to_string(number) + ": " + complaint);
      }
    }
  }
  EXPECT_TRUE(complaints.empty()) << joined(complaints);
}

TEST(DocsTest, ErrorTableSaysWhatTheCodeSays) {
  const SourceFile* document = markdown_file("docs/errors.md");
  ASSERT_NE(document, nullptr) << "docs/errors.md lists the error codes";
  std::map<std::string, std::vector<std::string>> rows;
  for (const auto line : prose_lines(*document)) {
    auto cells = table_cells(line);
    if (cells.size() >= 3) rows[cells[0]] = cells;
  }
  rows.erase("code");
  for (auto row = rows.begin(); row != rows.end();)
    row = row->first.starts_with("-") ? rows.erase(row) : std::next(row);

#define EVENTMQ_X(name, word, error_class, meaning)                                                      \
  ASSERT_TRUE(rows.contains(word)) << "docs/errors.md lacks a row for " << word;                         \
  EXPECT_EQ(rows[word][1], class_word(ErrorClass::error_class)) << "class of " << word;                  \
  EXPECT_EQ(rows[word][2], meaning) << "meaning of " << word << "; the same sentence stands in error.h"; \
  rows.erase(word);
  EVENTMQ_ERROR_CODES(EVENTMQ_X)
#undef EVENTMQ_X
  for (const auto& [word, cells] : rows) ADD_FAILURE() << "docs/errors.md has " << word << ", error.h does not";
}

TEST(DocsTest, LinesOfATableHaveAsManyCellsAsItsHead) {
  for (const auto& file : markdown_files()) {
    size_t cells_in_head = 0;
    int number = 0;
    for (const auto line : prose_lines(file)) {
      ++number;
      // An escaped bar or one in code is text; such rows are not counted.
      const bool countable = line.find("\\|") == line.npos && line.find("||") == line.npos;
      const size_t cells = table_cells(line).size();
      if (cells == 0) {
        cells_in_head = 0;
      } else if (cells_in_head == 0) {
        cells_in_head = cells;
      } else if (countable) {
        EXPECT_EQ(cells, cells_in_head) << file.path << ":" << number;
      }
    }
  }
}

}  // namespace
}  // namespace eventmq::tidy
