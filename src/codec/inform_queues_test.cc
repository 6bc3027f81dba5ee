#include "src/codec/inform_queues.h"

#include <gtest/gtest.h>

#include "src/wire/limits.h"

namespace eventmq {
namespace {

// The queues read, in the spelling that is emitted; or the refusal.
std::string read(std::string_view text) {
  const auto queues = parse_inform_queues(Bytes(text));
  if (queues) return queues->empty() ? "none" : inform_queues_text(*queues);
  return std::string(error_word(queues.error().code)) + ": " + queues.error().text;
}

TEST(InformQueuesTest, JsonListOfPairs) {
  EXPECT_EQ(read("[[20, \"heavy\"], [10, \"default\"]]"), "[[20, \"heavy\"], [10, \"default\"]]");
  EXPECT_EQ(read("[[20,\"heavy\"],[10,\"default\"]]"), "[[20, \"heavy\"], [10, \"default\"]]");
  EXPECT_EQ(read(" [ [ 20 , \"heavy\" ]\n,\t[10,\"default\"] ] \r\n"), "[[20, \"heavy\"], [10, \"default\"]]");
}

TEST(InformQueuesTest, PublishedListOfPairs) {
  EXPECT_EQ(read("[40, 'email'], [10, 'default']"), "[[40, \"email\"], [10, \"default\"]]");
  EXPECT_EQ(read("[40,'email']"), "[[40, \"email\"]]");
  EXPECT_EQ(read("[40, \"email\"]"), "[[40, \"email\"]]");
}

TEST(InformQueuesTest, EitherQuoteInEitherList) {
  EXPECT_EQ(read("[[40, 'email'], [10, \"it's\"]]"), "[[40, \"email\"], [10, \"it's\"]]");
}

TEST(InformQueuesTest, BareNamesGetTheDefaultWeight) {
  EXPECT_EQ(read("email"), "[[10, \"email\"]]");
  EXPECT_EQ(read("email, default ,two words,"), "[[10, \"email\"], [10, \"default\"], [10, \"two words\"]]");
}

TEST(InformQueuesTest, PiecesOfListsAndValuesAreNoBareNames) {
  for (const char* text :
       {R"({"a":1})", "(10", "(10, 'a')", "null", "true", "false", "\"a\"", "'a'", "a, [10", "a]", ")"}) {
    EXPECT_NE(read(text).find("is no bare name but part of a list or value; lists are like [[10, \"name\"]]"),
              std::string::npos)
        << text << ": " << read(text);
  }
  EXPECT_EQ(read("null").find("bad-message: name 'null' is no bare name"), 0u);
  EXPECT_EQ(read(R"([[10, "null"], [10, "(10"], [10, "{\"a\":1}"]])"),
            R"([[10, "null"], [10, "(10"], [10, "{\"a\":1}"]])");
  for (const char* text : {"it's", "mail(fast)", "nullable", "10", "a:b", "a.b-c_d/e"}) {
    EXPECT_EQ(read(text), "[[10, \"" + std::string(text) + "\"]]");
  }
}

TEST(InformQueuesTest, EmptyIsNone) {
  for (const char* text : {"", " ", "\n", "[]", " [ ] "}) EXPECT_EQ(read(text), "none") << text;
}

TEST(InformQueuesTest, WeightsReachFromZeroToAMillion) {
  EXPECT_EQ(read("[[0, \"a\"], [1000000, \"b\"]]"), "[[0, \"a\"], [1000000, \"b\"]]");
  for (const char* weight : {"1000001", "-1", "1.0", "1e3", "", "\"10\"", "null", "true", "99999999999999999999"}) {
    EXPECT_EQ(
        read("[[" + std::string(weight) + ", \"a\"]]"),
        "bad-message: at byte 2: a weight is a whole number from 0 to 1000000, not '" + std::string(weight) + "'");
  }
}

TEST(InformQueuesTest, EscapesAreRead) {
  EXPECT_EQ(read(R"([[1, "a\"b\\c\/d"]])"), R"([[1, "a\"b\\c/d"]])");
  EXPECT_EQ(read(R"([[1, "\u0041\u00e9\u20ac\ud83d\udc0d"]])"), "[[1, \"A\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x8d\"]]");
  EXPECT_EQ(read(R"([1, 'it\'s'])"), "[[1, \"it's\"]]");
}

TEST(InformQueuesTest, BrokenEscapesAreRefused) {
  EXPECT_EQ(read(R"([[1, "\x41"]])"), "bad-message: at byte 7: a backslash begins no escape that JSON knows");
  EXPECT_EQ(read(R"([[1, "\u00g0"]])"), "bad-message: at byte 10: a \\u escape needs four hexadecimal digits");
  EXPECT_EQ(read(R"([[1, "\u00)"), "bad-message: at byte 10: a \\u escape needs four hexadecimal digits");
  for (const char* text : {R"([[1, "\udc0d"]])", R"([[1, "\ud83d"]])", R"([[1, "\ud83dx"]])",
                           R"([[1, "\ud83d\u0041"]])", R"([[1, "\ud83d\n"]])"}) {
    EXPECT_NE(read(text).find("half a surrogate pair"), std::string::npos) << text << " " << read(text);
  }
}

TEST(InformQueuesTest, NamesAreChecked) {
  EXPECT_EQ(read("[[1, \"\"]]"), "bad-message: name '' is empty; a queue has a name");
  EXPECT_EQ(read("[[1, \"a,b\"]]"), "bad-message: name 'a,b' has a comma");
  EXPECT_EQ(read(R"([[1, "a\nb"]])"), "bad-message: name 'a?b' has a control character");
  EXPECT_EQ(read("a,,b"), "bad-message: name '' is empty; a queue has a name");
  EXPECT_EQ(read(std::string(201, 'q')).find("too-large: name '"), 0u);
}

TEST(InformQueuesTest, NameGivenTwiceIsRefused) {
  EXPECT_EQ(read("[[1, \"a\"], [2, \"b\"], [3, \"a\"]]"), "bad-message: queue 'a' is given twice");
  EXPECT_EQ(read("a,b,a"), "bad-message: queue 'a' is given twice");
  EXPECT_EQ(read(R"([[1, "a"], [1, "\u0061"]])"), "bad-message: queue 'a' is given twice");
}

TEST(InformQueuesTest, EachBrokenRuleOfTheListHasItsError) {
  EXPECT_EQ(read("["), "bad-message: at byte 1: a weight is a whole number from 0 to 1000000, not ''");
  EXPECT_EQ(read("[[1, \"a\"]"), "bad-message: at byte 9: expected a comma or the end of the list");
  EXPECT_EQ(read("[[1, \"a\"],]"), "bad-message: at byte 10: expected a pair [weight, \"name\"]");
  EXPECT_EQ(read("[[1, \"a\"], 7]"), "bad-message: at byte 11: expected a pair [weight, \"name\"]");
  EXPECT_EQ(read("[[1 \"a\"]]"), "bad-message: at byte 4: expected a comma after the weight");
  EXPECT_EQ(read("[[1, a]]"), "bad-message: at byte 5: a name is text in quotes");
  EXPECT_EQ(read("[[1, \"a]]"), "bad-message: at byte 9: a name has no closing quote");
  EXPECT_EQ(read("[[1, \"a\", 2]]"), "bad-message: at byte 8: expected the end of the pair after the name");
  EXPECT_EQ(read("[[1, \"a\"]] x"), "bad-message: at byte 11: more text follows the list");
  EXPECT_EQ(read("[1, 'a'] [2, 'b']"), "bad-message: at byte 9: more text follows the list");
  EXPECT_EQ(read("[] []"), "bad-message: at byte 3: more text follows the list");
  EXPECT_EQ(read("[\"a\", \"b\"]"),
            "bad-message: at byte 1: a weight is a whole number from 0 to 1000000, not '\"a\"'");
}

TEST(InformQueuesTest, DeepNestingIsRefusedAtOnce) {
  EXPECT_EQ(read(std::string(100'000, '[')),
            "bad-message: at byte 2: a weight is a whole number from 0 to 1000000, not ''");
}

TEST(InformQueuesTest, TextThatIsNotUtf8IsRefused) { EXPECT_EQ(read("a\xff"), "bad-message: is not UTF-8"); }

TEST(InformQueuesTest, LongTextIsTooLarge) {
  EXPECT_EQ(read(std::string(limits::kInformBytes + 1, ' ')),
            "too-large: has 1048577 bytes; at most 1048576 are taken");
}

TEST(InformQueuesTest, NumberOfQueuesIsLimited) {
  std::string bare;
  std::string pairs;
  for (size_t queue = 0; queue < limits::kQueuesPerInform; ++queue) {
    bare += (queue ? ",q" : "q") + std::to_string(queue);
    pairs += (queue ? ", [1, 'q" : "[1, 'q") + std::to_string(queue) + "']";
  }
  EXPECT_EQ(parse_inform_queues(Bytes(bare)).value().size(), limits::kQueuesPerInform);
  EXPECT_EQ(parse_inform_queues(Bytes(pairs)).value().size(), limits::kQueuesPerInform);
  EXPECT_EQ(read(bare + ",more"), "too-large: more than 1000 queues");
  EXPECT_EQ(read(pairs + ", [1, 'more']"), "too-large: more than 1000 queues");
}

TEST(InformQueuesTest, NamesShareTheMemoryOfTheFrame) {
  const Bytes text("[[1, \"a\"]]");
  EXPECT_EQ(parse_inform_queues(text).value()[0].name.block(), text.block());
  const Bytes bare("a,b");
  EXPECT_EQ(parse_inform_queues(bare).value()[1].name.block(), bare.block());
}

}  // namespace
}  // namespace eventmq
