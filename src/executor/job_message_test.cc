// One test for each rule of the job message, and for the text functions below it.
#include "src/executor/job_message.h"

#include <gmock/gmock.h>

#include "src/executor/json_text.h"
#include "src/wire/limits.h"

namespace eventmq {
namespace {

using ::testing::HasSubstr;

std::string refusal(const std::string& message) {
  const Result<JobCall> call = parse_job_message(message);
  return call ? "accepted" : call.error().text;
}

TEST(JobMessageTest, EveryMemberIsRead) {
  const std::string message =
      R"(["run", {"path": "pkg.mod:Class", "callable": "go", "args": [1, [2]], "kwargs": {"a": {}},
          "class_args": ["x"], "class_kwargs": {"b": 1}}])";
  const Result<JobCall> call = parse_job_message(message);
  ASSERT_TRUE(call) << call.error().text;
  EXPECT_EQ(call->name, "pkg.mod:Class.go");
  EXPECT_EQ(call->path, "pkg.mod:Class");
  EXPECT_EQ(call->callable, "go");
  EXPECT_EQ(call->args, "[1, [2]]");
  EXPECT_EQ(call->kwargs, R"({"a": {}})");
  EXPECT_EQ(call->class_args, R"(["x"])");
  EXPECT_EQ(call->class_kwargs, R"({"b": 1})");
}

TEST(JobMessageTest, AnyListMayBeMissingOrNull) {
  const Result<JobCall> call = parse_job_message(R"(["run", {"path": "", "callable": "greet", "kwargs": null}])");
  ASSERT_TRUE(call) << call.error().text;
  EXPECT_EQ(call->name, "greet");
  EXPECT_EQ(call->args, "[]");
  EXPECT_EQ(call->kwargs, "{}");
}

TEST(JobMessageTest, UnknownMembersAreIgnored) {
  EXPECT_EQ(refusal(R"(["run", {"callable": "f", "colour": [{"args": 5}]}])"), "accepted");
}

TEST(JobMessageTest, EscapesInKeysAndNamesAreUnderstood) {
  const Result<JobCall> call = parse_job_message(R"(["r\u0075n", {"c\u0061llable": "na\u00efve"}])");
  ASSERT_TRUE(call) << call.error().text;
  EXPECT_EQ(call->callable, "naïve");
}

TEST(JobMessageTest, EachBrokenRuleIsNamed) {
  EXPECT_THAT(refusal(""), HasSubstr("not JSON"));
  EXPECT_THAT(refusal("[\"run\", {\"callable\": \"\xff\"}]"), HasSubstr("UTF-8"));
  EXPECT_THAT(refusal(R"(["run", {"callable": "f", "args": [NaN]}])"), HasSubstr("not JSON"));
  EXPECT_THAT(refusal(std::string("[\"run\", {\"callable\": \"f\"}]\0", 27)), HasSubstr("zero byte"));
  EXPECT_THAT(refusal("{}"), HasSubstr("not a list"));
  EXPECT_THAT(refusal("\xef\xbb\xbf[]"), HasSubstr("not a list"));
  EXPECT_THAT(refusal(R"(["run"])"), HasSubstr("two elements"));
  EXPECT_THAT(refusal(R"(["run", {}, 1])"), HasSubstr("two elements"));
  EXPECT_THAT(refusal(R"(["walk", {}])"), HasSubstr("not \"run\""));
  EXPECT_THAT(refusal(R"([1, {}])"), HasSubstr("not \"run\""));
  EXPECT_THAT(refusal(R"(["run", []])"), HasSubstr("not an object"));
  EXPECT_THAT(refusal(R"(["run", {}])"), HasSubstr("no \"callable\""));
  EXPECT_THAT(refusal(R"(["run", {"callable": 5}])"), HasSubstr("\"callable\" in the job message is not a string"));
  EXPECT_THAT(refusal(R"(["run", {"callable": "f", "args": {}}])"),
              HasSubstr("\"args\" in the job message is not a list"));
  EXPECT_THAT(refusal(R"(["run", {"callable": "f", "kwargs": []}])"),
              HasSubstr("\"kwargs\" in the job message is not an object"));
  EXPECT_THAT(refusal(R"(["run", {"callable": "f", "args": [], "args": []}])"), HasSubstr("\"args\" twice"));
  EXPECT_THAT(refusal(R"(["run", {"callable": ")" + std::string(2000, 'x') + R"("}])"), HasSubstr("longer than"));
}

TEST(JobMessageTest, NestingIsBounded) {
  const auto nested = [](size_t levels) {
    return R"(["run", {"callable": "f", "args": )" + std::string(levels, '[') + std::string(levels, ']') + "}]";
  };
  EXPECT_EQ(refusal(nested(limits::kJsonDepth - 2)), "accepted");
  EXPECT_THAT(refusal(nested(limits::kJsonDepth - 1)), HasSubstr("deeper than 100 levels"));
  EXPECT_THAT(refusal(std::string(10'000'000, '[')), HasSubstr("deeper than 100 levels"));
}

TEST(JobMessageTest, SizeIsBounded) {
  const Result<JobCall> call = parse_job_message(std::string(limits::kFrameBytesDefault + 1, ' '));
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().code, ErrorCode::kTooLarge);
}

TEST(JsonTextTest, ElementsAreSlicedWhateverTheyHold) {
  std::vector<std::string> elements;
  for_each_element(R"( [1 , -2.5e3,"a,]\"b" ,{"k":[1,"}"]},[ ],true,null] )", [&](std::string_view value) {
    elements.emplace_back(value);
    return true;
  });
  EXPECT_EQ(elements,
            (std::vector<std::string>{"1", "-2.5e3", R"("a,]\"b")", R"({"k":[1,"}"]})", "[ ]", "true", "null"}));
}

TEST(JsonTextTest, LineBreaksBetweenTokensBecomeSpaces) {
  std::string line = "x\n";
  append_on_one_line(line, "[1,\r\n\"a\\nb\"]");
  EXPECT_EQ(line, "x\n[1,  \"a\\nb\"]");
}

}  // namespace
}  // namespace eventmq
