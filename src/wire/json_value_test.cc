#include "src/wire/json_value.h"

#include <gtest/gtest.h>

#include <limits>

namespace eventmq {
namespace {

Json nested(size_t levels) {
  Json value = 1;
  for (; levels > 0; --levels) {
    Json outer = Json::array();
    outer.push_back(std::move(value));
    value = std::move(outer);
  }
  return value;
}

TEST(JsonValueTest, WhatTextCanSayIsNoProblem) {
  EXPECT_EQ(json_problem(Json{{"a", {1, 2.5, nullptr, "text", true}}, {"b", Json::object()}}, 2), "");
  EXPECT_EQ(json_problem(nested(5), 5), "");
  EXPECT_EQ(json_problem(5, 0), "");
}

TEST(JsonValueTest, DepthIsBoundedHoweverDeepTheValueIs) {
  EXPECT_EQ(json_problem(nested(6), 5), "is nested deeper than 5 levels");
  EXPECT_EQ(json_problem(nested(1'000'000), 98), "is nested deeper than 98 levels");
}

TEST(JsonValueTest, NumbersAndBytesThatJsonHasNoWordForAreNamed) {
  for (const double number : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_EQ(json_problem(Json{{"a", {number}}}, 9), "holds a number that JSON has no word for (NaN or infinity)");
  }
  EXPECT_EQ(json_problem(Json::array({Json::binary({1, 2})}), 9), "holds binary data; encode it as text first");
}

}  // namespace
}  // namespace eventmq
