#include "src/transport/router_socket.h"

#include <gmock/gmock.h>
#include <stdlib.h>
#include <zmq.h>

#include <filesystem>

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
  RouterSocket router_{context_, small_options()};

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
  EXPECT_THAT(wait_texts(peer), ElementsAre(large));
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
  RouterSocket router(context_, options);
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
  for (size_t i = 0; i < sent; ++i) ASSERT_TRUE(wait_texts(deaf) == (std::vector<std::string>{text, text}));
}

TEST_F(RouterSocketTest, TheBytesQueuedForAPeerAreLimited) {
  SocketOptions options = small_options();
  options.send_queue_bytes = 30'000'000;
  RouterSocket router(context_, options);
  ASSERT_TRUE(router.bind("tcp://127.0.0.1:*"));
  RawPeer deaf(router.endpoint());
  ASSERT_TRUE(deaf.handshake("deaf"));
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

TEST_F(RouterSocketTest, ASecondPeerWithTheSameRoutingIdIsNotServedAndTheFirstIsUnharmed) {
  DealerSocket first = dealer("twin");
  greet(first);
  DealerSocket second = dealer("twin");
  ASSERT_TRUE(second.send(frames_of({"", "from the second"})));
  Frames nothing;
  ASSERT_EQ(wait_input(second, nothing), DealerInput::kConnected);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(second.send(frames_of({"", "from the second"})));
    ASSERT_TRUE(first.send(frames_of({"from the first"})));
    Bytes id;
    Frames frames;
    ASSERT_TRUE(wait_message(router_, id, frames));
    EXPECT_EQ(id, "twin");
    ASSERT_THAT(texts_of(frames), ElementsAre("from the first"));
    EXPECT_EQ(router_.send(id, frames_of({"to the first"})), SendResult::kSent);
    ASSERT_THAT(wait_texts(first), ElementsAre("to the first"));
  }
  EXPECT_EQ(second.receive(nothing), DealerInput::kNothing);
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
  ASSERT_TRUE(peer.handshake(""));
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
  ASSERT_TRUE(peer.handshake("greedy"));
  peer.announce_frame(limits::kFrameBytesAnnounced + 1);
  EXPECT_TRUE(peer.closed_by_other_side());
}

TEST_F(RouterSocketTest, ATooLargeFrameIsDroppedAndTheRestOfItsMessageComes) {
  RawPeer peer(router_.endpoint());
  ASSERT_TRUE(peer.handshake("large"));
  const size_t bytes = limits::kFrameBytesDefault + 1;
  peer.send_bytes(RawPeer::frame("before", true) + RawPeer::frame(std::string(bytes, 'x'), true) +
                  RawPeer::frame("behind", false));
  Bytes id;
  Frames frames;
  ASSERT_TRUE(wait_message(router_, id, frames));
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[0], "before");
  EXPECT_EQ(frames[1], "");
  EXPECT_EQ(frames[2], "behind");
  ASSERT_TRUE(frames.too_large());
  EXPECT_EQ(frames.too_large()->index, 1u);
  EXPECT_EQ(frames.too_large()->bytes, bytes);
  EXPECT_EQ(frames.too_large()->bytes_max, limits::kFrameBytesDefault);
}

TEST_F(RouterSocketTest, GarbageInsteadOfAHandshakeHarmsNobody) {
  // What does not begin as ZMTP 3 is read as ZMTP 1, so garbage may come as frames of a nameless peer.
  RawPeer peer(router_.endpoint());
  peer.send_bytes("GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n" + std::string(500, 'z'));
  DealerSocket good = dealer("good");
  ASSERT_TRUE(good.send(frames_of({"hello"})));
  Bytes id;
  while (id != "good") {
    Frames frames;
    ASSERT_TRUE(wait_message(router_, id, frames));
  }
}

TEST_F(RouterSocketTest, ASilentConnectionIsClosedWhenTheHandshakeTimeIsOver) {
  SocketOptions options = small_options();
  options.handshake_timeout = milliseconds(50);
  RouterSocket router(context_, options);
  ASSERT_TRUE(router.bind("tcp://127.0.0.1:*"));
  RawPeer peer(router.endpoint());
  EXPECT_TRUE(peer.closed_by_other_side());
}

TEST_F(RouterSocketTest, AHalfOpenConnectionIsDroppedByProbing) {
  SocketOptions options = small_options();
  options.probe_interval = milliseconds(20);
  options.probe_timeout = milliseconds(60);
  RouterSocket router(context_, options);
  ASSERT_TRUE(router.bind("tcp://127.0.0.1:*"));
  RawPeer peer(router.endpoint());  // answers no probe, as a host that lost its power
  ASSERT_TRUE(peer.handshake("gone"));
  EXPECT_TRUE(peer.closed_by_other_side());
}

TEST_F(RouterSocketTest, APathInUseIsNotTakenAwayFromItsOwner) {
  char folder[] = "/tmp/emq-test-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const std::string address = std::string("ipc://") + folder + "/s";
  {
    RouterSocket first(context_, small_options());
    ASSERT_TRUE(first.bind(address));
    RouterSocket second(context_, small_options());
    const Result<void> bound = second.bind(address);
    ASSERT_FALSE(bound);
    EXPECT_THAT(bound.error().text, HasSubstr("another program uses this address"));
    first.close(Duration{});
  }
  std::filesystem::remove_all(folder);
}

TEST_F(RouterSocketTest, AnAddressInUseIsNamed) {
  RouterSocket second(context_, small_options());
  const Result<void> bound = second.bind(router_.endpoint());
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().code, ErrorCode::kSystem);
  EXPECT_THAT(bound.error().text, HasSubstr(router_.endpoint()));
  EXPECT_THAT(bound.error().text, HasSubstr("another program uses this address"));
}

TEST_F(RouterSocketTest, LocalhostIsListenedOn) {
  RouterSocket second(context_, small_options());
  const Result<void> bound = second.bind("tcp://localhost:*");
  ASSERT_TRUE(bound) << bound.error().text;
  EXPECT_THAT(second.endpoint(), testing::MatchesRegex("tcp://127.0.0.1:[0-9]+"));
}

TEST_F(RouterSocketTest, AForeignAddressIsNamed) {
  RouterSocket second(context_, small_options());
  const Result<void> bound = second.bind("tcp://192.0.2.1:47291");
  ASSERT_FALSE(bound);
  EXPECT_THAT(bound.error().text, HasSubstr("no address of this machine"));
}

TEST_F(RouterSocketTest, AMalformedAddressIsNamed) {
  RouterSocket second(context_, small_options());
  const Result<void> bound = second.bind("tcp:/127.0.0.1:1");
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().code, ErrorCode::kBadValue);
  EXPECT_THAT(bound.error().text, HasSubstr("'tcp:/127.0.0.1:1'"));
}

TEST_F(RouterSocketTest, ASocketThatFailedToBindCanBindElsewhere) {
  RouterSocket second(context_, small_options());
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

}  // namespace
}  // namespace eventmq
