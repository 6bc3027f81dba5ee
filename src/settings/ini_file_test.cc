#include "src/settings/ini_file.h"

#include <gtest/gtest.h>

namespace eventmq {
namespace {

std::string entries_text(std::string_view text) {
  const auto entries = parse_ini(text, "f");
  if (!entries) return entries.error().text;
  std::string result;
  for (const IniEntry& entry : *entries) {
    result += entry.section + "." + entry.name + "=" + entry.value + "@" + std::to_string(entry.line) + ";";
  }
  return result;
}

TEST(IniFileTest, EntriesKnowTheirSectionAndLine) {
  EXPECT_EQ(entries_text("# c\n[Router]\n\nhwm = 5\nname: x\r\n"), "router.hwm=5@4;router.name=x@5;");
}

TEST(IniFileTest, AnIndentedLineGoesOnWithTheValue) {
  EXPECT_EQ(entries_text("[a]\nq = [1,\n  2, # two\n  3]\nb=4"), "a.q=[1, 2, 3]@2;a.b=4@5;");
}

TEST(IniFileTest, NamesOfOneIndentAreEntriesEach) {
  EXPECT_EQ(entries_text("[a]\n  x = 1\n  y = 2\n\tz = 3\n"), "a.x=1@2;a.y=2@3;a.z=3@4;");
  EXPECT_EQ(entries_text("[a]\n    x = 1\n  y = 2\n  [b]\n  z = 3\n"), "a.x=1@2;a.y=2@3;b.z=3@5;");
}

TEST(IniFileTest, OnlyALineIndentedDeeperThanItsNameGoesOn) {
  EXPECT_EQ(entries_text("[a]\n  q = [1,\n     2]\n  y = 3"), "a.q=[1, 2]@2;a.y=3@4;");
  EXPECT_EQ(entries_text("[a]\nx = 1\n  y = 2\n [b]\nz = 3"), "a.x=1 y = 2 [b]@2;a.z=3@5;");
}

TEST(IniFileTest, CommentsAndEmptyLinesDoNotEndAValue) {
  EXPECT_EQ(entries_text("[a]\n  x = 1\n# c\n\n      ; c\n    2\n"), "a.x=1 2@2;");
  EXPECT_EQ(entries_text("  [a]\n    x = 1\n\n    y = 2\n"), "a.x=1@2;a.y=2@4;") << "indented below its section";
}

TEST(IniFileTest, CommentsBehindAValueNeedABlankAndNoQuotes) {
  EXPECT_EQ(entries_text("[a]\nx = 1 # c\ny = a#b\nz = \"a #b\" ; c\nw = # c\n"),
            "a.x=1@2;a.y=a#b@3;a.z=\"a #b\"@4;a.w=@5;");
}

TEST(IniFileTest, LinesMayBeLong) {
  const std::string value(100'000, 'v');
  EXPECT_EQ(entries_text("[a]\nx=" + value), "a.x=" + value + "@2;");
}

TEST(IniFileTest, AByteOrderMarkIsSkipped) { EXPECT_EQ(entries_text("\xef\xbb\xbf[a]\nx=1"), "a.x=1@2;"); }

TEST(IniFileTest, AnEmptyFileHasNoEntries) { EXPECT_EQ(entries_text(""), ""); }

TEST(IniFileTest, WhatIsNeitherSectionNorEntryIsRefused) {
  EXPECT_EQ(entries_text("[a]\nhello"), "f:2: a setting is written name = value");
  EXPECT_EQ(entries_text("= 5"), "f:1: a setting is written name = value");
  EXPECT_EQ(entries_text("[a"), "f:1: a section line is written [router]");
  EXPECT_EQ(entries_text("[a] b"), "f:1: a section line is written [router]");
  EXPECT_EQ(entries_text(std::string_view("a=\0b", 4)), "f: this is not a text file");
}

TEST(IniFileTest, ALineAtTheMarginThatMayBelongToTheValueAboveIsToldToBeIndented) {
  EXPECT_EQ(entries_text("[a]\nx = [\n  1\n]"),
            "f:4: a setting is written name = value; a line that goes on with the value above is indented");
  EXPECT_EQ(entries_text("[a]\nx = [[1],\n[2]]"),
            "f:3: a section line is written [router]; a line that goes on with the value above is indented");
}

}  // namespace
}  // namespace eventmq
