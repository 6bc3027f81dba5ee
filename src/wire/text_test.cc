#include "src/wire/text.h"

#include <gtest/gtest.h>

#include <vector>

namespace eventmq {
namespace {

using namespace std::string_view_literals;

std::vector<std::string> items(std::string_view text) {
  std::vector<std::string> result;
  CommaList list(text);
  for (std::string_view item; list.next(item);) result.emplace_back(item);
  return result;
}

using Items = std::vector<std::string>;

TEST(Utf8Test, WellFormedTextIsAccepted) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("plain, and longer than eight bytes"));
  EXPECT_TRUE(is_utf8("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x8d"));
  EXPECT_TRUE(is_utf8("\xed\x9f\xbf \xee\x80\x80 \xf4\x8f\xbf\xbf"));
  EXPECT_TRUE(is_utf8("a\0b"sv));
}

TEST(Utf8Test, MalformedTextIsRefused) {
  EXPECT_FALSE(is_utf8("\x80")) << "a continuation alone";
  EXPECT_FALSE(is_utf8("12345678\xff")) << "after eight bytes of ASCII";
  EXPECT_FALSE(is_utf8("\xc3")) << "cut after one of two";
  EXPECT_FALSE(is_utf8("\xe2\x82")) << "cut after two of three";
  EXPECT_FALSE(is_utf8("\xf0\x9f\x90")) << "cut after three of four";
  EXPECT_FALSE(is_utf8("\xc3\x41")) << "a continuation replaced";
  EXPECT_FALSE(is_utf8("\xc0\xaf")) << "overlong, two bytes";
  EXPECT_FALSE(is_utf8("\xe0\x80\xaf")) << "overlong, three bytes";
  EXPECT_FALSE(is_utf8("\xf0\x80\x80\xaf")) << "overlong, four bytes";
  EXPECT_FALSE(is_utf8("\xed\xa0\x80")) << "surrogate";
  EXPECT_FALSE(is_utf8("\xf4\x90\x80\x80")) << "beyond U+10FFFF";
  EXPECT_FALSE(is_utf8("\xf8\x88\x80\x80\x80")) << "five bytes";
}

TEST(Utf8Test, ControlCharactersAreFound) {
  EXPECT_TRUE(has_control_character("a\nb"));
  EXPECT_TRUE(has_control_character("\x7f"));
  EXPECT_TRUE(has_control_character("\xc2\x85"));
  EXPECT_TRUE(has_control_character("\0"sv));
  EXPECT_FALSE(has_control_character("a b \xc2\xa0 \xc3\xa9"));
}

TEST(Utf8Test, PrefixCutsNoCharacter) {
  EXPECT_EQ(utf8_prefix("abc", 3), "abc");
  EXPECT_EQ(utf8_prefix("abc", 2), "ab");
  EXPECT_EQ(utf8_prefix("a\xc3\xa9", 2), "a");
  EXPECT_EQ(utf8_prefix("\xf0\x9f\x90\x8d", 3), "");
}

TEST(Utf8Test, RepairReplacesEachBadByte) {
  EXPECT_EQ(repaired_utf8("ok \xc3\xa9"), "ok \xc3\xa9");
  EXPECT_EQ(repaired_utf8("a\xff\xc3"), "a??");
  EXPECT_EQ(repaired_utf8("\xed\xa0\x80!"), std::string(3, '?') + "!");
}

TEST(CommaListTest, ItemsComeWithoutTheirBlanks) {
  EXPECT_EQ(items("a,b"), (Items{"a", "b"}));
  EXPECT_EQ(items(" a ,\tb "), (Items{"a", "b"}));
}

TEST(CommaListTest, EmptyTextHasNoItems) {
  EXPECT_EQ(items(""), Items());
  EXPECT_EQ(items(" \t "), Items());
}

TEST(CommaListTest, OneCommaAtTheEndAddsNothing) {
  EXPECT_EQ(items("a,"), (Items{"a"}));
  EXPECT_EQ(items("a, "), (Items{"a"}));
}

TEST(CommaListTest, OtherEmptyItemsAreItems) {
  EXPECT_EQ(items(","), (Items{""}));
  EXPECT_EQ(items(",a"), (Items{"", "a"}));
  EXPECT_EQ(items("a, ,b"), (Items{"a", "", "b"}));
  EXPECT_EQ(items("a,,"), (Items{"a", ""}));
}

