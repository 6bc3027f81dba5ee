#include "src/client/job_end.h"

#include <gtest/gtest.h>

namespace eventmq {
namespace {

struct Ended {
  Result<Json> value;
  std::optional<JobFailure> failure;
};

Ended ended(Outcome outcome, std::string_view payload) {
  std::optional<JobFailure> failure;
  Result<Json> value = job_value({outcome, Bytes(payload)}, failure);
  return {std::move(value), std::move(failure)};
}

TEST(JobEndTest, OkIsTheValue) { EXPECT_EQ(*ended(Outcome::kOk, R"({"value": [1]})").value, Json::array({1})); }

TEST(JobEndTest, ErrorTellsTypeMessageAndDetails) {
  const Ended end = ended(
      Outcome::kError, R"({"value": "no", "error": {"type": "ValueError", "message": "no", "details": {"line": 7}}})");
  ASSERT_TRUE(end.failure);
  EXPECT_EQ(end.failure->outcome, "error");
  EXPECT_EQ(end.failure->type, "ValueError");
  EXPECT_EQ(end.failure->message, "no");
  EXPECT_EQ(end.failure->details, Json({{"line", 7}}));
  EXPECT_EQ(end.value.error(), (Error{ErrorCode::kJobFailed, "the job ended as error: ValueError: no"}));
}

TEST(JobEndTest, EachOutcomeHasItsCode) {
  EXPECT_EQ(ended(Outcome::kTimeout, "{}").value.error().code, ErrorCode::kTimedOut);
  EXPECT_EQ(ended(Outcome::kLost, "{}").value.error().code, ErrorCode::kJobLost);
  EXPECT_EQ(ended(Outcome::kUnknownJob, "{}").value.error().code, ErrorCode::kUnknownJob);
  EXPECT_EQ(ended(Outcome::kExpired, "{}").value.error().code, ErrorCode::kJobFailed);
}

TEST(JobEndTest, FailureOfThePublishedProtocolHasItsTextInTheValue) {
  EXPECT_EQ(ended(Outcome::kTimeout, R"({"value": "TimeoutError"})").failure->message, "TimeoutError");
}

TEST(JobEndTest, PayloadThatIsNoReplyIsBad) {
  const std::string deep = R"({"value": )" + std::string(10'000, '[') + std::string(10'000, ']') + "}";
  for (const std::string& payload :
       {std::string(), std::string("5"), std::string("{}"), std::string("{\"value\": "), deep}) {
    EXPECT_EQ(ended(Outcome::kOk, payload).value.error().code, ErrorCode::kBadMessage) << payload.substr(0, 40);
  }
}

TEST(JobEndTest, FailureWithABadPayloadIsStillAFailure) {
  EXPECT_EQ(ended(Outcome::kKilled, "not JSON").failure->outcome, "killed");
}

TEST(JobEndTest, AnAnswerIsAResultOrAState) {
  const auto asked = [](std::string_view payload) { return job_status({Outcome::kOk, Bytes(payload), false}); };
  EXPECT_EQ(asked(R"({"state": "delayed"})")->state, JobStatus::State::kDelayed);
  EXPECT_EQ(asked(R"({"state": "running"})")->state, JobStatus::State::kRunning);
  EXPECT_EQ(asked(R"({"state": "lost in thought"})").error().code, ErrorCode::kBadMessage);
  EXPECT_EQ(asked("[").error().code, ErrorCode::kBadMessage);
  const Result<JobStatus> ok = job_status({Outcome::kOk, Bytes(R"({"value": [1]})")});
  EXPECT_TRUE(ok->succeeded());
  EXPECT_EQ(ok->value, Json::array({1}));
  EXPECT_EQ(job_status({Outcome::kOk, Bytes("no JSON")}).error().code, ErrorCode::kBadMessage);
  const Result<JobStatus> lost = job_status({Outcome::kLost, Bytes("no JSON")});
  EXPECT_EQ(lost->state, JobStatus::State::kEnded);
  EXPECT_EQ(lost->failure->outcome, "lost");
}

}  // namespace
}  // namespace eventmq
