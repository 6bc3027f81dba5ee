// What a job says of its progress, on its way to the broker: not too often, and the last word always.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "src/session/test_conversation.h"
#include "src/session/worker_session.h"
#include "src/wire/limits.h"

namespace eventmq {
namespace {

class WorkerProgressTest : public ::testing::Test, public TestConversation<WorkerSession, WorkerEvent, WorkerEffect> {
 protected:
  WorkerProgressTest() : TestConversation(WorkerSession(two_slots(), IdSource::from_small_seed(5))) {}

  void connect(std::string_view capabilities = kBroker) {
    step(WorkerStarted{});
    acknowledge_inform(capabilities);
    clear();
  }
  void request(std::string_view id) { hear(Request{Bytes("default"), *parse_headers(Bytes()), Bytes("[]"), 1}, id); }
  void finish(std::string_view id) { step(JobFinished{Bytes(id), 1, Outcome::kOk, Bytes(R"({"value": 5})")}); }
  void progress(double fraction, std::string_view text = "") { step(JobProgressed{Bytes("a"), fraction, Bytes(text)}); }
};

using ::testing::ElementsAre;

TEST_F(WorkerProgressTest, ProgressIsSentAtMostOnceInTheInterval) {
  connect();
  request("a");
  progress(0.1);
  EXPECT_EQ(take_sent<Progress>().size(), 1u);
  progress(0.2);
  progress(0.3);
  advance(milliseconds(99));
  EXPECT_TRUE(take_sent<Progress>().empty());
  advance(milliseconds(1));
  const std::vector<Progress> later = take_sent<Progress>();
  ASSERT_EQ(later.size(), 1u);
  EXPECT_EQ(later[0].fraction, 0.3) << "the latest is what is told";
}

TEST_F(WorkerProgressTest, ProgressIsBounded) {
  connect();
  request("a");
  // A character of two bytes across the limit is left out whole.
  progress(7.5, std::string(limits::kProgressTextBytes - 1, 'x') + "\xc3\xa9");
  const Progress first = take_sent<Progress>().at(0);
  EXPECT_EQ(first.fraction, 1.0);
  EXPECT_EQ(first.text.size(), limits::kProgressTextBytes - 1);
  advance(seconds(1));
  progress(std::nan(""));
  EXPECT_EQ(take_sent<Progress>().at(0).fraction, 0.0);
}

TEST_F(WorkerProgressTest, TheLastProgressArrivesBeforeTheResult) {
  connect();
  request("a");
  progress(0.1);
  progress(0.2);
  progress(1, "done");
  clear();
  finish("a");
  std::vector<std::string> said;
  for (const ToBroker& sent : take<ToBroker>()) said.emplace_back(command_word(sent.message.body));
  EXPECT_THAT(said, ElementsAre("PROGRESS", "REPLY"));
}

TEST_F(WorkerProgressTest, TheLastProgressWaitsWithTheResultForABroker) {
  connect();
  request("a");
  progress(0.1);
  progress(1, "done");
  step(LinkLost{});
  finish("a");
  take_sent<Progress>();
  advance(milliseconds(100));
  acknowledge_inform(kBroker);
  const std::vector<Progress> last = take_sent<Progress>();
  ASSERT_EQ(last.size(), 1u);
  EXPECT_EQ(last[0].fraction, 1.0);
}

TEST_F(WorkerProgressTest, ProgressOfAnEndedJobIsDropped) {
  connect();
  request("a");
  progress(0.1);
  progress(0.2);
  finish("a");
  clear();
  progress(0.3);
  advance(seconds(1));
  EXPECT_TRUE(take_sent<Progress>().empty());
}

TEST_F(WorkerProgressTest, ProgressIsNotSentToABrokerThatDoesNotKnowIt) {
  connect("settle");
  request("a");
  progress(0.5);
  EXPECT_TRUE(take_sent<Progress>().empty());
}

}  // namespace
}  // namespace eventmq
