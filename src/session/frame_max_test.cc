// What the broker said that it does not take is not sent, by a client and by a worker.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/session/test_client.h"
#include "src/session/worker_session.h"

namespace eventmq {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

LinkSettings link_settings() {
  LinkSettings settings;
  settings.addresses = {"tcp://a:1"};
  return settings;
}

class ClientFrameMaxTest : public ClientConversation {
 protected:
  static constexpr std::string_view kWide = "errors,multi-ack,instance:one";
  static constexpr std::string_view kNarrow = "errors,multi-ack,instance:two,frame-max:10";

  ClientFrameMaxTest() : ClientConversation({link_settings(), 3, {}}) { step(ClientStarted{}); }
  void submit(std::string_view id, size_t bytes, std::string_view headers = "") {
    Request request{Bytes("queue"), *parse_headers(Bytes(headers)), Bytes(std::string(bytes, ' '))};
    step(Submit{{Bytes(id), std::move(request)}, std::nullopt, std::nullopt});
  }
  std::vector<std::string> told_failures() {
    std::vector<std::string> list;
    for (const Failed& failed : take<Failed>()) {
      list.push_back(failed.id.str() + " " + std::string(error_word(failed.error.code)) + ": " + failed.error.text);
    }
    return list;
  }
};

TEST_F(ClientFrameMaxTest, ALargerMessageFailsWithoutBeingSent) {
  acknowledge_inform(kNarrow);
  submit("fits", 10);
  submit("large", 11);
  EXPECT_THAT(sent_ids(), ElementsAre("fits"));
  EXPECT_THAT(told_failures(),
              ElementsAre("large too-large: a frame of the message has 11 bytes, and the broker takes at most 10 (its "
                          "setting max_message_size)"));
}

TEST_F(ClientFrameMaxTest, HeadersCountToo) {
  acknowledge_inform(kNarrow);
  submit("a", 1, "retry-count:1");
  EXPECT_THAT(sent_ids(), IsEmpty());
  EXPECT_EQ(failures().size(), 1u);
}

TEST_F(ClientFrameMaxTest, WhatWasQueuedBeforeTheLimitWasKnownFailsAlone) {
  for (const char* id : {"a", "b", "c", "d", "e"}) submit(id, id[0] == 'b' ? 11 : 1);
  acknowledge_inform(kNarrow);
  EXPECT_THAT(sent_ids(), ElementsAre("a", "c", "d"));
  EXPECT_THAT(told_failures(), ElementsAre(::testing::StartsWith("b too-large")));
  hear(Ack{Bytes("a,c,d"), {}});
  EXPECT_THAT(sent_ids(), ElementsAre("e"));
}

TEST_F(ClientFrameMaxTest, ABrokerThatDoesNotSayIsSentAll) {
  acknowledge_inform(kWide);
  submit("large", 1'000'000);
  EXPECT_THAT(sent_ids(), ElementsAre("large"));
  EXPECT_THAT(told_failures(), IsEmpty());
}

TEST_F(ClientFrameMaxTest, AJobThatAnotherBrokerTookIsNotCalledTooLarge) {
  acknowledge_inform(kWide);
  submit("large", 40, "reply-requested,guarantee");
  hear(Ack{Bytes("large"), {}});
  clear();
  step(LinkLost{});
  advance(milliseconds(100));
  acknowledge_inform(kNarrow);
  EXPECT_THAT(sent_ids(), IsEmpty());
  EXPECT_THAT(told_failures(),
              ElementsAre(::testing::StartsWith("large job-lost: the job's outcome cannot be asked for")));
}

class WorkerFrameMaxTest : public ::testing::Test, public TestConversation<WorkerSession, WorkerEvent, WorkerEffect> {
 protected:
  static constexpr std::string_view kWide = "settle,errors,instance:one";
  static constexpr std::string_view kNarrow = "settle,errors,instance:two,frame-max:500";

