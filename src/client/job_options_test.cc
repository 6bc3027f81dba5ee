#include "src/client/job_options.h"

#include <gtest/gtest.h>

namespace eventmq {
namespace {

using namespace std::chrono_literals;

std::string headers_of(const SendOptions& options, bool reply_requested = false) {
  const auto headers = request_headers(options, reply_requested);
  return headers ? headers->text.str() : std::string(error_word(headers.error().code)) + ": " + headers.error().text;
}

TEST(JobOptionsTest, NoOptionsAreNoHeaders) { EXPECT_EQ(headers_of({}), ""); }

TEST(JobOptionsTest, EveryOptionIsItsHeader) {
  EXPECT_EQ(headers_of({.retry_count = 5,
                        .timeout = 3s,
                        .guarantee = true,
                        .delay = 250ms,
                        .expires = 1h,
                        .priority = 0,
                        .backoff = 1500ms,
                        .unique = "nightly",
                        .trace = "00-abc-01",
                        .result_ttl = 1h},
                       true),
            "reply-requested,retry-count:5,timeout:3,guarantee,delay:0.25,expires:3600,priority:0,backoff:1.5,"
            "unique:nightly,trace:00-abc-01,result-ttl:3600");
}

TEST(JobOptionsTest, AZeroThatIsSaidIsMeant) {
  EXPECT_EQ(headers_of({.timeout = 0s, .expires = 0s, .backoff = 0s}), "timeout:0,expires:0,backoff:0");
  EXPECT_EQ(headers_of(job_options(RequestOptions{.job_timeout = 0s, .expires = 0s, .backoff = 0s})),
            "timeout:0,expires:0,backoff:0");
  EXPECT_EQ(headers_of(job_options(RequestOptions{.timeout = 5s, .job_timeout = 0s, .expires = 0s})),
            "timeout:0,expires:0");
  EXPECT_EQ(headers_of({.delay = 0s, .result_ttl = 0s}), "") << "as if it were not said";
  EXPECT_EQ(headers_of(job_options(RequestOptions{.timeout = 0s})), "") << "as long as it takes";
  const auto scheduled = schedule_fields(every(90s), {.timeout = 0s});
  ASSERT_TRUE(scheduled);
  EXPECT_EQ(scheduled->headers.text.view(), "timeout:0");
}

TEST(JobOptionsTest, ValuesOutOfRangeAreRefused) {
  EXPECT_EQ(headers_of({.timeout = -1s}), "bad-value: timeout must not be negative");
  EXPECT_EQ(headers_of({.result_ttl = 24h * 31}).substr(0, 10), "bad-value:");
  EXPECT_EQ(headers_of({.priority = 10}).substr(0, 10), "bad-value:");
  EXPECT_EQ(headers_of({.retry_count = 1'000'000}).substr(0, 10), "bad-value:");
  EXPECT_EQ(headers_of({.unique = "a,guarantee"}),
            "bad-value: unique must be text without blanks and commas, not 'a,guarantee'");
}

TEST(JobOptionsTest, TimeoutOfARequestLimitsTheJobToo) {
  EXPECT_EQ(headers_of(job_options(RequestOptions{.timeout = 5s})), "timeout:5,expires:5");
  EXPECT_EQ(headers_of(job_options(RequestOptions{.timeout = 5s, .job_timeout = 2s})), "timeout:2,expires:5");
  EXPECT_EQ(headers_of(job_options(RequestOptions{.timeout = 5s, .guarantee = true})), "timeout:5,guarantee");
}

TEST(JobOptionsTest, ScheduleIsAnIntervalOrACronExpression) {
  const auto interval = schedule_fields(every(90s), {.queue = "q", .nohaste = true, .run_count = 3});
  ASSERT_TRUE(interval);
  EXPECT_EQ(interval->interval.view(), "90");
  EXPECT_EQ(interval->cron.view(), "");
  EXPECT_EQ(interval->headers.text.view(), "nohaste,run_count:3");
  const auto nightly = schedule_fields(cron("0 3 * * *", "Europe/Berlin"), {.guarantee = true});
  ASSERT_TRUE(nightly);
  EXPECT_EQ(nightly->interval.view(), "-1");
  EXPECT_EQ(nightly->cron.view(), "0 3 * * *");
  EXPECT_EQ(nightly->headers.text.view(), "guarantee,timezone:Europe/Berlin");
}

TEST(JobOptionsTest, ScheduleWithoutATimeIsRefused) {
  EXPECT_FALSE(schedule_fields(every(0s), {}));
  EXPECT_FALSE(schedule_fields(every(-5s), {}));
  EXPECT_FALSE(schedule_fields(cron("0 3\n* * *"), {}));
  EXPECT_FALSE(schedule_fields(cron("0 3 * * *", "Europe/Berlin,guarantee"), {}));
}

}  // namespace
}  // namespace eventmq
