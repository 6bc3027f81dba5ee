// Two types of one name in one namespace, in different files, are one type to the linker: it keeps one of them in
// silence and the program runs the wrong code. No compiler sees it, so this test does.
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <string>

#include "tests/tidy/source_tree.h"

namespace eventmq::tidy {
namespace {

// Collects the types that a file defines in named namespaces: those that start a line, which is how we write them.
void collect(const SourceFile& file, std::map<std::string, std::string>& first_place,
             std::vector<std::string>& doubles) {
  static const std::regex definition(R"(^(?:struct|class|enum class|union) ([A-Z]\w*)(?: final)?(?: : [^;(]*)? \{.*)");
  static const std::regex opening(R"(^namespace ([\w:]*) ?\{)");
  std::string space;
  bool anonymous = false;
  for (const std::string_view line : split_lines(file.code)) {
    std::match_results<std::string_view::const_iterator> match;
    if (std::regex_search(line.begin(), line.end(), match, opening)) {
      if (match[1].length() == 0) {
        anonymous = true;
      } else {
        space = match[1].str();
      }
    } else if (anonymous && line.starts_with("}  ") && line.size() < 20) {
      anonymous = false;
    } else if (!anonymous && std::regex_match(line.begin(), line.end(), match, definition)) {
      const std::string name = space + "::" + match[1].str();
      const auto [place, fresh] = first_place.emplace(name, file.path);
      if (!fresh && place->second != file.path) doubles.push_back(name + ": " + place->second + " and " + file.path);
    }
  }
}

TEST(NamesTest, NoTwoTypesOfOneNamespaceHaveOneName) {
  std::map<std::string, std::string> first_place;
  std::vector<std::string> doubles;
  for (const auto& file : cpp_files()) {
    if (!file.is_test()) collect(file, first_place, doubles);
  }
  EXPECT_GT(first_place.size(), 100u) << "the test has gone blind";
  EXPECT_TRUE(doubles.empty()) << "give one of them another name, or an unnamed namespace" << joined(doubles);
}

}  // namespace
}  // namespace eventmq::tidy
