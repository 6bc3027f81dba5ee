#include "src/runtime/router_loop.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include "src/runtime/router_loop_test_support.h"
#include "src/transport/raw_peer.h"

namespace eventmq {
namespace {

using namespace test;
using testing::HasSubstr;

TestPeer client_of(RunningRouter& router, const std::string& name = "client") {
  return TestPeer(router, router.loop().endpoints().frontend, name);
}
TestPeer worker_of(RunningRouter& router, const std::string& name = "worker") {
  return TestPeer(router, router.loop().endpoints().backend, name);
}
TestPeer admin_of(RunningRouter& router) { return TestPeer(router, router.loop().endpoints().administrative, "admin"); }

void join(TestPeer& worker, int slots = 1) {
  worker.expect_ack_of(worker.send(worker_inform()));
  for (int i = 0; i < slots; ++i) worker.send(Ready{});
}

void run_one_job(TestPeer& client, TestPeer& worker, std::string_view headers = "reply-requested") {
  const std::string id = client.send(request(headers));
  client.expect_ack_of(id);
  const Request job = worker.expect<Request>();
  EXPECT_EQ(worker.last_id(), id);
  worker.send(settled(id, job.attempt));
  const Reply reply = client.expect<Reply>();
  EXPECT_EQ(reply.payload, "{\"value\": 5}");
  EXPECT_EQ(reply.request_id, id);
}

// Its store commits when the test says so.
class LateStoreRouterTest : public testing::Test {
 protected:
  std::unique_ptr<LateStore> owned_ = std::make_unique<LateStore>();
  LateStore& store_ = *owned_;
  RunningRouter router_{loopback_settings(), std::move(owned_)};
};

TEST(RouterLoopTest, AJobGoesFromClientToWorkerAndItsReplyBack) {
  RunningRouter router;
  TestPeer client = client_of(router);
  TestPeer worker = worker_of(router);
  join(worker);
  for (int i = 0; i < 100; ++i) run_one_job(client, worker);
  const RouterCounters counters = router.loop().counters();
  EXPECT_EQ(counters.refused, 0u);
  EXPECT_EQ(counters.unreachable + counters.peer_full, 0u);
  EXPECT_GE(counters.received, 202u);
}

TEST(RouterLoopTest, AnAdministrativeQueryIsAnswered) {
  RunningRouter router;
  TestPeer admin = admin_of(router);
  const std::string id = admin.send(Query{Bytes("status"), Bytes()});
  const Reply reply = admin.expect<Reply>();
  EXPECT_EQ(reply.request_id, id);
  EXPECT_THAT(reply.payload.str(), HasSubstr("memory")) << "the store's name is in it";
}

TEST_F(LateStoreRouterTest, WhatACommitIsToCoverWaitsForIt) {
  TestPeer client = client_of(router_);
  TestPeer other = client_of(router_, "other");
  TestPeer worker = worker_of(router_);
  join(worker);

  const std::string guaranteed = client.send(request("guarantee"));
  ASSERT_TRUE(store_.wait_for_submitted(1));
  const std::string plain = client.send(request());
  const std::string of_other = other.send(request());
  other.expect_ack_of(of_other);  // other peers do not wait
  client.expect_ack_of(plain);    // nor do plain jobs
  EXPECT_TRUE(client.receives_nothing_now()) << "the guaranteed job must not be acknowledged before it is durable";
  EXPECT_TRUE(worker.receives_nothing_now()) << "the job must not leave before it is durable";

  store_.commit_everything();
  router_.loop().wake();
  client.expect_ack_of(guaranteed);
  worker.expect<Request>();
  EXPECT_EQ(worker.last_id(), guaranteed);
}

TEST_F(LateStoreRouterTest, WhileTheStoreIsAwayPlainJobsGoOnAndGuaranteedOnesAreRefusedUntilItIsBack) {
  TestPeer client = client_of(router_);
  TestPeer worker = worker_of(router_);
  join(worker);
  const std::string caught = client.send(request("guarantee"));  // accepted, and not yet durable
  ASSERT_TRUE(store_.wait_for_submitted(1));
  store_.become({false, "the disk is full"});
  router_.loop().wake();
  ASSERT_TRUE(router_.log().wait_for("the disk is full"));

  const std::string refused = client.send(request("guarantee"));
  EXPECT_EQ(client.expect<ErrorMessage>().error.code, ErrorCode::kStoreUnavailable);
  worker.send(Ready{});
  const std::string plain = client.send(request("reply-requested"));
  client.expect_ack_of(plain);
  worker.expect<Request>();
  EXPECT_EQ(worker.last_id(), plain) << "though the other job is held for the same worker";
  worker.send(settled(plain, 1));
  EXPECT_EQ(client.expect<Reply>().request_id, plain);

  store_.catch_up();
  store_.become({});
  router_.loop().wake();
  client.expect_ack_of(caught);
  EXPECT_TRUE(router_.log().wait_for("the store is there again"));
  const std::string again = client.send(request("guarantee"), refused);
  client.expect_ack_of(again);
}

// Sends so much that the store does not make durable that the router reads clients no more. Gives the number of
// messages, and of those that the store was sent before.
size_t flood(TestPeer& peer, LateStore& store, const std::string& payload, size_t sent = 0) {
  for (size_t bytes = 0; bytes < limits::kUncommittedBytes; bytes += payload.size()) {
    peer.send(request("guarantee", payload));
    EXPECT_TRUE(store.wait_for_submitted(++sent));
  }
  return sent;
}

TEST_F(LateStoreRouterTest, AStoreThatIsBehindKeepsClientsWaitingAndNobodyElse) {
  TestPeer client = client_of(router_);
  TestPeer worker = worker_of(router_);
  TestPeer admin = admin_of(router_);
  const size_t sent = flood(client, store_, std::string(4 * 1024 * 1024, 'x'));
  const std::string beyond = client.send(request("guarantee"));
  join(worker, 0);
  admin.send(Query{Bytes("status"), Bytes()});
  EXPECT_THAT(admin.expect<Reply>().payload.str(), HasSubstr(R"("memory_bytes")"));
  EXPECT_TRUE(client.receives_nothing_now());
  EXPECT_EQ(router_.loop().counters().received, sent + 2) << "all but the one that is beyond";

  store_.catch_up();
  router_.loop().wake();
  for (size_t i = 0; i < sent; ++i) client.expect<Ack>();
  client.expect_ack_of(beyond);
}

TEST_F(LateStoreRouterTest, AStoreThatIsFurtherBehindKeepsJobManagersWaitingTooAndNotTheOperator) {
  TestPeer client = client_of(router_);
  TestPeer worker = worker_of(router_);
  TestPeer admin = admin_of(router_);
  const std::string payload(4 * 1024 * 1024, 'x');
  const size_t of_client = flood(client, store_, payload);
  const size_t sent = flood(worker, store_, payload, of_client);
  const std::string beyond = worker.send(request("guarantee"));
  admin.send(Query{Bytes("status"), Bytes()});
  EXPECT_THAT(admin.expect<Reply>().payload.str(), HasSubstr(R"("memory_bytes")"));
  EXPECT_TRUE(worker.receives_nothing_now());
  EXPECT_EQ(router_.loop().counters().received, sent + 1) << "all but the one that is beyond";

  store_.catch_up();
  router_.loop().wake();
  for (size_t i = of_client; i < sent; ++i) worker.expect<Ack>();
  worker.expect_ack_of(beyond);
}

TEST_F(LateStoreRouterTest, AStoreThatGoesAwayWhileItIsBehindKeepsNobodyWaiting) {
  TestPeer client = client_of(router_);
  TestPeer other = client_of(router_, "other");
  flood(client, store_, std::string(4 * 1024 * 1024, 'x'));
  const std::string plain = other.send(request());
  store_.become({false, "the disk is full"});
  router_.loop().wake();
  other.expect_ack_of(plain);
}

TEST(RouterLoopTest, AMessageOfTenThousandPartsIsRefusedAndTheSenderServedOn) {
  RunningRouter router;
  RawPeer raw(router.loop().endpoints().frontend);
  ASSERT_TRUE(raw.handshake("raw"));
  for (int part = 0; part < 10'000; ++part) raw.send_frame("part", part + 1 < 10'000);
  TestPeer client = client_of(router);
  TestPeer worker = worker_of(router);
  join(worker);
  run_one_job(client, worker);
  EXPECT_TRUE(router.log().wait_for("refused a message"));
  EXPECT_EQ(router.loop().counters().refused, 1u);
}

TEST(RouterLoopTest, AConnectionThatNeverEndsItsMessageIsCutLoggedAndCounted) {
  RouterSettings settings = loopback_settings();
  settings.sockets.frame_bytes_max = 1024 * 1024;
  RunningRouter router(settings);
  RawPeer raw(router.loop().endpoints().frontend);
  ASSERT_TRUE(raw.handshake("endless"));
  const std::string piece = RawPeer::frame(std::string(100'000, 'x'), true);
  for (size_t sent = 0; sent < 2'000'000'000 && raw.send_bytes(piece); sent += piece.size()) {
  }
  EXPECT_TRUE(raw.closed_by_other_side());
  EXPECT_TRUE(router.log().wait_for("closed the connection of 127.0.0.1:"));
  EXPECT_EQ(router.loop().counters().connections_cut, 1u);
  TestPeer client = client_of(router);
  TestPeer worker = worker_of(router);
  join(worker);
  run_one_job(client, worker);
}

TEST(RouterLoopTest, TwoHundredMegabytesAreDroppedAsTheyComeAndRefused) {
  RunningRouter router;
  TestPeer client = client_of(router);
  TestPeer worker = worker_of(router);
  join(worker);
  RawPeer raw(router.loop().endpoints().frontend);
  ASSERT_TRUE(raw.handshake("greedy"));
  raw.announce_frame(200'000'000);
  run_one_job(client, worker);
  const std::string piece(1'000'000, 'x');
  for (int sent = 0; sent < 200; ++sent) ASSERT_TRUE(raw.send_bytes(piece));
  EXPECT_TRUE(router.log().wait_for("refused a message"));
  EXPECT_EQ(router.loop().counters().connections_cut, 0u);
  run_one_job(client, worker);
}

TEST(RouterLoopTest, AFrameAboveItsLimitIsAnsweredAndTheConnectionGoesOn) {
  RouterSettings settings = loopback_settings();
  settings.sockets.frame_bytes_max = 64 * 1024;
  RunningRouter router(settings);
  TestPeer client = client_of(router);
  client.expect_ack_of(client.send(Inform{PeerKind::kClient, {}, true, parse_capabilities(Bytes("errors")), {}, {}}));
  const std::string large(64 * 1024 + 1, 'x');
  client.send_frames({"", "eMQP/1.0", "REQUEST", "large", "default", "", large});
  const auto error = client.expect<ErrorMessage>();
  EXPECT_EQ(error.offending_id, "large");
  EXPECT_EQ(error.error.code, ErrorCode::kTooLarge);
  EXPECT_EQ(error.error.text, "frame 6 (too large) has 65537 bytes; at most 65536 are taken");
  EXPECT_EQ(router.loop().counters().refused, 1u);
  TestPeer worker = worker_of(router);
  join(worker);
  run_one_job(client, worker);
}

TEST(RouterLoopTest, ASecondPeerWithTheSameRoutingIdIsRefusedAndTheFirstIsUnharmed) {
  RunningRouter router;
  TestPeer client = client_of(router, "twin");
  TestPeer worker = worker_of(router);
  join(worker);
  run_one_job(client, worker);
  TestPeer second = client_of(router, "twin");
  second.send(request("reply-requested"), "of-the-second");
  Frames frames;
  ASSERT_EQ(wait_input(second.socket(), frames), DealerInput::kLost);
  EXPECT_TRUE(second.socket().refused());
  for (int i = 0; i < 20; ++i) run_one_job(client, worker);
  EXPECT_TRUE(router.log().wait_for("its routing id 'twin' is that of a connection of"));
}

TEST(RouterLoopTest, EveryKindOfRubbishIsRefusedAndTheBrokerServesOn) {
  RunningRouter router;
  TestPeer client = client_of(router);
  TestPeer rubbish = client_of(router, "rubbish");
  TestPeer worker = worker_of(router);
  join(worker);
  rubbish.send_frames({""});
  rubbish.send_frames({"", "eMQP/1.0"});
  rubbish.send_frames({"", "eMQP/9.0", "REQUEST", "id", "default", "", "[]"});
  rubbish.send_frames({"", "eMQP/1.0", "NOSUCH", "id"});
  rubbish.send_frames({"", "eMQP/1.0", "REQUEST", "\xff\xfe", "default", "", "[]"});
  rubbish.send_frames({"", "eMQP/1.0", "REQUEST", "id", "default"});
  rubbish.send_frames({"x", "eMQP/1.0", "INFORM", "id", "[[\"x\"", "worker"});
  // Its last message is behind all the others.
  rubbish.send(request("reply-requested"), "good");
  while (!std::holds_alternative<Ack>(rubbish.receive().body)) {
  }
  EXPECT_EQ(router.loop().counters().refused, 7u);
}

TEST(RouterLoopTest, AJobManagerThatIsGivenManyLargeJobsAtOnceHasThemAll) {
  RouterSettings settings = loopback_settings();
  settings.sockets.send_queue_bytes = 1;
  RunningRouter router(settings);
  TestPeer client(router, router.loop().endpoints().frontend, "client");
  const std::string payload = '"' + std::string(8 << 20, 'x') + '"';
  for (int i = 0; i < 6; ++i) client.expect_ack_of(client.send(request("", payload)));
  TestPeer worker(router, router.loop().endpoints().backend, "worker");
  worker.expect_ack_of(worker.send(worker_inform()));
  for (int i = 0; i < 6; ++i) worker.send(Ready{});
  for (int i = 0; i < 6; ++i) EXPECT_EQ(worker.expect<Request>().payload.size(), payload.size());
  EXPECT_EQ(router.loop().counters().peer_full, 0u);
}

TEST(RouterLoopTest, AClientThatNeverReadsBlocksNobody) {
  RouterSettings settings = loopback_settings();
  settings.sockets.send_queue_messages = 20;
  RunningRouter router(settings);
  RawPeer deaf(router.loop().endpoints().frontend);  // sends and never reads
  ASSERT_TRUE(deaf.handshake("deaf"));
  const std::string payload(1000, 'x');
  // Each bad message is answered by an ERROR or an ACK that nobody takes.
  uint64_t sent = 0;
  while (router.loop().counters().peer_full == 0 && sent < 2'000'000) {
    for (int i = 0; i < 500; ++i, ++sent) {
      const std::string id = "deaf-" + std::to_string(sent);
      for (const std::string& frame : {std::string(), std::string("eMQP/1.0"), std::string("REQUEST"), id,
                                       std::string("default"), std::string()}) {
        deaf.send_frame(frame, true);
      }
      deaf.send_frame("[]", false);
    }
  }
  EXPECT_GT(router.loop().counters().peer_full, 0u) << "after " << sent << " messages";
  TestPeer client = client_of(router);
  client.expect_ack_of(client.send(request()));
}

TEST(RouterLoopTest, AFloodFromOneClientDoesNotStarveAnother) {
  RunningRouter router;
  TestPeer flooder = client_of(router, "flooder");
  TestPeer quiet = client_of(router, "quiet");
  TestPeer worker = worker_of(router);
  join(worker);
  // The flooder always has messages waiting at the router, as many as the library takes.
  std::atomic<bool> enough{false};
  std::atomic<uint64_t> flooded{0};
  std::thread flood([&] {
    while (!enough) {
      if (flooder.socket().send(encode(Message{Bytes("beat"), Heartbeat{Bytes("1")}}))) ++flooded;
      Frames frames;  // the broker tells a stranger to go
      (void)flooder.socket().receive(frames);
    }
  });
  while (flooded == 0) std::this_thread::yield();
  for (int i = 0; i < 50; ++i) run_one_job(quiet, worker);
  enough = true;
  flood.join();
}

TEST(RouterLoopTest, JobsGoOnWhenAWorkerVanished) {
  RunningRouter router;
  TestPeer client = client_of(router);
  TestPeer first = worker_of(router, "first");
  join(first);
  first.socket().close(Duration{});
  TestPeer second = worker_of(router, "second");
  join(second, 2);
  // The first has a credit and is the least recently used, so the router tries it first: it learns that nobody is
  // there, or the job is lost on the way. Either way the second gets work.
  const auto since = std::chrono::steady_clock::now();
  bool worked = false;
  while (!worked && !expired(since)) {
    client.expect_ack_of(client.send(request()));
    worked = !second.receives_nothing_now();
  }
  EXPECT_TRUE(worked);
}

TEST(RouterLoopTest, TheFirstTermDrainsAndEnds) {
  SignalCatcher signals({SIGTERM, SIGHUP});
  RunningRouter router(loopback_settings(), nullptr, &signals);
  TestPeer client = client_of(router);
  client.expect_ack_of(client.send(Inform{PeerKind::kClient, {}, true, parse_capabilities(Bytes("errors")), {}, {}}));
  ::kill(::getpid(), SIGTERM);
  EXPECT_TRUE(router.wait_for_end());
  EXPECT_TRUE(router.log().contains("shut down"));
}

TEST(RouterLoopTest, TheSecondTermStopsAtOnce) {
  SignalCatcher signals({SIGTERM});
  RouterSettings settings = loopback_settings();
  settings.live.broker.drain_timeout = seconds(100'000);
  RunningRouter router(settings, nullptr, &signals);
  TestPeer client = client_of(router);
  TestPeer worker = worker_of(router);
  join(worker);
  client.expect_ack_of(client.send(request()));
  worker.expect<Request>();  // a job that never ends
  ::kill(::getpid(), SIGTERM);
  EXPECT_TRUE(router.log().wait_for("shutting down"));
  // Again and again: what comes too soon is an echo of the first.
  for (const auto since = std::chrono::steady_clock::now();
       !router.log().contains("stopping at once") && !expired(since); std::this_thread::yield()) {
    ::kill(::getpid(), SIGTERM);
  }
  EXPECT_TRUE(router.wait_for_end());
  EXPECT_TRUE(router.log().contains("stopping at once"));
}

TEST(RouterLoopTest, HupReadsTheSettingsAgain) {
  SignalCatcher signals({SIGHUP});
  int reads = 0;
  const auto reload = [&reads]() -> Result<std::optional<LiveRouterSettings>> {
    if (++reads == 1) return fail(ErrorCode::kBadValue, "hwm = many is no number");
    LiveRouterSettings live;
    live.broker.jobs_per_queue = 0;
    return live;
  };
  RunningRouter router(loopback_settings(), nullptr, &signals, reload);
  ::kill(::getpid(), SIGHUP);
  EXPECT_TRUE(router.log().wait_for("the settings stay as they are: hwm = many is no number"));
  ::kill(::getpid(), SIGHUP);
  EXPECT_TRUE(router.log().wait_for("settings changed"));
  TestPeer client = client_of(router);
  client.send(request());
  EXPECT_EQ(client.expect<ErrorMessage>().error.code, ErrorCode::kQueueFull);
}

TEST(RouterLoopTest, DisconnectOnTheAdministrativeSocketShutsDown) {
  RunningRouter router;
  TestPeer admin = admin_of(router);
  admin.expect_ack_of(admin.send(Disconnect{}));
  EXPECT_TRUE(router.wait_for_end());
}

TEST(RouterLoopTest, AnotherThreadCanAskForAShutdownAndChangeSettings) {
  RunningRouter router;
  router.loop().change_settings(LiveRouterSettings{});
  EXPECT_TRUE(router.log().wait_for("settings changed"));
  router.loop().request_shutdown();
  EXPECT_TRUE(router.wait_for_end());
}

TEST(RouterLoopTest, AnAddressInUseIsNamedWithItsSetting) {
  RunningRouter router;
  RouterSettings settings = loopback_settings();
  settings.backend_address = router.loop().endpoints().backend;
  RouterParts parts;
  parts.store = std::make_unique<MemoryStore>();
  CollectedLog log;
  parts.log = log.sink();
  RouterLoop second(settings, std::move(parts));
  const Result<void> opened = second.open();
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().text, HasSubstr(settings.backend_address));
  EXPECT_THAT(opened.error().text, HasSubstr("backend_listen_addr"));
}

TEST(RouterLoopTest, ListeningOnLoopbackOrAPathDoesNotWarn) {
  RouterSettings settings = loopback_settings();
  settings.frontend_address = "ipc://@eventmq-test-" + std::to_string(::getpid());
  settings.backend_address = "tcp://localhost:*";
  CollectedLog log;
  RouterParts parts;
  parts.store = std::make_unique<MemoryStore>();
  parts.log = log.sink();
  RouterLoop loop(settings, std::move(parts));
  ASSERT_TRUE(loop.open());
  EXPECT_TRUE(log.contains("listening on " + loop.endpoints().frontend));
  EXPECT_FALSE(log.contains("beyond this machine"));
}

TEST(RouterLoopTest, RefusedMessagesFillNoDisk) {
  RunningRouter router;
  TestPeer rubbish = client_of(router, "rubbish");
  for (int i = 0; i < 5'000; ++i) rubbish.send_frames({"", "eMQP/1.0", "NOSUCH", "id"});
  rubbish.send(request(), "good");
  while (!std::holds_alternative<Ack>(rubbish.receive().body)) {
  }
  EXPECT_EQ(router.loop().counters().refused, 5'000u);
  EXPECT_LT(router.log().size(), 2'000u);
}

TEST(RouterLoopTest, ALogLineCannotBeForgedByARoutingId) {
  RunningRouter router;
  TestPeer worker = worker_of(router, "evil\nshut down");
  worker.send(worker_inform(), "inform");
  EXPECT_TRUE(router.log().wait_for("worker 0x6576696c0a73"));
}

TEST(RouterLoopTest, MessagesAreLoggedWhenTheOperatorAsks) {
  RouterSettings settings = loopback_settings();
  settings.live.log_messages = true;
  RunningRouter router(settings);
  TestPeer client = client_of(router);
  client.send(Heartbeat{Bytes("1")});
  client.expect<Goodbye>();  // a stranger
  client.expect_ack_of(client.send(request(), "the-job"));
  EXPECT_TRUE(router.log().wait_for("from frontend client: REQUEST the-job"));
  EXPECT_TRUE(router.log().contains("to frontend client: ACK"));
  EXPECT_FALSE(router.log().contains("HEARTBEAT"));
}

}  // namespace
}  // namespace eventmq
