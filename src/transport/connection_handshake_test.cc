// Handshakes of a ConnectionHub with its peers, good and bad.
#include <sys/wait.h>
#include <unistd.h>

#include "src/transport/connection_hub.h"
#include "src/transport/testing/hub_test_support.h"

namespace eventmq {
namespace {

using namespace test;
using namespace std::string_literals;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr Duration kShort = milliseconds(20);

SocketOptions options_with_handshake_in(Duration time) {
  SocketOptions options = small_options();
  options.handshake_timeout = time;
  return options;
}

class HandshakeTest : public HubTest {
 protected:
  // What is wrong with a peer that begins with these bytes, which must be told at once.
  std::string fault_of(const std::string& bytes) {
    const RawPeer peer(router_.endpoint());
    peer.send_bytes(bytes);
    EXPECT_TRUE(is_closed(peer));
    const std::vector<FaultyConnection> found = hub_.take_faults();
    if (found.size() != 1) return "(" + std::to_string(found.size()) + " faults)";
    EXPECT_EQ(found[0].fault, ConnectionFault::kHandshake);
    EXPECT_THAT(found[0].address, HasSubstr("127.0.0.1:"));
    return found[0].reason;
  }
};

class HastyHandshakeTest : public HubTest {
 protected:
  HastyHandshakeTest() : HubTest(options_with_handshake_in(kShort)) {}
};

TEST_F(HandshakeTest, APeerThatSendsByteByByteIsMet) {
  const RawPeer peer(router_.endpoint());
  Poller poller;
  poller.watch(hub_);
  for (const char byte : RawPeer::greeting() + RawPeer::ready("slow") + RawPeer::frame("its message", false)) {
    peer.send_bytes({byte});
    poller.wait(Duration{});
  }
  EXPECT_TRUE(meanwhile(router_, [&] { return peer.is_met(); }));
  EXPECT_EQ(received(), "slow: its message");
  EXPECT_TRUE(faults().empty());
}

TEST_F(HandshakeTest, APeerThatSendsAllAtOnceIsMetAndItsMessagesKept) {
  const RawPeer peer(router_.endpoint());
  peer.send_bytes(RawPeer::greeting() + RawPeer::ready("fast") + RawPeer::frame("1", false) +
                  RawPeer::frame("2", false));
  EXPECT_EQ(received(), "fast: 1");
  EXPECT_EQ(received(), "fast: 2");
  EXPECT_TRUE(meanwhile(router_, [&] { return peer.is_met(); }));
}

TEST_F(HandshakeTest, APeerOfALaterVersionIsMet) {
  const RawPeer peer(router_.endpoint());
  std::string greeting = RawPeer::greeting();
  greeting[10] = 4;
  peer.send_bytes(greeting + RawPeer::ready("later"));
  EXPECT_TRUE(meanwhile(router_, [&] { return peer.is_met(); }));
}

TEST_F(HandshakeTest, WhatIsNoZmtpIsToldAtItsFirstByte) {
  EXPECT_EQ(fault_of("G"), "it does not speak ZMTP");
  EXPECT_EQ(fault_of("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), "it does not speak ZMTP");
  EXPECT_EQ(fault_of("\x16\3\1\2\0\1\0"s), "it does not speak ZMTP") << "TLS";
  EXPECT_EQ(fault_of("\xff\0\0\0\0\0\0\0\1\x7e"s), "it does not speak ZMTP");
}

TEST_F(HandshakeTest, OldVersionsOfZmtpAreFaults) {
  EXPECT_EQ(fault_of("\1\0"s), "it does not speak ZMTP") << "1.0, which begins with its routing id";
  EXPECT_EQ(fault_of("\xff\0\0\0\0\0\0\0\1\x7f\1\5"s), "it speaks a version of ZMTP before 3");
}

TEST_F(HandshakeTest, AnotherMechanismIsAFault) {
  EXPECT_EQ(fault_of(RawPeer::greeting(1, "CURVE")), "it wants a security mechanism, and there is none here");
  EXPECT_EQ(fault_of(RawPeer::greeting(1, "PLAIN")), "it wants a security mechanism, and there is none here");
}

TEST_F(HandshakeTest, AnotherKindOfSocketIsAFault) {
  EXPECT_EQ(fault_of(RawPeer::greeting() + RawPeer::ready("", "SUB")),
            "it has a socket that is no DEALER, REQ or ROUTER");
}

TEST_F(HandshakeTest, WhatComesInsteadOfReadyIsAFault) {
  const std::string greeting = RawPeer::greeting();
  EXPECT_EQ(fault_of(greeting + RawPeer::frame("hello", false)), "it sent a message before its READY");
  EXPECT_EQ(fault_of(greeting + "\0\1x"s), "it sent a message before its READY") << "a short one";
  EXPECT_EQ(fault_of(greeting + RawPeer::command("\5HELLO")), "it did not say READY");
  EXPECT_EQ(fault_of(greeting + RawPeer::command("")), "it did not say READY");
  EXPECT_EQ(fault_of(greeting + "\x08\0"s), "it sent a frame that is not of ZMTP");
  EXPECT_EQ(fault_of(greeting + RawPeer::command("\5READY\5abc")), "its READY is malformed");
}

TEST_F(HandshakeTest, AReadyAnnouncedTooLongIsAFaultBeforeItComes) {
  EXPECT_EQ(fault_of(RawPeer::greeting() + "\6\0\0\0\0\0\0\x20\1"s), "its READY is too long");
  EXPECT_EQ(fault_of(RawPeer::greeting() + "\6\xff\xff\xff\xff\xff\xff\xff\xff"s), "its READY is too long");
}

TEST_F(HandshakeTest, ARoutingIdThatNoneMayHaveIsAFault) {
  EXPECT_EQ(fault_of(RawPeer::greeting() + RawPeer::ready(std::string(256, 'x'))),
            "its routing id has more than 255 bytes");
  EXPECT_EQ(fault_of(RawPeer::greeting() + RawPeer::ready("\0\0\0\0\0"s)), "its routing id begins with a zero byte");
  const RawPeer longest(router_.endpoint());
  EXPECT_TRUE(meets(longest, std::string(255, 'x')));
}

TEST_F(HandshakeTest, BadPeersHarmNoGoodOnes) {
  const RawPeer good(router_.endpoint());
  ASSERT_TRUE(meets(good, "good"));
  fault_of("GET / HTTP/1.1\r\n");
  EXPECT_TRUE(is_served(good));
}

TEST_F(HastyHandshakeTest, ASilentPeerIsAFaultWhenTheTimeIsOver) {
  const RawPeer silent(router_.endpoint());
  EXPECT_TRUE(is_closed(silent));
  EXPECT_THAT(reasons(), ElementsAre("its handshake took longer than 0.02 s"));
  EXPECT_EQ(faults()[0].fault, ConnectionFault::kHandshake);
}

TEST_F(HastyHandshakeTest, OneThatStopsInTheMidstIsAFaultWhenTheTimeIsOver) {
  const RawPeer stops(router_.endpoint());
  stops.send_bytes(RawPeer::greeting() + "\6\0\0"s);
  EXPECT_TRUE(is_closed(stops));
  EXPECT_THAT(reasons(), ElementsAre("its handshake took longer than 0.02 s"));
}

TEST_F(HastyHandshakeTest, OneThatLeavesBeforeItIsMetIsNoFault) {
  { const RawPeer curious(router_.endpoint()); }
  {
    const RawPeer half(router_.endpoint());
    half.send_bytes(RawPeer::greeting().substr(0, 20));
  }
  {
    const RawPeer rude(router_.endpoint());
    rude.leave_rudely();
  }
  const RawPeer silent(router_.endpoint());
  EXPECT_TRUE(is_closed(silent));  // whose time was over after theirs
  EXPECT_EQ(faults().size(), 1u);
}

TEST_F(HastyHandshakeTest, OneThatIsMetMayBeQuietForLonger) {
  const RawPeer quiet(router_.endpoint());
  quiet.send_bytes(RawPeer::greeting() + RawPeer::ready("quiet"));
  ASSERT_TRUE(turns_until([&] { return router_.send(Bytes("quiet"), frames_of({"x"})) == SendResult::kSent; }));
  ASSERT_TRUE(turns_for(kShort * 3));
  EXPECT_EQ(router_.send(Bytes("quiet"), frames_of({"x"})), SendResult::kSent);
  EXPECT_TRUE(faults().empty());
}

// Whose peers are programs that are started again and again, each a process of its own.
class IpcToldOnceTest : public HubTest {
 protected:
  IpcToldOnceTest() : HubTest(small_options(), HubOptions{}) {}
  std::string address() const override { return ipc_address(); }
  void a_program_sends(const std::string& bytes) {
    const pid_t child = ::fork();
    ASSERT_NE(child, -1);
    if (child == 0) {
      RawPeer(router_.endpoint()).send_bytes(bytes);
      ::_exit(0);
    }
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  }
};

TEST_F(IpcToldOnceTest, WhatManyProcessesOfAUserDoIsToldOnce) {
  for (size_t i = 1; i <= 3; ++i) {
    a_program_sends("GET / HTTP/1.1\r\n\r\n");
    ASSERT_TRUE(turns_until([&] { return faults().size() == i; }));
  }
  EXPECT_THAT(faults()[0].address, HasSubstr("process "));
  EXPECT_THAT(reasons(), ElementsAre("it does not speak ZMTP", "", ""));
}

}  // namespace
}  // namespace eventmq
