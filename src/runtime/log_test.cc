#include "src/runtime/log.h"

#include <gmock/gmock.h>

#include <vector>

namespace eventmq {
namespace {

using testing::ElementsAre;

class LimitedLogTest : public testing::Test {
 protected:
  std::vector<std::string> lines_;
  LimitedLog log_{[this](LogLevel, std::string_view text) { lines_.emplace_back(text); }, 2};
  Instant start_{1'000'000'000};
};

TEST_F(LimitedLogTest, LinesBeyondTheLimitAreCountedAndSummarised) {
  for (int i = 0; i < 5; ++i) log_.write(LogLevel::kInfo, "line", start_);
  EXPECT_THAT(lines_, ElementsAre("line", "line"));
  EXPECT_EQ(log_.next_summary(), start_ + seconds(1));
  log_.summarise(start_ + milliseconds(999));
  EXPECT_EQ(lines_.size(), 2u);
  log_.summarise(start_ + seconds(1));
  EXPECT_THAT(lines_, ElementsAre("line", "line", "3 more lines within a second were left out of the log"));
  EXPECT_EQ(log_.next_summary(), Instant::never());
}

TEST_F(LimitedLogTest, TheNextSecondBeginsAnew) {
  for (int i = 0; i < 3; ++i) log_.write(LogLevel::kInfo, "a", start_);
  log_.write(LogLevel::kInfo, "b", start_ + seconds(1));
  EXPECT_THAT(lines_, ElementsAre("a", "a", "1 more lines within a second were left out of the log", "b"));
}

TEST_F(LimitedLogTest, LevelsAreLimitedApart) {
  for (int i = 0; i < 5; ++i) log_.write(LogLevel::kInfo, "info", start_);
  log_.write(LogLevel::kWarning, "warning", start_);
  EXPECT_THAT(lines_, ElementsAre("info", "info", "warning"));
}

TEST_F(LimitedLogTest, NothingIsSaidWhenNothingWasLeftOut) {
  log_.write(LogLevel::kInfo, "a", start_);
  log_.summarise(start_ + seconds(100));
  EXPECT_THAT(lines_, ElementsAre("a"));
}

TEST(PrintableTest, ControlCharactersAreShown) {
  EXPECT_EQ(printable("a\nb\x1b[2Jc\x7f"), "a\\nb\\x1b[2Jc\\x7f");
  EXPECT_EQ(printable("Grüße"), "Grüße");
  EXPECT_EQ(printable("a\xff\xfe"), "a??") << "peers choose their ids as they like";
}

TEST(PrintableTest, LongTextsAreCut) {
  EXPECT_EQ(printable("abcdef", 3), "abc...");
  EXPECT_EQ(printable("aüb", 2), "aü...") << "not within a character";
}

}  // namespace
}  // namespace eventmq
