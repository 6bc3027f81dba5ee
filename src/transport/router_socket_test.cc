#include "src/transport/router_socket.h"

#include <gmock/gmock.h>
#include <zmq.h>

#include <thread>

#include "src/transport/raw_peer.h"
#include "src/transport/transport_test_support.h"

namespace eventmq {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;

class RouterSocketTest : public testing::Test {
 protected:
  ZmqContext context_;
  ConnectionHub hub_;
  RouterSocket router_{hub_, small_options()};

  void SetUp() override {
    const Result<void> bound = router_.bind("tcp://127.0.0.1:*");
    ASSERT_TRUE(bound) << bound.error().text;
  }
  DealerSocket dealer(const std::string& routing_id, SocketOptions options = small_options()) {
    DealerSocket socket(context_, options);
    const Result<void> connected = socket.connect(router_.endpoint(), routing_id);
    EXPECT_TRUE(connected) << connected.error().text;
    return socket;
  }
  static bool closed_by_router(RouterSocket& router, const RawPeer& peer) {
    return meanwhile(
        router, [&] { return peer.closed_by_other_side(); }, true);
  }
  std::vector<std::string> faults() {
    std::vector<std::string> reasons;
    for (const FaultyConnection& fault : hub_.take_faults()) reasons.push_back(fault.reason);
    return reasons;
  }
  bool meet(const RawPeer& peer, const std::string& routing_id) {
    return meanwhile(router_, [&] { return peer.handshake(routing_id); });
  }
  // Waits until the router can reach a peer.
  void greet(DealerSocket& peer) {
    ASSERT_TRUE(peer.send(frames_of({"hello"})));
    Bytes id;
    Frames frames;
    ASSERT_TRUE(wait_message(router_, id, frames));
    ASSERT_THAT(texts_of(frames), ElementsAre("hello"));
  }
};

TEST_F(RouterSocketTest, TellsThePortThatTheSystemChose) {
  EXPECT_THAT(router_.endpoint(), testing::MatchesRegex("tcp://127.0.0.1:[0-9]+"));
}

TEST_F(RouterSocketTest, AMessageGoesThereAndBack) {
  DealerSocket peer = dealer("peer-1");
  ASSERT_TRUE(peer.send(frames_of({"", "eMQP/1.0", "READY", "an id of some length, as uuids have"})));
  Bytes id;
  Frames frames;
  ASSERT_TRUE(wait_message(router_, id, frames));
  EXPECT_EQ(id, "peer-1");
  EXPECT_THAT(texts_of(frames), ElementsAre("", "eMQP/1.0", "READY", "an id of some length, as uuids have"));
  EXPECT_EQ(router_.send(id, frames), SendResult::kSent);
  EXPECT_THAT(wait_texts(peer), ElementsAre("", "eMQP/1.0", "READY", "an id of some length, as uuids have"));
}

TEST_F(RouterSocketTest, SmallFramesShareOneBlockAndLargeOnesAreNotCopied) {
  DealerSocket peer = dealer("p");
  const std::string large(100'000, 'x');
  ASSERT_TRUE(peer.send(frames_of({"one", large, "two"})));
  Bytes id;
  Frames frames;
  ASSERT_TRUE(wait_message(router_, id, frames));
  EXPECT_THAT(texts_of(frames), ElementsAre("one", large, "two"));
  EXPECT_EQ(frames[0].block(), frames[2].block());
  EXPECT_NE(frames[0].block(), frames[1].block());
  EXPECT_EQ(router_.send(id, frames), SendResult::kSent);
  EXPECT_THAT(wait_texts(peer), ElementsAre("one", large, "two"));
}

TEST_F(RouterSocketTest, ALargeFrameOutlivesTheSenderOfIt) {
  DealerSocket peer = dealer("p");
  greet(peer);
  const std::string large(3'000'000, 'y');
  EXPECT_EQ(router_.send(Bytes("p"), frames_of({large})), SendResult::kSent);
  EXPECT_THAT(wait_texts(peer, &router_), ElementsAre(large));
}

TEST_F(RouterSocketTest, FramesBeyondTheLimitAreDroppedAndTheNextMessageIsWhole) {
  void* socket = zmq_socket(context_.handle(), ZMQ_DEALER);
  int linger = 0;
  zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
  zmq_setsockopt(socket, ZMQ_ROUTING_ID, "many", 4);
  ASSERT_EQ(zmq_connect(socket, router_.endpoint().c_str()), 0);
  for (int part = 0; part < 10'000; ++part) {
    ASSERT_NE(zmq_send(socket, "part", 4, part + 1 < 10'000 ? ZMQ_SNDMORE : 0), -1);
  }
  ASSERT_NE(zmq_send(socket, "next", 4, 0), -1);
  Bytes id;
  Frames first;
  ASSERT_TRUE(wait_message(router_, id, first));
  EXPECT_TRUE(first.overflow());
  EXPECT_EQ(first.size(), limits::kFramesPerMessage);
  Frames second;
  ASSERT_TRUE(wait_message(router_, id, second));
  EXPECT_FALSE(second.overflow());
  EXPECT_THAT(texts_of(second), ElementsAre("next"));
  zmq_close(socket);
}

TEST_F(RouterSocketTest, AnUnknownPeerIsUnreachable) {
  EXPECT_EQ(router_.send(Bytes("nobody"), frames_of({"x"})), SendResult::kUnreachable);
  EXPECT_EQ(router_.send(Bytes(), frames_of({"x"})), SendResult::kUnreachable);
  EXPECT_EQ(router_.send(Bytes(std::string(256, 'x')), frames_of({"x"})), SendResult::kUnreachable);
}

TEST_F(RouterSocketTest, APeerThatLeftBecomesUnreachable) {
  DealerSocket peer = dealer("p");
  greet(peer);
  peer.close(Duration{});
  const auto since = std::chrono::steady_clock::now();
  SendResult result = SendResult::kSent;
  Poller poller;
  poller.watch(router_);
  while (result == SendResult::kSent && !expired(since)) {
    result = router_.send(Bytes("p"), frames_of({"x"}));
    poller.wait(milliseconds(10));
  }
  EXPECT_EQ(result, SendResult::kUnreachable);
}

TEST_F(RouterSocketTest, APeerThatNeverReadsIsFullAndHarmsNobody) {
  SocketOptions options = small_options();
  options.send_queue_messages = 50;
  RouterSocket router(hub_, options);
  ASSERT_TRUE(router.bind("tcp://127.0.0.1:*"));
  SocketOptions deaf_options = small_options();
  deaf_options.receive_queue_messages = 1;
  DealerSocket deaf(context_, deaf_options);
  ASSERT_TRUE(deaf.connect(router.endpoint(), "deaf"));
  DealerSocket good(context_, small_options());
  ASSERT_TRUE(good.connect(router.endpoint(), "good"));
  for (DealerSocket* peer : {&deaf, &good}) {
    ASSERT_TRUE(peer->send(frames_of({"hello"})));
    Bytes id;
    Frames frames;
    ASSERT_TRUE(wait_message(router, id, frames));
  }
  const std::string text(4000, 'x');  // below the size that is counted in bytes
  size_t sent = 0;
  while (router.send(Bytes("deaf"), frames_of({text, text})) == SendResult::kSent) {
    ASSERT_LT(++sent, 100'000u) << "the queue has no limit";
  }
  EXPECT_EQ(router.send(Bytes("good"), frames_of({"a", "b"})), SendResult::kSent);
  EXPECT_THAT(wait_texts(good), ElementsAre("a", "b"));
  // Nothing is left of a refused message: what the deaf one reads at last is whole.
  for (size_t i = 0; i < sent; ++i) ASSERT_TRUE(wait_texts(deaf, &router) == (std::vector<std::string>{text, text}));
}

TEST_F(RouterSocketTest, TheBytesQueuedForAPeerAreLimited) {
  SocketOptions options = small_options();
  options.send_queue_bytes = 30'000'000;
  RouterSocket router(hub_, options);
  ASSERT_TRUE(router.bind("tcp://127.0.0.1:*"));
  RawPeer deaf(router.endpoint());
  ASSERT_TRUE(meanwhile(router, [&] { return deaf.handshake("deaf"); }));
  deaf.send_frame("hello", false);
  Bytes id;
  Frames frames;
  ASSERT_TRUE(wait_message(router, id, frames));

  // More than the operating system buffers, so the first one stays queued as a whole.
  const Bytes large(std::string(40'000'000, 'x'));
  Frames message;
  message.push(large);
  EXPECT_EQ(router.send(id, message), SendResult::kSent) << "one message may pass the limit";
  EXPECT_EQ(router.send(id, message), SendResult::kFull);
  EXPECT_EQ(router.send(id, frames_of({"small"})), SendResult::kSent) << "small ones are counted, not weighed";
  EXPECT_EQ(router.send(id, message), SendResult::kFull);
}

TEST_F(RouterSocketTest, ASecondPeerWithTheSameRoutingIdIsRefusedAndTheFirstIsUnharmed) {
  DealerSocket first = dealer("twin");
  greet(first);
  for (int i = 0; i < 100; ++i) {
    DealerSocket second = dealer("twin");
    ASSERT_TRUE(second.send(frames_of({"", "from the second"})));
    Frames nothing;
    ASSERT_EQ(wait_input(second, nothing, &router_), DealerInput::kLost);
    EXPECT_THAT(second.lost_reason(), HasSubstr("closed the connection in its handshake"));
    ASSERT_TRUE(first.send(frames_of({"from the first"})));
    Bytes id;
    Frames frames;
    ASSERT_TRUE(wait_message(router_, id, frames));
    EXPECT_EQ(id, "twin");
    ASSERT_THAT(texts_of(frames), ElementsAre("from the first"));
    EXPECT_EQ(router_.send(id, frames_of({"to the first"})), SendResult::kSent);
    ASSERT_THAT(wait_texts(first), ElementsAre("to the first"));
  }
  const std::vector<FaultyConnection> all = hub_.take_faults();
  ASSERT_EQ(all.size(), 100u);
  EXPECT_EQ(all[0].fault, ConnectionFault::kTaken);
  EXPECT_THAT(all[0].reason, HasSubstr("its routing id 'twin' is that of a connection of 127.0.0.1:"));
  EXPECT_EQ(all[1].reason, "") << "it is told once a minute";
}

TEST_F(RouterSocketTest, ARoutingIdIsFreeAgainOnceItsPeerHasLeft) {
  DealerSocket first = dealer("name");
  greet(first);
  first.close(Duration{});
  // A newcomer that is too early is not served; it tries again, as a session does.
  const auto since = std::chrono::steady_clock::now();
  bool served = false;
  while (!served && !expired(since)) {
    DealerSocket second = dealer("name");
    ASSERT_TRUE(second.send(frames_of({"again"})));
    Bytes id;
    Frames frames;
    Poller poller;
    poller.watch(router_);
    for (int i = 0; i < 20 && !served; ++i) {
      served = router_.receive(id, frames);
      poller.wait(milliseconds(10));
    }
  }
  EXPECT_TRUE(served);
}

TEST_F(RouterSocketTest, APeerWithoutANameIsGivenOne) {
  RawPeer peer(router_.endpoint());
  ASSERT_TRUE(meet(peer, ""));
  peer.send_frame("hello", false);
  Bytes id;
  Frames frames;
  ASSERT_TRUE(wait_message(router_, id, frames));
  ASSERT_EQ(id.size(), 5u);
  EXPECT_EQ(id.view()[0], '\0');
  EXPECT_EQ(router_.send(id, frames_of({"x"})), SendResult::kSent);
}

TEST_F(RouterSocketTest, AFrameAnnouncedBeyondAllLimitsClosesTheConnection) {
  RawPeer peer(router_.endpoint());
  ASSERT_TRUE(meet(peer, "greedy"));
  peer.announce_frame(limits::kFrameBytesAnnounced + 1);
  EXPECT_TRUE(closed_by_router(router_, peer));
  EXPECT_THAT(faults(), ElementsAre("it announced a frame of more than 1024 MiB"));
}

TEST_F(RouterSocketTest, ATooLargeFrameIsDroppedAndTheRestOfItsMessageComes) {
  RawPeer peer(router_.endpoint());
  ASSERT_TRUE(meet(peer, "large"));
  const size_t bytes = limits::kFrameBytesDefault + 1;
  std::thread sender([&] {
    peer.send_bytes(RawPeer::frame("before", true) + RawPeer::frame(std::string(bytes, 'x'), true) +
                    RawPeer::frame("behind", false));
  });
  Bytes id;
  Frames frames;
  EXPECT_TRUE(wait_message(router_, id, frames));
  sender.join();
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[0], "before");
  EXPECT_EQ(frames[1], "");
  EXPECT_EQ(frames[2], "behind");
  ASSERT_TRUE(frames.too_large());
  EXPECT_EQ(frames.too_large()->index, 1u);
  EXPECT_EQ(frames.too_large()->bytes, bytes);
  EXPECT_EQ(frames.too_large()->bytes_max, limits::kFrameBytesDefault);
}

TEST_F(RouterSocketTest, GarbageInsteadOfAHandshakeIsClosedAtOnceAndHarmsNobody) {
  const RawPeer peer(router_.endpoint());
  peer.send_bytes("GET / HTTP/1.1\r\n");  // less than a greeting
  EXPECT_TRUE(closed_by_router(router_, peer));
  EXPECT_THAT(faults(), ElementsAre("it does not speak ZMTP"));
  DealerSocket good = dealer("good");
  greet(good);
}

TEST_F(RouterSocketTest, ASilentConnectionIsClosedWhenTheHandshakeTimeIsOver) {
  SocketOptions options = small_options();
  options.handshake_timeout = milliseconds(50);
  RouterSocket router(hub_, options);
  ASSERT_TRUE(router.bind("tcp://127.0.0.1:*"));
  RawPeer peer(router.endpoint());
  EXPECT_TRUE(closed_by_router(router, peer));
}

TEST_F(RouterSocketTest, AHalfOpenConnectionIsDroppedByProbing) {
  SocketOptions options = small_options();
  options.probe_interval = milliseconds(20);
  options.probe_timeout = milliseconds(60);
  RouterSocket router(hub_, options);
  ASSERT_TRUE(router.bind("tcp://127.0.0.1:*"));
  RawPeer peer(router.endpoint());  // answers no probe, as a host that lost its power
  ASSERT_TRUE(meanwhile(router, [&] { return peer.handshake("gone"); }));
  EXPECT_TRUE(closed_by_router(router, peer));
}

TEST_F(RouterSocketTest, AnAddressInUseIsNamed) {
  RouterSocket second(hub_, small_options());
  const Result<void> bound = second.bind(router_.endpoint());
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().code, ErrorCode::kSystem);
  EXPECT_THAT(bound.error().text, HasSubstr(router_.endpoint()));
  EXPECT_THAT(bound.error().text, HasSubstr("another program uses this address"));
}

TEST_F(RouterSocketTest, ASocketThatFailedToBindCanBindElsewhere) {
  RouterSocket second(hub_, small_options());
  ASSERT_FALSE(second.bind(router_.endpoint()));
  EXPECT_TRUE(second.bind("tcp://127.0.0.1:*"));
}

TEST_F(RouterSocketTest, AFloodFromOnePeerDoesNotStarveAnother) {
  DealerSocket flooder = dealer("flooder");
  DealerSocket quiet = dealer("quiet");
  greet(flooder);
  greet(quiet);
  for (int i = 0; i < 900; ++i) ASSERT_TRUE(flooder.send(frames_of({"flood"})));
  ASSERT_TRUE(quiet.send(frames_of({"one"})));
  // Once both have something waiting they take turns. The flood goes on until then, so a router that reads on at one
  // peer would never come to the other.
  const auto since = std::chrono::steady_clock::now();
  for (Bytes id; id != "quiet";) {
    Frames frames;
    ASSERT_TRUE(wait_message(router_, id, frames));
    ASSERT_FALSE(expired(since)) << "only the flood was read";
    flooder.send(frames_of({"flood"}));
  }
}

// A socket of libzmq as other programs use it, with the options that it has by itself.
class PlainSocket {
 public:
  PlainSocket(ZmqContext& context, int type, const std::string& routing_id, const std::string& endpoint)
      : socket_(zmq_socket(context.handle(), type)) {
    const int linger = 0;
    zmq_setsockopt(socket_, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(socket_, ZMQ_ROUTING_ID, routing_id.data(), routing_id.size());
    EXPECT_EQ(zmq_connect(socket_, endpoint.c_str()), 0);
  }
  ~PlainSocket() { zmq_close(socket_); }
  PlainSocket(const PlainSocket&) = delete;
  PlainSocket& operator=(const PlainSocket&) = delete;

  void send(const std::string& text) { EXPECT_NE(zmq_send(socket_, text.data(), text.size(), ZMQ_DONTWAIT), -1); }
  std::string receive() {
    char text[100];
    const int got = zmq_recv(socket_, text, sizeof text, 0);
    return got < 0 ? "nothing" : std::string(text, static_cast<size_t>(got));
  }

 private:
  void* socket_;
};

TEST_F(RouterSocketTest, APlainRequestSocketIsServed) {
  PlainSocket peer(context_, ZMQ_REQ, "asker", router_.endpoint());
  for (const char* question : {"one", "two"}) {
    peer.send(question);
    Bytes id;
    Frames frames;
    ASSERT_TRUE(wait_message(router_, id, frames));
    EXPECT_THAT(texts_of(frames), ElementsAre("", question));
    EXPECT_EQ(router_.send(id, frames), SendResult::kSent);
    EXPECT_EQ(peer.receive(), question);
  }
}

TEST_F(RouterSocketTest, APlainSocketThatWasRefusedComesInByItselfWhenTheOtherHasLeft) {
  DealerSocket first = dealer("name");
  greet(first);
  PlainSocket second(context_, ZMQ_DEALER, "name", router_.endpoint());
  second.send("from the second");
  Poller poller;
  poller.watch(router_);
  while (faults().empty()) poller.wait(Duration{-1});
  first.close(Duration{});
  Bytes id;
  Frames frames;
  ASSERT_TRUE(wait_message(router_, id, frames));
  EXPECT_EQ(id, "name");
  EXPECT_THAT(texts_of(frames), ElementsAre("from the second"));
}

TEST_F(RouterSocketTest, APlainSocketComesBackToARouterThatListensAgain) {
  PlainSocket peer(context_, ZMQ_DEALER, "name", router_.endpoint());
  peer.send("before");
  Bytes id;
  Frames frames;
  ASSERT_TRUE(wait_message(router_, id, frames));
  const std::string endpoint = router_.endpoint();
  router_.close(Duration{});
  RouterSocket again(hub_, small_options());
  ASSERT_TRUE(again.bind(endpoint));
  peer.send("after");
  Frames more;
  ASSERT_TRUE(wait_message(again, id, more));
  EXPECT_THAT(texts_of(more), ElementsAre("after"));
}

}  // namespace
}  // namespace eventmq
