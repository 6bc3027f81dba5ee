// Peers that are quiet: which of them a ConnectionHub keeps.
#include <thread>

#include "src/transport/connection_hub.h"
#include "src/transport/testing/hub_test_support.h"

namespace eventmq {
namespace {

using namespace test;
using namespace std::string_literals;
using testing::ElementsAre;

const std::string kPing = "\4PING\0\0"s;

// Peers that do not answer go soon.
class ProbingTest : public HubTest {
 protected:
  static constexpr Duration kInterval = milliseconds(10), kTimeout = milliseconds(30);
  ProbingTest() : HubTest(options_that_probe(kInterval, kTimeout)) {}

  // So long, without receiving anything, that one that is met now and answers nothing has gone.
  void wait_until_the_silent_go() {
    const RawPeer silent(router_.endpoint());
    ASSERT_TRUE(meets(silent, "silent"));
    ASSERT_TRUE(meanwhile(router_, [&] { return silent.closed_by_other_side(); }));
  }
  bool is_there(const std::string& routing_id) {
    return router_.send(Bytes(routing_id), frames_of({"still there"})) == SendResult::kSent;
  }
};

// Where the system buffers little.
class IpcProbingTest : public ProbingTest {
 protected:
  std::string address() const override { return ipc_address(); }
};

// Peers have all the time there is to answer.
class PatientProbingTest : public HubTest {
 protected:
  PatientProbingTest() : HubTest(options_that_probe(milliseconds(10), seconds(3600))) {}
};

TEST_F(PatientProbingTest, APeerThatAnswersIsAskedAgainAndAgain) {
  const RawPeer peer(router_.endpoint());
  ASSERT_TRUE(meets(peer, "quiet"));
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(frame_at(peer), kPing);
    peer.send_bytes(RawPeer::command("\4PONG"));  // without which there is no other PING
  }
  EXPECT_TRUE(faults().empty());
}

TEST_F(PatientProbingTest, AnyMessageIsAnAnswer) {
  const RawPeer peer(router_.endpoint());
  ASSERT_TRUE(meets(peer, "talks"));
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(frame_at(peer), kPing);
    peer.send_frame("a message", false);
  }
}

TEST_F(PatientProbingTest, APeerIsNotAskedAgainBeforeItAnswered) {
  const RawPeer peer(router_.endpoint());
  ASSERT_TRUE(meets(peer, "quiet"));
  ASSERT_EQ(frame_at(peer), kPing);
  ASSERT_TRUE(turns_for(milliseconds(60)));
  EXPECT_EQ(peer.bytes_arrived(), 0u);
}

TEST_F(ProbingTest, APeerThatAnswersNothingGoesAndIsNoFault) {
  const RawPeer peer(router_.endpoint());
  ASSERT_TRUE(meets(peer, "vanished"));
  EXPECT_TRUE(is_closed(peer));
  EXPECT_FALSE(is_there("vanished"));
  EXPECT_TRUE(faults().empty());
}

TEST_F(ProbingTest, OneThatStoppedInTheMidstOfAMessageIsAFault) {
  const RawPeer peer(router_.endpoint());
  ASSERT_TRUE(meets(peer, "stopped"));
  peer.send_bytes(RawPeer::frame("the first frame", true));
  EXPECT_TRUE(is_closed(peer));
  EXPECT_THAT(reasons(), ElementsAre("it stopped in the midst of a message"));
  EXPECT_EQ(faults()[0].fault, ConnectionFault::kUnfinished);
}

TEST_F(ProbingTest, WhoOnlyAnswersProbesInTheMidstOfAMessageIsAFaultToo) {
  const RawPeer peer(router_.endpoint());
  ASSERT_TRUE(meets(peer, "stubborn"));
  peer.send_bytes(RawPeer::frame("the first frame", true));
  EXPECT_TRUE(meanwhile(
      router_,
      [&] {
        while (peer.send_bytes("\4\5\4PONG")) {
        }
        return true;
      },
      true));
  EXPECT_THAT(reasons(), ElementsAre("it stopped in the midst of a message"));
}

TEST_F(ProbingTest, APeerThatKnowsNoProbesIsNotProbed) {
  const RawPeer old(router_.endpoint());
  ASSERT_TRUE(meets(old, "old", 0));
  wait_until_the_silent_go();
  EXPECT_EQ(old.bytes_arrived(), 0u);
  EXPECT_TRUE(is_served(old));
}