  WorkerFrameMaxTest()
      : TestConversation(WorkerSession({link_settings(), {{10, Bytes("default")}}, 2}, IdSource::from_small_seed(5))) {
    step(WorkerStarted{});
  }
  void request(std::string_view id) { hear(Request{Bytes("default"), JobHeaders{}, Bytes("[]"), 1}, id); }
  void finish(std::string_view id, Outcome outcome, size_t bytes) {
    step(JobFinished{Bytes(id), 1, outcome, Bytes(std::string(bytes, 'x'))});
  }
};

TEST_F(WorkerFrameMaxTest, ALargerResultIsAnErrorThatSaysTheSizes) {
  acknowledge_inform(kNarrow);
  request("a");
  request("b");
  finish("a", Outcome::kOk, 501);
  finish("b", Outcome::kOk, 500);
  const std::vector<Reply> replies = take_sent<Reply>();
  ASSERT_EQ(replies.size(), 2u);
  const std::string text =
      "the job's result has 501 bytes, and the broker takes at most 500 (its setting max_message_size)";
  EXPECT_EQ(replies[0].outcome, Outcome::kError);
  EXPECT_EQ(replies[0].payload.view(), R"({"value": ")" + text +
                                           R"(", "error": {"type": "result-too-large", "message": ")" + text +
                                           R"(", "details": null}})");
  EXPECT_EQ(replies[1].outcome, Outcome::kOk);
  EXPECT_EQ(replies[1].payload.size(), 500u);
}

TEST_F(WorkerFrameMaxTest, AResultKeptForABrokerThatTakesLessIsCutThereAndKeepsItsOutcome) {
  acknowledge_inform(kWide);
  request("a");
  step(LinkLost{});
  advance(milliseconds(100));
  finish("a", Outcome::kTimeout, 501);
  acknowledge_inform(kNarrow);
  const std::vector<Reply> replies = take_sent<Reply>();
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].outcome, Outcome::kTimeout);
  EXPECT_LT(replies[0].payload.size(), 500u);
}

// Its own limit, whatever the broker takes.
class WorkerPayloadMaxTest : public ::testing::Test, public TestConversation<WorkerSession, WorkerEvent, WorkerEffect> {
 protected:
  WorkerPayloadMaxTest()
      : TestConversation(
            WorkerSession({link_settings(), {{10, Bytes("default")}}, 2, 100}, IdSource::from_small_seed(5))) {
    step(WorkerStarted{});
  }
  void request(std::string_view id, size_t bytes, std::string_view headers = "") {
    hear(Request{Bytes("default"), *parse_headers(Bytes(headers)), Bytes(std::string(bytes, ' ')), 3}, id);
  }
  static constexpr std::string_view kText =
      "the job has 101 bytes, and its job manager takes at most 100 (its setting max_message_size)";
};

TEST_F(WorkerPayloadMaxTest, ALargerJobEndsAsAnErrorThatSaysTheSizesAndItsSlotIsFree) {
  acknowledge_inform("settle,errors,instance:one");
  clear();
  request("large", 101);
  request("fits", 100);
  const std::vector<StartJob> started = take<StartJob>();
  ASSERT_EQ(started.size(), 1u);
  EXPECT_EQ(started[0].request_id, Bytes("fits"));
  const std::vector<Reply> replies = take_sent<Reply>();
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].request_id, Bytes("large"));
  EXPECT_EQ(replies[0].attempt, 3u);
  EXPECT_EQ(replies[0].outcome, Outcome::kError);
  EXPECT_THAT(replies[0].payload.str(),
              ::testing::HasSubstr(R"("type": "job-too-large", "message": ")" + std::string(kText)));
  EXPECT_THAT(take_sent<Ready>(), IsEmpty()) << "the settling REPLY was it";
}

TEST_F(WorkerPayloadMaxTest, ABrokerOfThePublishedProtocolIsAnsweredAndSentReady) {
  acknowledge_inform("");
  clear();
  request("large", 101, "reply-requested");
  EXPECT_THAT(take<StartJob>(), IsEmpty());
  EXPECT_EQ(take_sent<Reply>().size(), 1u);
  EXPECT_EQ(take_sent<Ready>().size(), 1u);
  request("large too", 101);
  EXPECT_THAT(take_sent<Reply>(), IsEmpty()) << "nobody asked";
}

}  // namespace
}  // namespace eventmq
