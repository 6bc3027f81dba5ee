// Who may have a routing id at a ConnectionHub.
#include <optional>
#include <set>

#include "src/transport/connection_hub.h"
#include "src/transport/testing/hub_test_support.h"

namespace eventmq {
namespace {

using namespace test;
using namespace std::string_literals;
using testing::HasSubstr;

enum class Transport { kTcp, kIpc };

class NamesTest : public HubTest, public testing::WithParamInterface<Transport> {
 protected:
  std::string address() const override { return GetParam() == Transport::kTcp ? tcp_address() : ipc_address(); }
  // Its handshake has begun. It is met once its name is free.
  void begin(const RawPeer& peer, const std::string& routing_id) {
    peer.send_bytes(RawPeer::greeting() + RawPeer::ready(routing_id));
  }
  bool becomes_met(const RawPeer& peer) {
    return meanwhile(router_, [&] { return peer.is_met(); });
  }
  // The way that a refused one sees it.
  bool is_refused(const RawPeer& peer, const std::string& routing_id) {
    return !meets(peer, routing_id) && is_closed_without_reading(peer);
  }
  bool is_closed_without_reading(const RawPeer& peer) {
    return meanwhile(router_, [&] { return peer.closed_by_other_side(); });
  }
  // A peer of that name sends messages and leaves, and none of them is read.
  void comes_and_goes(const std::string& routing_id, const std::string& bytes) {
    const RawPeer peer(router_.endpoint());
    ASSERT_TRUE(meets(peer, routing_id));
    peer.send_bytes(bytes);
  }
  // Everything that was begun before has been seen by the hub.
  void settle() {
    const RawPeer last(router_.endpoint());
    ASSERT_TRUE(meets(last, "settled-" + std::to_string(++settled_)));
  }
  int settled_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Transports, NamesTest, testing::Values(Transport::kTcp, Transport::kIpc),
                         [](const auto& kind) { return kind.param == Transport::kTcp ? "Tcp" : "Ipc"; });

TEST_P(NamesTest, ASecondPeerOfANameIsRefusedWithAReasonAndTheFirstIsUnharmed) {
  const RawPeer first(router_.endpoint());
  ASSERT_TRUE(meets(first, "twin"));
  for (int i = 0; i < 10; ++i) {
    const RawPeer second(router_.endpoint());
    EXPECT_TRUE(is_refused(second, "twin"));
  }
  EXPECT_EQ(frame_at(first), "\4PING\0\0"s) << "it is asked whether it is there";
  EXPECT_TRUE(is_served(first));
  ASSERT_EQ(faults().size(), 10u);
  EXPECT_EQ(faults()[0].fault, ConnectionFault::kTaken);
  EXPECT_THAT(faults()[0].reason, HasSubstr("its routing id 'twin' is that of a connection of "));
}

TEST_P(NamesTest, MessagesThatARefusedPeerSendsInItsHandshakeAreNobodys) {
  const RawPeer first(router_.endpoint());
  ASSERT_TRUE(meets(first, "twin"));
  const RawPeer second(router_.endpoint());
  second.send_bytes(RawPeer::greeting() + RawPeer::ready("twin") + RawPeer::frame("of the second", false));
  EXPECT_FALSE(becomes_met(second));
  EXPECT_TRUE(is_closed_without_reading(second));
  first.send_frame("of the first", false);
  EXPECT_EQ(received(), "twin: of the first");
}

TEST_P(NamesTest, ANameIsFreeAtOnceWhenItsPeerHasLeft) {
  for (int i = 0; i < 10; ++i) {
    const RawPeer peer(router_.endpoint());
    ASSERT_TRUE(meets_while_all_is_read(peer, "name"));
    ASSERT_TRUE(is_served(peer));
  }
  EXPECT_TRUE(faults().empty());
}

TEST_P(NamesTest, ANameIsFreeWhenItsPeerHasLeftInTheMidstOfAMessage) {
  comes_and_goes("name", RawPeer::frame("begun", true));
  const RawPeer next(router_.endpoint());
  ASSERT_TRUE(meets_while_all_is_read(next, "name"));
  next.send_frame("whole", false);
  EXPECT_EQ(received(), "name: whole");
}

TEST_P(NamesTest, ANewcomerWaitsUntilTheLastOfItsForerunnerWasRead) {
  comes_and_goes("name", RawPeer::frame("1", false) + RawPeer::frame("2", false) + RawPeer::frame("3", false));
  const RawPeer heir(router_.endpoint());
  begin(heir, "name");
  heir.send_frame("4", false);
  settle();
  EXPECT_EQ(heir.bytes_arrived(), 64u) << "the greeting, and no READY";
  for (const char* number : {"1", "2", "3", "4"}) EXPECT_EQ(received(), "name: "s + number);
  EXPECT_TRUE(becomes_met(heir));
  EXPECT_TRUE(is_served(heir));
  EXPECT_TRUE(faults().empty());
}

TEST_P(NamesTest, WhoWaitsForANameIsNotHurriedByTheTimeOfAHandshake) {
  SocketOptions options = small_options();
  options.handshake_timeout = milliseconds(20);
  RouterSocket hasty(hub_, options);
  listen_at(hasty, GetParam() == Transport::kTcp ? tcp_address() : ipc_address("hasty"));
  {
    const RawPeer first(hasty.endpoint());
    ASSERT_TRUE(meanwhile(hasty, [&] { return first.handshake("name"); }));
    first.send_frame("1", false);
  }
  const RawPeer heir(hasty.endpoint());
  heir.send_bytes(RawPeer::greeting() + RawPeer::ready("name") + RawPeer::frame("2", false));
  ASSERT_TRUE(turns_for(milliseconds(80)));
  EXPECT_EQ(received(hasty), "name: 1");
  EXPECT_EQ(received(hasty), "name: 2");
  EXPECT_TRUE(faults().empty());
}

TEST_P(NamesTest, ANameThatWasMadeIsNotGivenAgainWhenItsPeerHasLeft) {
  std::set<std::string> names;
  for (int i = 0; i < 20; ++i) {
    const RawPeer peer(router_.endpoint());
    ASSERT_TRUE(meets_while_all_is_read(peer, ""));
    peer.send_frame("hello", false);
    names.insert(received());
  }
  EXPECT_EQ(names.size(), 20u);
}

TEST_P(NamesTest, ANameMadeInAnotherLifeIsNotGivenAgain) {
  std::set<std::string> names;
  for (int life = 0; life < 20; ++life) {
    RouterSocket router(hub_, small_options());
    listen_at(router, tcp_address());
    const RawPeer peer(router.endpoint());
    ASSERT_TRUE(meanwhile(router, [&] { return peer.handshake(""); }));
    peer.send_frame("hello", false);
    names.insert(received(router));
  }
  EXPECT_EQ(names.size(), 20u);
}

TEST_P(NamesTest, WhileOneWaitsForANameAThirdIsRefused) {
  comes_and_goes("name", RawPeer::frame("1", false));
  const RawPeer heir(router_.endpoint());
  begin(heir, "name");
  settle();
  const RawPeer third(router_.endpoint());
  EXPECT_TRUE(is_refused(third, "name"));
  EXPECT_EQ(received(), "name: 1");
  heir.send_frame("2", false);
  EXPECT_EQ(received(), "name: 2");
}

TEST_P(NamesTest, ANewcomerThatStopsWaitingMakesPlaceForAnother) {
  comes_and_goes("name", RawPeer::frame("1", false));
  {
    const RawPeer impatient(router_.endpoint());
    begin(impatient, "name");
    impatient.send_frame("never met", false);
    settle();
    EXPECT_EQ(impatient.bytes_arrived(), 64u);  // with anything unread it would leave with a reset
  }
  settle();
  const RawPeer patient(router_.endpoint());
  begin(patient, "name");
  patient.send_frame("2", false);
  settle();
  EXPECT_EQ(received(), "name: 1");
  EXPECT_EQ(received(), "name: 2");
  EXPECT_TRUE(faults().empty());
}

TEST_P(NamesTest, WhenBothHaveLeftTheNameIsFree) {
  comes_and_goes("name", RawPeer::frame("1", false));
  {
    const RawPeer impatient(router_.endpoint());
    begin(impatient, "name");
    settle();
  }
  EXPECT_EQ(received(), "name: 1");
  const RawPeer next(router_.endpoint());
  EXPECT_TRUE(meets_while_all_is_read(next, "name"));
  EXPECT_TRUE(is_served(next));
  EXPECT_TRUE(faults().empty());
}

TEST_P(NamesTest, OneThatWaitsGoesWithItsSocket) {
  comes_and_goes("name", RawPeer::frame("1", false));
  const RawPeer heir(router_.endpoint());
  begin(heir, "name");
  settle();
  router_.close(Duration{});
  EXPECT_TRUE(heir.closed_by_other_side());
}

TEST_P(NamesTest, PeersWithoutANameAreGivenDistinctOnes) {
  const RawPeer one(router_.endpoint()), other(router_.endpoint());
  ASSERT_TRUE(meets(one, ""));
  ASSERT_TRUE(meets(other, ""));
  one.send_frame("one", false);
  Bytes its, others;
  Frames frames, more_frames;
  ASSERT_TRUE(wait_message(router_, its, frames));
  other.send_frame("other", false);
  ASSERT_TRUE(wait_message(router_, others, more_frames));
  EXPECT_NE(its, others);
  for (const Bytes& id : {its, others})
    EXPECT_THAT(id.str(), testing::AllOf(testing::SizeIs(5), testing::StartsWith("\0"s)));
  EXPECT_EQ(router_.send(its, frames_of({"for one"})), SendResult::kSent);
  EXPECT_EQ(router_.send(others, frames_of({"for other"})), SendResult::kSent);
  EXPECT_EQ(frame_at(one), "for one");
  EXPECT_EQ(frame_at(other), "for other");
}

// --- Whether the owner of a name is there ---

class VanishedOwnerTest : public HubTest {
 protected:
  VanishedOwnerTest() : HubTest(options_that_probe(seconds(3600), milliseconds(20))) {}
};

TEST_F(VanishedOwnerTest, ARefusedNewcomerFreesTheNameOfAPeerThatIsNotThereAnyMore) {
  const RawPeer vanished(router_.endpoint());
  ASSERT_TRUE(meets(vanished, "name"));
  vanished.send_frame("heard lately", false);
  EXPECT_EQ(received(), "name: heard lately");
  ASSERT_TRUE(turns_for(milliseconds(60)));
  const RawPeer newcomer(router_.endpoint());
  ASSERT_FALSE(meets(newcomer, "name")) << "by itself it is not probed yet";
  EXPECT_TRUE(is_closed(vanished));
  const RawPeer again(router_.endpoint());
  EXPECT_TRUE(meets(again, "name"));
}

}  // namespace
}  // namespace eventmq
