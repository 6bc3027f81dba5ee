#include "src/wire/headers.h"

#include <gtest/gtest.h>

namespace eventmq {
namespace {

JobHeaders parsed(std::string_view text) {
  Result<JobHeaders> headers = parse_headers(Bytes(text));
  EXPECT_TRUE(headers) << text << ": " << headers.error().text;
  return headers.value_or(JobHeaders());
}

std::string refusal(std::string_view text) {
  const Result<JobHeaders> headers = parse_headers(Bytes(text));
  if (headers) return "accepted";
  EXPECT_EQ(headers.error().code, ErrorCode::kBadMessage) << text;
  return headers.error().text;
}

TEST(HeadersTest, EmptyTextGivesTheDefaults) {
  for (const char* text : {"", " ", "\t"}) {
    const JobHeaders headers = parsed(text);
    EXPECT_FALSE(headers.reply_requested || headers.guarantee || headers.nohaste) << text;
    EXPECT_EQ(headers.priority, 4);
    EXPECT_EQ(headers.retry_count, 0u);
    EXPECT_EQ(headers.timeout.us, 0);
    EXPECT_EQ(headers.delay.us, 0);
    EXPECT_EQ(headers.result_ttl.us, 0);
    EXPECT_FALSE(headers.expires || headers.backoff || headers.run_count);
    EXPECT_TRUE(headers.unique.empty() && headers.trace.empty());
  }
}

TEST(HeadersTest, EveryKnownHeaderIsRead) {
  const JobHeaders headers = parsed(
      "reply-requested,retry-count:3,timeout:10,guarantee,nohaste,run_count:2,delay:0.5,expires:60,priority:9,"
      "unique:report-7,trace:00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01,backoff:1.5,result-ttl:90");
  EXPECT_TRUE(headers.reply_requested && headers.guarantee && headers.nohaste);
  EXPECT_EQ(headers.retry_count, 3u);
  EXPECT_EQ(headers.timeout, seconds(10));
  EXPECT_EQ(headers.run_count, 2u);
  EXPECT_EQ(headers.delay, milliseconds(500));
  EXPECT_EQ(headers.expires, seconds(60));
  EXPECT_EQ(headers.priority, 9);
  EXPECT_EQ(headers.unique, "report-7");
  EXPECT_EQ(headers.trace, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  EXPECT_EQ(headers.backoff, milliseconds(1500));
  EXPECT_EQ(headers.result_ttl, seconds(90));
}

TEST(HeadersTest, TextOfValuesSharesTheMemoryOfTheHeaders) {
  const JobHeaders headers = parsed("unique:key");
  EXPECT_EQ(headers.unique.block(), headers.text.block());
}

TEST(HeadersTest, UnknownHeadersStayInTheText) {
  const std::string_view text = "x-colour:blue,guarantee,shiny,timeout-policy:3,x-timeout:1,:,a:b:c";
  const JobHeaders headers = parsed(text);
  EXPECT_EQ(headers.text, text);
  EXPECT_TRUE(headers.guarantee);
  EXPECT_EQ(headers.timeout.us, 0);
}

TEST(HeadersTest, UnknownHeadersMayRepeat) { EXPECT_EQ(refusal("x:1,x:2,y,y"), "accepted"); }

TEST(HeadersTest, NamesAreExact) {
  const JobHeaders headers = parsed("Guarantee,reply_requested,timeout :5");
  EXPECT_FALSE(headers.guarantee || headers.reply_requested);
  EXPECT_EQ(headers.timeout.us, 0);
}

TEST(HeadersTest, BlanksAndACommaAtTheEndAreLetPass) {
  const JobHeaders headers = parsed(" guarantee , timeout: 5 ,");
  EXPECT_TRUE(headers.guarantee);
  EXPECT_EQ(headers.timeout, seconds(5));
}

TEST(HeadersTest, ZeroIsAValue) {
  const JobHeaders headers = parsed("timeout:0,delay:0,expires:0,backoff:0,priority:0,retry-count:0,run_count:0");
  EXPECT_EQ(headers.expires, seconds(0));
  EXPECT_EQ(headers.backoff, seconds(0));
  EXPECT_EQ(headers.run_count, 0u);
  EXPECT_EQ(headers.priority, 0);
}

TEST(HeadersTest, EmptyItemIsRefused) {
  for (const char* text : {",", ",guarantee", "guarantee,,nohaste", "guarantee, ,nohaste", "guarantee,,"}) {
    EXPECT_EQ(refusal(text), "the headers have two commas with nothing between them") << text;
  }
}

TEST(HeadersTest, RepeatedKnownHeaderIsRefused) {
  EXPECT_EQ(refusal("guarantee,guarantee"), "header guarantee is given twice");
  EXPECT_EQ(refusal("timeout:1,timeout:1"), "header timeout is given twice");
}

TEST(HeadersTest, FlagWithAValueIsRefused) {
  EXPECT_EQ(refusal("guarantee:1"), "header guarantee takes no value");
  EXPECT_EQ(refusal("reply-requested:"), "header reply-requested takes no value");
  EXPECT_EQ(refusal("nohaste:true"), "header nohaste takes no value");
}

TEST(HeadersTest, MissingValueIsRefused) {
  for (const char* name : {"retry-count", "timeout", "run_count", "delay", "expires", "priority", "unique", "trace",
                           "backoff", "result-ttl"}) {
    EXPECT_EQ(refusal(name), "header " + std::string(name) + " needs a value");
  }
  EXPECT_EQ(refusal("unique:"), "header unique has an empty value");
  EXPECT_EQ(refusal("trace: "), "header trace has an empty value");
}

TEST(HeadersTest, ValueThatIsNoNumberIsRefused) {
  EXPECT_EQ(refusal("retry-count:many"), "header retry-count takes a whole number from 0 to 1000, not 'many'");
  EXPECT_EQ(refusal("retry-count:1.5"), "header retry-count takes a whole number from 0 to 1000, not '1.5'");
  EXPECT_EQ(refusal("timeout:"), "header timeout takes seconds from 0 to 315360000, such as 5 or 0.5, not ''");
  EXPECT_EQ(refusal("delay:-1"), "header delay takes seconds from 0 to 315360000, such as 5 or 0.5, not '-1'");
  EXPECT_EQ(refusal("expires:1e3"), "header expires takes seconds from 0 to 315360000, such as 5 or 0.5, not '1e3'");
}

TEST(HeadersTest, ValueOutOfRangeIsRefused) {
  EXPECT_EQ(refusal("priority:10"), "header priority takes a whole number from 0 to 9, not '10'");
  EXPECT_EQ(refusal("retry-count:1001"), "header retry-count takes a whole number from 0 to 1000, not '1001'");
  EXPECT_EQ(refusal("run_count:4294967296"),
            "header run_count takes a whole number from 0 to 4294967295, not "
            "'4294967296'");
  EXPECT_NE(refusal("backoff:315360001"), "accepted");
  EXPECT_EQ(refusal("backoff:315360000"), "accepted");
  EXPECT_EQ(refusal("result-ttl:2592001"),
            "header result-ttl takes seconds from 0 to 2592000, such as 5 or 0.5, not '2592001'");
  EXPECT_EQ(refusal("result-ttl:2592000"), "accepted");
}

TEST(HeadersTest, TextThatIsNotUtf8IsRefused) { EXPECT_EQ(refusal("guarantee,x:\xff"), "the headers are not UTF-8"); }

TEST(HeadersTest, LongTextIsTooLarge) {
  EXPECT_TRUE(parse_headers(Bytes(std::string(limits::kHeadersBytes, 'x'))));
  const Result<JobHeaders> headers = parse_headers(Bytes(std::string(limits::kHeadersBytes + 1, 'x')));
  ASSERT_FALSE(headers);
  EXPECT_EQ(headers.error().code, ErrorCode::kTooLarge);
}

TEST(PublishedHeadersTest, ReplyIsAlwaysRequested) {
  EXPECT_EQ(published_headers(JobHeaders()), "reply-requested");
  EXPECT_EQ(published_headers(parsed("reply-requested")), "reply-requested");
}

TEST(PublishedHeadersTest, OnlyThePublishedHeadersAreLeft) {
  const JobHeaders headers = parsed(
      "shiny,guarantee,retry-count:3,timeout:10,nohaste,run_count:2,delay:1,expires:2,priority:9,unique:k,trace:t,"
      "backoff:1,result-ttl:1");
  EXPECT_EQ(published_headers(headers), "reply-requested,guarantee,retry-count:3,timeout:10,nohaste,run_count:2");
}

TEST(PublishedHeadersTest, TimeoutIsRoundedUpToWholeSeconds) {
  EXPECT_EQ(published_headers(parsed("timeout:0.1")), "reply-requested,timeout:1");
  EXPECT_EQ(published_headers(parsed("timeout:2.000001")), "reply-requested,timeout:3");
  EXPECT_EQ(published_headers(parsed("timeout:0")), "reply-requested");
}

}  // namespace
}  // namespace eventmq
