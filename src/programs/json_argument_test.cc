#include "src/programs/json_argument.h"

#include <gtest/gtest.h>

namespace eventmq {
namespace {

std::string read(const std::string& text) {
  const Result<Json> json = json_argument(text);
  return json ? json->dump() : json.error().text;
}

TEST(JsonArgumentTest, WhatIsNoJsonIsText) {
  EXPECT_EQ(read("5"), "5");
  EXPECT_EQ(read("[1, 2.5]"), "[1,2.5]");
  EXPECT_EQ(read("five"), "\"five\"");
  EXPECT_EQ(read("\"5\""), "\"5\"");
  EXPECT_EQ(read("[1,"), "\"[1,\"");
  EXPECT_EQ(read("18446744073709551615"), "18446744073709551615");
  EXPECT_EQ(read("-9223372036854775808"), "-9223372036854775808");
}

TEST(JsonArgumentTest, NoDigitOfAWholeNumberIsLost) {
  EXPECT_EQ(read("123456789012345678901234567890"), "\"123456789012345678901234567890\"");
  EXPECT_EQ(read("-9223372036854775809"), "\"-9223372036854775809\"");
  EXPECT_EQ(read("[1, {\"n\": [18446744073709551616]}]"),
            "the number 18446744073709551616 has no room in 64 bits: write it as text, in quotes");
  EXPECT_EQ(read("[1e30, 0.1]"), "[1e+30,0.1]") << "written as fractions, they are meant so";
}

TEST(JsonArgumentTest, WhatIsNestedWithoutEndIsRefused) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_EQ(read(deep), "an argument is nested deeper than 98 levels");
  EXPECT_EQ(json_object("{\"a\": " + deep + "}", "--kwargs").error().text, "--kwargs is nested deeper than 98 levels");
}

TEST(JsonArgumentTest, AnObjectIsReadLikewise) {
  EXPECT_EQ(json_object("{\"year\": 2026}", "--kwargs")->dump(), "{\"year\":2026}");
  EXPECT_EQ(json_object("[2026]", "--kwargs").error().text, "--kwargs must be a JSON object, as {\"year\": 2026}");
  EXPECT_EQ(json_object("{\"n\": 18446744073709551616}", "--kwargs").error().text,
            "the number 18446744073709551616 has no room in 64 bits: write it as text, in quotes");
}

}  // namespace
}  // namespace eventmq
