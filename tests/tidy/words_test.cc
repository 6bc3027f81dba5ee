// Names that must not occur, and what to use in their place.
#include <gtest/gtest.h>

#include <regex>
#include <string>

#include "tests/tidy/source_tree.h"

namespace eventmq::tidy {
namespace {

struct BannedWord {
  const char* pattern;
  const char* instead;
};

// The pure folders decide; whoever runs them passes time, randomness and input in.
bool is_pure(const SourceFile& file) {
  const std::string layer = file.layer();
  return !file.is_test() && (layer == "broker" || layer == "codec" || layer == "session" || layer == "schedule");
}

TEST(WordsTest, PureFoldersKnowNoClockSocketFileThreadOrRandomness) {
  static const BannedWord banned[] = {
      {R"(\b(system_clock|steady_clock|high_resolution_clock|clock_gettime|gettimeofday|std::time)\b|<c?time(\.h)?>|<chrono>)",
       "take the Instant that is passed in (src/base/time.h)"},
      {R"(\b(random_device|mt19937(_64)?|default_random_engine|getrandom|s?rand)\b\s*[({;]|<random>)",
       "take a Prng& (src/base/prng.h) or an IdSource&"},
      {R"(\bzmq\b|\bzmq_|<sys/|<netinet/|<arpa/|<poll\.h>|\bsocket\s*\()", "put sends into the effects"},
      {R"(\b(fopen|[io]?fstream|std::filesystem|mkdir|unlink)\b|<(fstream|filesystem|cstdio|unistd\.h|fcntl\.h)>|\bsqlite3)",
       "put records into the effects"},
      {R"(\bstd::(j?thread|mutex|shared_mutex|condition_variable|async|future|promise|this_thread)\b|<(thread|mutex|future|shared_mutex)>)",
       "a pure folder is run by one thread"},
      {R"(\b(getenv|std::cout|std::cerr|printf)\b|<iostream>)", "return a value or put it into the effects"},
  };
  for (const auto& [pattern, instead] : banned) {
    const std::regex regex(pattern);
    for (const auto& file : cpp_files()) {
      if (!is_pure(file)) continue;
      const auto found = matches(file, file.code, regex);
      EXPECT_TRUE(found.empty()) << instead << joined(found);
    }
  }
}

TEST(WordsTest, NoTestSleeps) {
  const std::regex regex(R"(\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\()");
  for (const auto& file : cpp_files()) {
    if (!file.is_test()) continue;
    const auto found = matches(file, file.code, regex);
    EXPECT_TRUE(found.empty()) << "use manual time, or wait on a condition with a generous limit" << joined(found);
  }
}

TEST(WordsTest, NothingIsLeftUnfinished) {
  const std::regex regex(
      "\\b(FIX"
      "ME|TO"
      "DO|X"
      "XX)\\b");
  for (const auto& file : text_files()) {
    const auto found = matches(file, file.text, regex);
    EXPECT_TRUE(found.empty()) << "do it, or file an issue" << joined(found);
  }
}

TEST(WordsTest, NoPathOfOneMachineIsInTheRepository) {
  const std::regex regex(
      "(^|[^A-Za-z0-9_.$}<-])/(wo"
      "rk|ho"
      "me|ro"
      "ot)/");
  for (const auto& file : text_files()) {
    const auto found = matches(file, file.text, regex);
    EXPECT_TRUE(found.empty()) << "use a relative path, a setting or $HOME" << joined(found);
  }
}

TEST(WordsTest, HeadersBeginWithWhatTheyAreAndAreReadOnce) {
  for (const auto& file : cpp_files()) {
    if (!file.is_header()) continue;
    EXPECT_TRUE(file.text.starts_with("// ")) << file.path << ": begin with a comment that says what this header is";
    EXPECT_NE(file.text.find("\n#pragma once\n"), std::string::npos) << file.path << ": add #pragma once";
  }
}

TEST(WordsTest, LiteralsAndCommentsAreNotCode) {
  EXPECT_EQ(without_comments_and_literals("a = \"x\\\"y\"; // z\nb = 1'000 /* q */;"),
            "a =       ;     \nb = 1'000        ;");
  EXPECT_EQ(without_comments_and_literals("R\"(a\"b)\" c"), "         c");
}

}  // namespace
}  // namespace eventmq::tidy
