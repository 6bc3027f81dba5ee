#include "src/client/job_call_text.h"

#include <gtest/gtest.h>

#include <limits>

#include "src/wire/limits.h"

namespace eventmq {
namespace {

const Json kNothing = nullptr;

std::string text_of(std::string_view name, const Json& args, const Json& kwargs = kNothing) {
  const auto text = job_call_text(name, {args, kwargs, kNothing, kNothing});
  return text ? *text : std::string(error_word(text.error().code)) + ": " + text.error().text;
}

TEST(JobCallTextTest, MessageIsWhatExistingPeersSend) {
  EXPECT_EQ(text_of("my_jobs.add", {2, "x"}, {{"loud", true}}),
            R"(["run", {"path": "my_jobs", "callable": "add", "args": [2,"x"], "kwargs": {"loud":true}, )"
            R"("class_args": [], "class_kwargs": {}}])");
}

TEST(JobCallTextTest, NameSplitsAtItsLastPoint) {
  const auto parts = [](std::string_view name) {
    const auto parsed = parse_job_name(name);
    return parsed ? parsed->path + " " + parsed->callable : parsed.error().text;
  };
  EXPECT_EQ(parts("math.add"), "math add");
  EXPECT_EQ(parts("a.b.c"), "a.b c");
  EXPECT_EQ(parts("pkg.module:Class.method"), "pkg.module:Class method");
  EXPECT_EQ(parts("pkg:Outer.Inner.method"), "pkg:Outer.Inner method");
  EXPECT_EQ(parts("alone"), " alone");
}

TEST(JobCallTextTest, MalformedNamesAreRefused) {
  for (const char* name : {"", ".", "a.", ".a", "a..b", "a:b", "a:.b", ":a.b", "a:b:c.d", "a b.c", "a.b,c", "a.\"b",
                           "a.\\b", "a.\n", "a.\xff"}) {
    const auto parsed = parse_job_name(name);
    ASSERT_FALSE(parsed) << name;
    EXPECT_EQ(parsed.error().code, ErrorCode::kBadValue);
  }
}

TEST(JobCallTextTest, ArgumentsMustBeAListAndNamedOnesAnObject) {
  EXPECT_EQ(text_of("a.b", Json::object()),
            "bad-value: args must be a list, not object; arguments with names belong in kwargs");
  EXPECT_EQ(text_of("a.b", 5), "bad-value: args must be a list, not number; arguments with names belong in kwargs");
  EXPECT_EQ(text_of("a.b", kNothing, Json::array({1})), "bad-value: kwargs must be an object, not array");
}

TEST(JobCallTextTest, TextThatIsNotUtf8IsRefused) {
  EXPECT_EQ(text_of("a.b", {"\xff"}), "bad-value: args: text that is not UTF-8 cannot be sent as JSON");
}

TEST(JobCallTextTest, WhatJsonCannotSayIsRefused) {
  EXPECT_EQ(text_of("a.b", {1, std::numeric_limits<double>::quiet_NaN()}),
            "bad-value: args: the value holds a number that JSON has no word for (NaN or infinity)");
  EXPECT_EQ(text_of("a.b", kNothing, {{"data", Json::binary({1})}}),
            "bad-value: kwargs: the value holds binary data; encode it as text first");
  Json deep = Json::array();
  for (int level = 0; level < 1'000'000; ++level) {
    Json outer = Json::array();
    outer.push_back(std::move(deep));
    deep = std::move(outer);
  }
  EXPECT_EQ(text_of("a.b", deep), "bad-value: args: the value is nested deeper than 98 levels");
}

TEST(JobCallTextTest, TooLargeArgumentsAreRefused) {
  const Json big = Json::array({std::string(limits::kFrameBytesDefault - 10, 'x')});
  EXPECT_EQ(text_of("a.b", big).substr(0, 10), "too-large:");
}

}  // namespace
}  // namespace eventmq
