// Tables, safe text, words: what is shown and what is typed.
#include <gtest/gtest.h>

#include "src/programs/text_table.h"
#include "src/programs/words.h"

namespace eventmq {
namespace {

std::string words_text(std::string_view line) {
  const auto words = words_of_line(line);
  if (!words) return words.error().text;
  std::string text;
  for (const std::string& word : *words) text += "<" + word + ">";
  return text;
}

TEST(SafeTextTest, ControlCharactersAndBrokenUtf8AreReplaced) {
  EXPECT_EQ(safe_text("a\x1b[31mb\n"), "a?[31mb?");
  EXPECT_EQ(safe_text("grün €"), "grün €");
  EXPECT_EQ(safe_text("\xff\xc3"), "??");
  EXPECT_EQ(safe_text("\xc2\x9b"), "??");
}

TEST(SafeTextTest, ColumnsAreAsTerminalsShowThem) {
  EXPECT_EQ(columns("grün €"), 6u);
  EXPECT_EQ(columns("队列 中文"), 9u) << "two for each character";
  EXPECT_EQ(columns("가나 ｱ Ａ 😀"), 12u) << "the half width katakana is one";
  EXPECT_EQ(columns("u\xcc\x88"), 1u) << "an accent on its letter";
  EXPECT_EQ(columns("\xff\xc3"), 2u) << "shown as question marks";
}

TEST(TextTableTest, ColumnsAreAlignedAndLinesHaveNoBlanksBehind) {
  TextTable table({{"NAME"}, {"COUNT", Align::kRight}, {"NOTE"}});
  table.add_row({std::string("grün"), std::string("5"), std::string("")});
  table.add_row({std::string("b"), std::string("12345678"), std::string("x\ny")});
  EXPECT_EQ(table.text(false),
            "NAME     COUNT  NOTE\n"
            "grün         5\n"
            "b     12345678  x?y\n");
}

TEST(TextTableTest, WideCharactersDoNotMoveColumns) {
  TextTable table({{"QUEUE"}, {"N"}});
  table.add_row({std::string("队列"), std::string("1")});
  table.add_row({std::string("default"), std::string("2")});
  EXPECT_EQ(table.text(false), "QUEUE    N\n队列     1\ndefault  2\n");
}

TEST(TextTableTest, ColourDoesNotMoveColumns) {
  TextTable table({{"A"}, {"B"}});
  table.add_row({{"x", Style::kBad}, std::string("y")});
  EXPECT_EQ(table.text(true), "\x1b[1mA\x1b[0m  \x1b[1mB\x1b[0m\n\x1b[31mx\x1b[0m  y\n");
}

TEST(WordsTest, LinesAreReadAsAShellReadsThem) {
  EXPECT_EQ(words_text("send math.add 2  3\t--wait\r"), "<send><math.add><2><3><--wait>");
  EXPECT_EQ(words_text(R"(a 'b c' "d \"e\" \\ \x" f\ g h'i'"j")"), R"(<a><b c><d "e" \ \x><f g><hij>)");
  EXPECT_EQ(words_text("'' \"\""), "<><>");
  EXPECT_EQ(words_text("a # b"), "<a>");
  EXPECT_EQ(words_text("a#b"), "<a#b>");
  EXPECT_EQ(words_text(""), "");
}

TEST(WordsTest, AnOpenQuoteIsRefused) {
  EXPECT_EQ(words_text("a 'b"), "a ' is not closed");
  EXPECT_EQ(words_text("a \"b\\\""), "a \" is not closed");
}

}  // namespace
}  // namespace eventmq