TEST_F(ProbingTest, APeerWhoseMessagesNobodyReadsStays) {
  const RawPeer peer(router_.endpoint());
  ASSERT_TRUE(meets(peer, "patient"));
  peer.send_bytes(RawPeer::frame("1", false) + RawPeer::frame("2", false));
  wait_until_the_silent_go();
  EXPECT_EQ(received(), "patient: 1");
  wait_until_the_silent_go();  // now the rest is in the router's own hands
  EXPECT_EQ(received(), "patient: 2");
  EXPECT_TRUE(faults().empty());
}

TEST_F(IpcProbingTest, APeerThatReadsALargeMessageSlowlyStays) {
  const RawPeer peer(router_.endpoint());
  ASSERT_TRUE(meets(peer, "slow"));
  const std::string large(30'000'000, 'x');
  ASSERT_EQ(router_.send(Bytes("slow"), frames_of({large})), SendResult::kSent);
  Poller poller;
  poller.watch(hub_);
  // It cannot answer, as the PING is behind the message. But it reads something before its time is over, each time.
  const Instant start = ConnectionHub::now();
  for (Instant last = start; last - start < kTimeout * 5; last = ConnectionHub::now()) {
    while (ConnectionHub::now() - last < kTimeout / 2) std::this_thread::yield();
    ASSERT_LT(peer.bytes_arrived(), large.size()) << "it had the whole before its time was over";
    poller.wait(Duration{});
    ASSERT_TRUE(is_there("slow"));
  }
}

TEST_F(IpcProbingTest, APeerThatStopsReadingALargeMessageGoes) {
  const RawPeer peer(router_.endpoint());
  ASSERT_TRUE(meets(peer, "deaf"));
  ASSERT_EQ(router_.send(Bytes("deaf"), frames_of({std::string(30'000'000, 'x')})), SendResult::kSent);
  EXPECT_TRUE(turns_until([&] { return !is_there("deaf"); }));
}

// --- The peer's own probes ---

TEST_F(HubTest, APingIsAnsweredWithItsContext) {
  const RawPeer peer(router_.endpoint());
  ASSERT_TRUE(meets(peer, "asks"));
  peer.send_bytes(RawPeer::command("\4PING\0\x0a"s + "its context"));
  EXPECT_EQ(frame_at(peer), "\4PONGits context");
  peer.send_bytes(RawPeer::command("\4PING\0\0"s));
  EXPECT_EQ(frame_at(peer), "\4PONG");
  peer.send_bytes(RawPeer::command("\4PING\0\0"s + std::string(40, 'x')));
  EXPECT_EQ(frame_at(peer), "\4PONG" + std::string(16, 'x')) << "a context has no more";
}

TEST_F(HubTest, CommandsBetweenTheFramesOfAMessageAreTaken) {
  const RawPeer peer(router_.endpoint());
  ASSERT_TRUE(meets(peer, "asks"));
  peer.send_bytes(RawPeer::frame("one", true) + RawPeer::command("\4PING\0\0!"s) + RawPeer::command("\7UNKNOWN") +
                  RawPeer::frame("two", false));
  EXPECT_EQ(received(), "asks: one two");
  EXPECT_EQ(frame_at(peer), "\4PONG!");
}

class IpcHubTest : public HubTest {
 protected:
  std::string address() const override { return ipc_address(); }
};

TEST_F(IpcHubTest, AMillionPingsOfAPeerThatReadsNothingTakeNoMemory) {
  const RawPeer peer(router_.endpoint());
  ASSERT_TRUE(meets(peer, "asks"));
  const std::string thousand = repeated("\4\x16\4PING\0\0its own context"s, 1000);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(sends(peer, thousand));
  EXPECT_EQ(received_while_sent(peer, RawPeer::frame("the end", false)), "asks: the end");
  ASSERT_EQ(router_.send(Bytes("asks"), frames_of({"the end"})), SendResult::kSent);
  // All answers would have 23 MB.
  size_t answers = 0;
  for (std::string frame = frame_at(peer); frame != "the end"; frame = frame_at(peer)) {
    ASSERT_EQ(frame, "\4PONGits own context");
    ++answers;
  }
  EXPECT_GT(answers, 0u);
  EXPECT_LT(answers, 50'000u);
  peer.send_bytes(RawPeer::command("\4PING\0\0again"s));
  EXPECT_EQ(frame_at(peer), "\4PONGagain") << "it is answered again when it reads";
}

}  // namespace
}  // namespace eventmq
