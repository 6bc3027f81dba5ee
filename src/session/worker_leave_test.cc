// A worker that leaves the broker because nothing can run there, and comes back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/session/test_conversation.h"
#include "src/session/worker_session.h"

namespace eventmq {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class WorkerLeaveTest : public ::testing::Test, public TestConversation<WorkerSession, WorkerEvent, WorkerEffect> {
 protected:
  WorkerLeaveTest() : TestConversation(WorkerSession(two_slots(), IdSource::from_small_seed(5))) {
    step(WorkerStarted{});
    acknowledge_inform(kBroker);
    clear();
  }

  void request(std::string_view id) { hear(Request{Bytes("default"), *parse_headers(Bytes("")), Bytes("[]"), 1}, id); }
  void finish(std::string_view id, Outcome outcome) {
    step(JobFinished{Bytes(id), 1, outcome, Bytes(R"({"value": 5})")});
  }
  std::vector<std::string> settled() {
    std::vector<std::string> list;
    for (const Reply& reply : take_sent<Reply>()) {
      list.push_back(reply.request_id.str() + " " + std::string(outcome_word(reply.outcome)));
    }
    return list;
  }
  template <class Body>
  size_t sent() {
    return take_sent<Body>().size();
  }
  bool is_away() { return !take<SessionAway>().empty(); }
  void leave() {
    step(LeaveRequested{});
    hear(Goodbye{});
    ASSERT_TRUE(is_away());
    clear();
  }
};

TEST_F(WorkerLeaveTest, WhatIsHeldIsSettledAndNothingMoreIsAskedFor) {
  request("a");
  step(LeaveRequested{});
  EXPECT_EQ(sent<Disconnect>(), 1u);
  finish("a", Outcome::kReturned);
  request("b");
  EXPECT_THAT(settled(), ElementsAre("a returned", "b returned"));
  EXPECT_THAT(take<StartJob>().size(), 1u) << "only the first";
  EXPECT_FALSE(is_away()) << "jobs may still be on their way here";
  hear(Goodbye{});
  EXPECT_EQ(sent<Goodbye>(), 1u);
  EXPECT_TRUE(is_away());
  EXPECT_EQ(sent<Ready>(), 0u);
}

TEST_F(WorkerLeaveTest, WhoIsAwayIsSilentAndDoesNotEnd) {
  leave();
  advance(seconds(600));
  EXPECT_THAT(effects(), IsEmpty());
  EXPECT_EQ(session().next_wake(), Instant::never());
}

TEST_F(WorkerLeaveTest, ReturnIsANewConversationWithAllSlots) {
  const std::string first_id = last_connect().routing_id;
  leave();
  step(ReturnRequested{});
  EXPECT_TRUE(acknowledge_inform(kBroker).held.empty());
  EXPECT_NE(last_connect().routing_id, first_id);
  EXPECT_EQ(sent<Ready>(), 2u);
  request("a");
  finish("a", Outcome::kOk);
  EXPECT_THAT(settled(), ElementsAre("a ok"));
}

TEST_F(WorkerLeaveTest, ReturnBeforeTheBrokersAnswerWaitsForIt) {
  step(LeaveRequested{});
  step(ReturnRequested{});
  request("a");
  EXPECT_THAT(settled(), ElementsAre("a returned")) << "the broker was told that nothing is taken here";
  EXPECT_TRUE(take<Connect>().empty());
  hear(Goodbye{});
  EXPECT_EQ(sent<Goodbye>(), 1u);
  acknowledge_inform(kBroker);
  EXPECT_EQ(sent<Ready>(), 2u);
}

TEST_F(WorkerLeaveTest, TheAnswerIsNotWaitedForForEver) {
  step(LeaveRequested{});
  advance(milliseconds(4'999));
  EXPECT_FALSE(is_away());
  advance(milliseconds(1));
  EXPECT_TRUE(is_away());
}

TEST_F(WorkerLeaveTest, WithoutAConnectionItIsAwayAtOnce) {
  step(LinkLost{});
  step(LeaveRequested{});
  EXPECT_TRUE(is_away());
  clear();
  advance(seconds(60));
  EXPECT_THAT(effects(), IsEmpty());
}

TEST_F(WorkerLeaveTest, ResultsThatNoBrokerHasAreDeliveredFirst) {
  request("a");
  step(LinkLost{});
  step(LeaveRequested{});
  finish("a", Outcome::kReturned);
  EXPECT_FALSE(is_away());
  acknowledge_inform(kBroker);
  EXPECT_THAT(settled(), ElementsAre("a returned"));
  EXPECT_EQ(sent<Ready>(), 0u);
  EXPECT_EQ(sent<Disconnect>(), 1u);
  hear(Goodbye{});
  EXPECT_TRUE(is_away());
}

TEST_F(WorkerLeaveTest, ABrokerThatShutsDownMeanwhileIsLeftAndNotSoughtAgain) {
  hear(Disconnect{});
  clear();
  step(LeaveRequested{});
  EXPECT_TRUE(is_away());
  clear();
  advance(seconds(60));
  EXPECT_THAT(effects(), IsEmpty());
}

TEST_F(WorkerLeaveTest, DrainOfOneThatIsAwayEndsAtOnce) {
  leave();
  step(DrainRequested{});
  EXPECT_TRUE(ended());
}

TEST_F(WorkerLeaveTest, DrainOfOneThatIsLeavingEndsWithTheBrokersAnswer) {
  request("a");
  step(LeaveRequested{});
  step(DrainRequested{});
  EXPECT_EQ(sent<Disconnect>(), 1u) << "once";
  finish("a", Outcome::kReturned);
  hear(Goodbye{});
  EXPECT_TRUE(ended());
}

TEST_F(WorkerLeaveTest, OnlyABrokerThatSettlesTakesBack) {
  EXPECT_TRUE(session().takes_back());
  step(LinkLost{});
  EXPECT_TRUE(session().takes_back()) << "as far as is known";
  acknowledge_inform("");
  EXPECT_FALSE(session().takes_back());
}

}  // namespace
}  // namespace eventmq
