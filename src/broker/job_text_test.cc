#include "src/broker/job_text.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace eventmq {
namespace {

TEST(JobNameTest, IsPathAndCallable) {
  EXPECT_EQ(job_name(R"(["run", {"path": "pkg.mod", "callable": "build", "args": [1]}])"), "pkg.mod.build");
  EXPECT_EQ(job_name(R"(["run", {"callable": "build", "path": "pkg:Class"}])"), "pkg:Class.build");
  EXPECT_EQ(job_name(R"(["run", {"callable": "build"}])"), "build");
  EXPECT_EQ(job_name(R"(["run", {"path": "", "callable": "build"}])"), "build");
}

TEST(JobNameTest, IsReadFromTheHeadOfALongMessage) {
  const std::string text(100'000, 'x');
  EXPECT_EQ(job_name(fmt::format(R"(["run", {{"path": "pkg", "callable": "build", "args": ["{}"]}}])", text)),
            "pkg.build");
  EXPECT_EQ(job_name(fmt::format(R"(["run", {{"callable": "build", "args": ["{}"]}}])", text)), "build");
  EXPECT_EQ(job_name(fmt::format(R"(["run", {{"args": ["{}"], "callable": "build"}}])", text)), "") << "it is too far";
}

TEST(JobNameTest, NamesInsideArgumentsAreNone) {
  EXPECT_EQ(job_name(R"(["run", {"kwargs": {"callable": "no", "path": "no"}, "callable": "yes"}])"), "yes");
  EXPECT_EQ(job_name(R"(["run", {"args": [{"callable": "no"}]}])"), "");
}

TEST(JobNameTest, WhatIsNoJobMessageHasNone) {
  for (const char* text : {"", "null", "5", "\"run\"", R"({"callable": "no"})", R"([{"callable": "no"}])",
                           R"(["run", "callable", {"callable": "no"}])", R"(["run", [{"callable": "no"}]])",
                           R"(["run", {"callable": 5}])", "\xff\xfe"}) {
    EXPECT_EQ(job_name(text), "") << text;
  }
  EXPECT_EQ(job_name(std::string(5'000, '[')), "");
}

TEST(ScheduleNumberTest, SpellingDoesNotMatter) {
  const uint64_t number = schedule_number(R"(["run", {"path": "p", "callable": "c", "kwargs": {"a": 1, "b": 2}}])");
  EXPECT_EQ(schedule_number(R"(["run",{"callable":"c","kwargs":{"b":2,"a":1},"path":"p"}])"), number);
  EXPECT_EQ(
      schedule_number(R"(["run", {"path": "p", "callable": "c", "args": [], "class_args": null, "class_kwargs": {},
                        "kwargs": {"a": 1, "b": 2}}])"),
      number);
}

TEST(ScheduleNumberTest, EveryPartMatters) {
  const uint64_t number = schedule_number(R"(["run", {"path": "p", "callable": "c"}])");
  for (const char* other : {R"(["run", {"path": "q", "callable": "c"}])", R"(["run", {"path": "p", "callable": "d"}])",
                            R"(["run", {"path": "p", "callable": "c", "args": [1]}])",
                            R"(["run", {"path": "p", "callable": "c", "kwargs": {"a": 1}}])",
                            R"(["run", {"path": "p", "callable": "c", "class_args": [1]}])",
                            R"(["run", {"path": "p", "callable": "c", "class_kwargs": {"a": 1}}])", "no message", ""}) {
    EXPECT_NE(schedule_number(other), number) << other;
  }
}

TEST(ScheduleNumberTest, ADeepMessageIsComparedAsItStands) {
  const std::string brackets = std::string(30'000, '[') + std::string(30'000, ']');
  const auto nested = [&](std::string_view blank) {
    return fmt::format(R"(["run",{}{{"callable": "c", "args": {}}}])", blank, brackets);
  };
  EXPECT_EQ(schedule_number(nested("")), schedule_number(nested("")));
  EXPECT_NE(schedule_number(nested("")), schedule_number(nested(" ")));
}

TEST(ScheduleNumberTest, ALongMessageIsComparedAsItStands) {
  const std::string text(100'000, 'x');
  EXPECT_EQ(schedule_number(text), schedule_number(text));
  EXPECT_NE(schedule_number(text), schedule_number(text + "y"));
}

}  // namespace
}  // namespace eventmq