TEST(NumberTest, OnlyDigitsAreANumber) {
  uint32_t number = 7;
  for (const char* text : {"", "-1", "+1", "1 ", " 1", "1.0", "0x1", "one", "1e3"}) {
    EXPECT_EQ(parse_number(text, 100, number), NumberFault::kNotANumber) << text;
  }
  EXPECT_EQ(number, 7u) << "untouched on a fault";
  EXPECT_EQ(parse_number("0042", 100, number), NumberFault::kNone);
  EXPECT_EQ(number, 42u);
}

TEST(NumberTest, BeyondTheGreatestIsOutOfRange) {
  uint32_t number = 0;
  EXPECT_EQ(parse_number("100", 100, number), NumberFault::kNone);
  EXPECT_EQ(parse_number("101", 100, number), NumberFault::kOutOfRange);
  EXPECT_EQ(parse_number("4294967295", UINT32_MAX, number), NumberFault::kNone);
  EXPECT_EQ(parse_number("4294967296", UINT32_MAX, number), NumberFault::kOutOfRange);
  EXPECT_EQ(parse_number(std::string(500, '9'), UINT32_MAX, number), NumberFault::kOutOfRange);
}

TEST(SecondsTest, WholeAndFractionAreRead) {
  Duration duration;
  EXPECT_EQ(parse_seconds("5", seconds(10), duration), NumberFault::kNone);
  EXPECT_EQ(duration, seconds(5));
  EXPECT_EQ(parse_seconds("0.5", seconds(10), duration), NumberFault::kNone);
  EXPECT_EQ(duration, milliseconds(500));
  EXPECT_EQ(parse_seconds("1.000001", seconds(10), duration), NumberFault::kNone);
  EXPECT_EQ(duration, microseconds(1'000'001));
}

TEST(SecondsTest, WhatIsNotZeroDoesNotBecomeZero) {
  Duration duration;
  EXPECT_EQ(parse_seconds("0.0000001", seconds(10), duration), NumberFault::kNone);
  EXPECT_EQ(duration, microseconds(1));
  EXPECT_EQ(parse_seconds("0.0000000", seconds(10), duration), NumberFault::kNone);
  EXPECT_EQ(duration, microseconds(0));
}

TEST(SecondsTest, OtherFormsAreNotNumbers) {
  Duration duration;
  for (const char* text : {"", ".", ".5", "5.", "-1", "1e3", "inf", "nan", "1.2.3", "1,5", "5s"}) {
    EXPECT_EQ(parse_seconds(text, seconds(10), duration), NumberFault::kNotANumber) << text;
  }
}

TEST(SecondsTest, BeyondTheGreatestIsOutOfRange) {
  Duration duration;
  EXPECT_EQ(parse_seconds("10", seconds(10), duration), NumberFault::kNone);
  EXPECT_EQ(parse_seconds("10.000001", seconds(10), duration), NumberFault::kOutOfRange);
  EXPECT_EQ(parse_seconds("10.9999999", seconds(10), duration), NumberFault::kOutOfRange);
  EXPECT_EQ(parse_seconds(std::string(500, '9'), seconds(10), duration), NumberFault::kOutOfRange);
}

TEST(InQuotesTest, LongAndUnprintableTextIsMadeSafe) {
  EXPECT_EQ(in_quotes("abc"), "'abc'");
  EXPECT_EQ(in_quotes("a\n\xff"), "'a" + std::string(2, '?') + "'");
  EXPECT_EQ(in_quotes(std::string(61, 'x')), "'" + std::string(60, 'x') + "...'");
}

TEST(ShownIdTest, WhatIsNotPrintableIsShownByItsBytes) {
  EXPECT_EQ(shown_id("reports-1"), "reports-1");
  EXPECT_EQ(shown_id("caf\xc3\xa9"), "caf\xc3\xa9");
  EXPECT_EQ(shown_id({"\0\x6b\x8b\x45\x67", 5}), "0x006b8b4567");
  EXPECT_EQ(shown_id("a\nb"), "0x610a62");
}

TEST(SliceTest, SharesTheMemoryOfTheWhole) {
  Bytes part;
  {
    const Bytes whole("some text");
    part = slice(whole, whole.view().substr(5));
    EXPECT_EQ(part.block(), whole.block());
  }
  EXPECT_EQ(part, "text");
  const Bytes literal = Bytes::literal("some text");
  EXPECT_EQ(slice(literal, literal.view().substr(0, 4)), "some");
  EXPECT_EQ(slice(part, part.view().substr(4)).block(), nullptr);
}

}  // namespace
}  // namespace eventmq
