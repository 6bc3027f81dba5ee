#include "src/broker/job_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/wire/limits.h"
#include "src/wire/text.h"

namespace eventmq {
namespace {

AttemptEnd attempt(uint32_t number, std::string error = "it broke") {
  return {number, Instant{1'000 + number}, Instant{2'000 + number}, Outcome::kError, "w1", std::move(error)};
}

TEST(JobHistoryTest, IsReadAsItWasWritten) {
  const Bytes history = with_attempt(with_attempt(Bytes(), attempt(1)), attempt(2, ""));
  EXPECT_EQ(history.view(), "1\t1001\t2001\terror\tw1\tit broke\n2\t1002\t2002\terror\tw1\t\n");
  const std::vector<AttemptEnd> read = read_history(history.view());
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[0].attempt, 1u);
  EXPECT_EQ(read[0].started_at, Instant{1001});
  EXPECT_EQ(read[0].ended_at, Instant{2001});
  EXPECT_EQ(read[0].outcome, Outcome::kError);
  EXPECT_EQ(read[0].worker, "w1");
  EXPECT_EQ(read[0].error, "it broke");
  EXPECT_EQ(read[1].error, "");
}

TEST(JobHistoryTest, TheNewestAttemptsAreKept) {
  Bytes history;
  for (uint32_t i = 1; i <= 1000; ++i) history = with_attempt(history, attempt(i, std::string(5000, 'x')));
  const std::vector<AttemptEnd> read = read_history(history.view());
  ASSERT_EQ(read.size(), limits::kAttemptsInHistory);
  EXPECT_EQ(read.front().attempt, 991u);
  EXPECT_EQ(read.back().attempt, 1000u);
  EXPECT_EQ(read.back().error, std::string(limits::kErrorBytesInHistory, 'x'));
}

// A lost attempt may turn out to be alive.
TEST(JobHistoryTest, AnAttemptThatEndsAgainIsThereOnce) {
  const Bytes history = with_attempt(with_attempt(Bytes(), attempt(1, "lost")), attempt(1, "failed"));
  ASSERT_EQ(read_history(history.view()).size(), 1u);
  EXPECT_EQ(read_history(history.view())[0].error, "failed");
}

TEST(JobHistoryTest, WhatIsNoLineOfTextIsMadeSo) {
  AttemptEnd end = attempt(1, "a\nb\tc\x01 \xff" + std::string(300, 'u'));
  end.worker = std::string("w\0\n\xfe", 4);
  const Bytes history = with_attempt(Bytes(), end);
  EXPECT_TRUE(is_utf8(history.view()));
  ASSERT_EQ(read_history(history.view()).size(), 1u);
  EXPECT_EQ(read_history(history.view())[0].worker, "w  ?");
  EXPECT_TRUE(read_history(history.view())[0].error.starts_with("a b c  ?uuu"));
}

TEST(JobHistoryTest, RubbishIsLeftOut) {
  EXPECT_TRUE(read_history("\n\n\t\t\t\t\nx\t1\t2\terror\tw\te\n1\t1\t2\tfine\tw\te\n1\t2").empty());
}

TEST(ErrorTextTest, IsTheMessageOfTheError) {
  EXPECT_EQ(error_text(R"({"value": "x", "error": {"type": "T", "message": "it broke", "details": null}})"),
            "it broke");
  EXPECT_EQ(error_text(R"({"value": 5})"), R"({"value": 5})");
  EXPECT_EQ(error_text("no JSON"), "no JSON");
}

}  // namespace
}  // namespace eventmq
