// What hostile and broken peers send to a real router: each is refused or dropped and counted, the router serves on,
// and its memory stays bounded.
#include <deque>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "src/transport/raw_peer.h"
#include "tests/compat/player.h"
#include "tests/end_to_end/system.h"

namespace eventmq::end_to_end {
namespace {

using compat::Player;
using test::RawPeer;

// What the router's memory may have grown by at most. A sanitizer keeps freed memory for a while.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t kGrowthMax = 1024 * 1024 * 1024;
#else
constexpr size_t kGrowthMax = 64 * 1024 * 1024;
#endif
// For 2,000 visits.
constexpr size_t kTwinGrowthMax = 8 * 1024 * 1024;

class BadInputTest : public SystemTest {
 protected:
  BadInputTest() : SystemTest({{"HEARTBEAT_TIMEOUT", "3600"}}) { start_manager("m", {{"CONCURRENT_JOBS", "1"}}); }
  Player client(const std::string& name) { return {context_, router_.frontend(), name}; }
  // One job goes all the way.
  void expect_service() { EXPECT_EQ(client_.request<int>("math.add", {2, 3}).get(), 5); }
  uint64_t counter(const std::string& name) const { return router_.query("status").at("counters").at(name); }
  // Settings of a router that listens on paths.
  SettingList paths() const {
    return {{"FRONTEND_LISTEN_ADDR", "ipc://" + file("frontend")},
            {"BACKEND_LISTEN_ADDR", "ipc://" + file("backend")},
            {"ADMINISTRATIVE_LISTEN_ADDR", "ipc://" + file("administrative")},
            {"DATA_DIR", file("store-on-paths")}};
  }
  void expect_refusal(Player& peer, const std::string& code) {
    const compat::Heard error = peer.hear("ERROR");
    EXPECT_EQ(error.frames.at(0), code) << ::testing::PrintToString(error.frames);
  }

  ZmqContext context_;
  Client client_{client_options()};
};

TEST_F(BadInputTest, EveryBrokenMessageIsAnsweredByWhatIsWrongWithIt) {
  Player peer = client("rubbish");
  Frames wrong_version;
  for (const char* frame : {"", "eMQP/9.0", "REQUEST", "id", "default", "", "[]"}) wrong_version.push(Bytes(frame));
  peer.say(wrong_version);
  expect_refusal(peer, "unsupported-version");
  peer.say({"NO_SUCH_COMMAND", "id"});
  expect_refusal(peer, "unknown-command");
  peer.say({"REQUEST", "id", "\xff\xfe", "", "[]"});
  expect_refusal(peer, "bad-message");
  peer.say({"REQUEST", "id", "default", "priority:\xff", "[]"});
  expect_refusal(peer, "bad-message");
  peer.say({"REQUEST", "id"});
  expect_refusal(peer, "bad-message");
  peer.say({"REQUEST", "", "default", "", "[]"});
  expect_refusal(peer, "bad-message");
  peer.say({"REQUEST", std::string(129, 'i'), "default", "", "[]"});
  expect_refusal(peer, "too-large");
  peer.say({"INFORM", "id", std::string(100'000, '['), "worker"});
  expect_refusal(peer, "bad-message");
  peer.say({"INFORM", "id"});
  expect_refusal(peer, "bad-message");
  Frames empty;
  empty.push(Bytes());
  peer.say(empty);
  expect_refusal(peer, "bad-message");
  EXPECT_EQ(counter("bad_messages"), 10u);
  expect_service();
}

TEST_F(BadInputTest, AQuestionThatIsAJsonBombIsRefused) {
  Player admin(context_, router_.administrative(), "admin");
  admin.say({"QUERY", "q1", "jobs", std::string(60'000, '[')});
  expect_refusal(admin, "bad-value");
  admin.say({"QUERY", "q2", "jobs", R"({"id":)" + std::string(60'000, '[')});
  expect_refusal(admin, "bad-value");
  expect_service();
}

TEST_F(BadInputTest, AMessageOfTenThousandPartsIsOneBadMessage) {
  const size_t before = resident_bytes(router_.process().pid());
  const RawPeer raw(router_.frontend());
  ASSERT_TRUE(raw.handshake("raw"));
  for (int message = 0; message < 20; ++message) {
    for (int part = 1; part <= 10'000; ++part) raw.send_frame("part", part < 10'000);
  }
  router_.wait_until("all are counted",
                     [](const Json& status) { return status.at("counters").at("bad_messages") == 20; });
  expect_service();
  EXPECT_LT(resident_bytes(router_.process().pid()), before + kGrowthMax);
}

TEST_F(BadInputTest, AMessageWithoutEndIsCutWhateverItIsMadeOf) {
  std::string empty_frames;
  for (int i = 0; i < 32 * 1024; ++i) empty_frames += std::string("\1\0", 2);
  const size_t before = resident_bytes(router_.process().pid());
  for (const std::string& piece : {RawPeer::frame(std::string(1024 * 1024, 'x'), true), empty_frames}) {
    const size_t logged = router_.process().err().size();
    const RawPeer raw(router_.frontend());
    ASSERT_TRUE(raw.handshake("endless"));
    size_t most = 0;
    // For ever, if it is not cut; that happens at a gigabyte or a million frames.
    for (size_t sent = 0; sent < (size_t{2} << 30) && raw.send_bytes(piece); sent += piece.size()) {
      most = std::max(most, resident_bytes(router_.process().pid()));
    }
    EXPECT_TRUE(raw.closed_by_other_side());
    router_.process().wait_for_err(" of one message and not its end", logged);
    EXPECT_LT(most, before + kGrowthMax);
    expect_service();
  }
  EXPECT_LT(resident_bytes(router_.process().pid()), before + kGrowthMax);
}

// A REQUEST whose payload is announced with 200 MB, and nothing of the payload.
void claim_200_megabytes(const RawPeer& peer) {
  for (const char* frame : {"", "eMQP/1.0", "REQUEST", "greedy-job", "default", ""}) peer.send_frame(frame, true);
  peer.announce_frame(200'000'000);
}

TEST_F(BadInputTest, AClaimOfTwoHundredMegabytesTakesNoMemoryAndIsRefusedWhenItHasCome) {
  Router on_paths(variables_, paths());
  const std::string piece(1'000'000, 'x');
  for (Router* router : {&router_, &on_paths}) {
    const size_t before = resident_bytes(router->process().pid());
    int refused = 0;
    for (const std::string& endpoint : {router->frontend(), router->backend(), router->administrative()}) {
      const RawPeer raw(endpoint), silent(endpoint);
      ASSERT_TRUE(raw.handshake("greedy"));
      ASSERT_TRUE(silent.handshake("greedy and silent"));
      claim_200_megabytes(silent);
      claim_200_megabytes(raw);
      for (int sent = 0; sent < 200; ++sent) ASSERT_TRUE(raw.send_bytes(piece));
      ++refused;
      router->wait_until("it is refused",
                         [&](const Json& status) { return status.at("counters").at("bad_messages") == refused; });
      EXPECT_LT(resident_bytes(router->process().pid()), before + kGrowthMax);
    }
  }
  expect_service();
}

TEST_F(BadInputTest, WhoSendsTwoHundredMegabytesIsToldAndServedOn) {
  Player peer = client("greedy");
  peer.say({"REQUEST", "large", "default", "", std::string(200'000'000, 'x')});
  expect_refusal(peer, "too-large");
  peer.say({"REQUEST", "small", "nobodys", "", "[]"});
  peer.expect_ack_of("small");
}

TEST_F(BadInputTest, AClaimBeyondAllLimitsEndsItsConnectionAndIsCounted) {
  const RawPeer raw(router_.frontend());
  ASSERT_TRUE(raw.handshake("greedy"));
  raw.announce_frame(uint64_t{1} << 62);
  EXPECT_TRUE(raw.closed_by_other_side());
  router_.process().wait_for_err("it announced a frame of more than 1024 MiB");
  EXPECT_EQ(counter("connections_cut"), 1u);
  expect_service();
}

TEST_F(BadInputTest, AnHttpClientIsNoPeer) {
  const RawPeer raw(router_.frontend());
  raw.send_bytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + std::string(100, 'x'));
  EXPECT_TRUE(raw.closed_by_other_side());
  expect_service();
}

TEST_F(BadInputTest, OfTwoPeersWithOneRoutingIdTheFirstIsServedAndTheSecondIsRefused) {
  constexpr int kVisits = 2'000;
  Player first = client("twin");
  first.say({"REQUEST", "of-the-first", "nobodys", "", "[]"});
  first.expect_ack_of("of-the-first");
  const size_t before = resident_bytes(router_.process().pid());
  for (int visit = 0; visit < kVisits; ++visit) {
    const RawPeer second(router_.frontend());
    ASSERT_FALSE(second.handshake("twin"));
  }
  for (int job = 0; job < 20; ++job) {
    first.say({"REQUEST", "job-" + std::to_string(job), "nobodys", "", "[]"});
    first.expect_ack_of("job-" + std::to_string(job));
  }
  router_.wait_until("all are counted",
                     [](const Json& status) { return status.at("counters").at("routing_ids_taken") == kVisits; });
  EXPECT_LT(resident_bytes(router_.process().pid()), before + kTwinGrowthMax);
  expect_service();
}

TEST_F(BadInputTest, AConnectionThatDoesNotSpeakZmtpIsClosedAndCounted) {
  const RawPeer browser(router_.frontend());
  browser.send_bytes("GET / HTTP/1.1\r\nHost: router\r\n\r\n");
  router_.wait_until("it was closed",
                     [](const Json& status) { return status.at("counters").at("handshakes_failed") == 1; });
  EXPECT_TRUE(browser.closed_by_other_side());
  expect_service();
}

// emq with a limit of open files that it cannot raise.
std::string emq_with_open_files(int files, const std::string& path) {
  std::ofstream(path) << "#!/bin/sh\nulimit -n " << files << "\nexec '" << kEmq << "' \"$@\"\n";
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  return path;
}

TEST_F(BadInputTest, ManyIdleConnectionsShutNobodyOut) {
  constexpr int kFiles = 256, kIdle = 400;
  Router small(variables_, {}, emq_with_open_files(kFiles, file("emq-with-few-files")));
  const Variables its = {{"EMQ_BROKER_ADDR", small.frontend()}, {"EMQ_ADMIN_ADDR", small.administrative()}};
  const auto manager = spawn_manager("its", {{"CONNECT_ADDR", small.backend()}});
  small.wait_for_workers(1);
  std::deque<RawPeer> idle;
  for (int i = 0; i < kIdle; ++i) {
    idle.emplace_back(i % 2 == 0 ? small.frontend() : small.backend());
    ASSERT_TRUE(idle.back().handshake("idle-" + std::to_string(i)));
  }
  EXPECT_EQ(emq({"send", "math.add", "2", "3"}, its).code, 0);
  const Ran status = emq({"status"}, its);
  EXPECT_EQ(status.code, 0) << status.err;
  const int possible = kFiles - static_cast<int>(limits::kReservedFiles);
  small.wait_until("those beyond the limit are cut",
                   [&](const Json& view) { return view.at("counters").at("connections_shed") >= kIdle - possible; });
  EXPECT_TRUE(idle.front().closed_by_other_side());
  EXPECT_EQ(small.query("workers").at("workers").size(), 1u) << "who has spoken stays";
  EXPECT_NE(small.process().err().find("never sent a message"), std::string::npos);
}

TEST_F(BadInputTest, MoreConnectionsOnAPathThanFilesDoNotEndTheRouter) {
  Router small(variables_, paths(), emq_with_open_files(256, file("emq-with-few-files")));
  std::deque<RawPeer> idle;
  for (int i = 0; i < 1'000; ++i) idle.emplace_back(small.frontend());
  small.wait_until("some are cut", [](const Json& view) { return view.at("counters").at("connections_shed") > 0; });
  idle.clear();
  const Variables its = {{"EMQ_BROKER_ADDR", small.frontend()}, {"EMQ_ADMIN_ADDR", small.administrative()}};
  EXPECT_EQ(emq({"send", "math.add", "2", "3"}, its).code, 0);
}

TEST_F(BadInputTest, AJobManagerThatMayNotOpenTheFilesOfItsProcessesSaysSo) {
  const std::string program = emq_with_open_files(1024, file("emq-with-few-files"));
  const auto run_with = [&](const std::string& processes) {
    return run({program, "jobmanager", "-J", processes, "--load", file("nothing.so")}, variables_);
  };
  const Ran refused = run_with("345");
  EXPECT_EQ(refused.code, 1);
  EXPECT_EQ(refused.err,
            "emq: 345 worker processes need 1075 open files, and this program may open 1024: raise its limit "
            "(`ulimit -n`, or LimitNOFILE of its service), or set concurrent_jobs to at most 328\n");
  EXPECT_THAT(run_with("328").err, ::testing::HasSubstr("cannot load " + file("nothing.so")));
}

TEST_F(BadInputTest, ASecondJobManagerWithOneNameIsToldSoAndCountedAtTheRouter) {
  const auto second = spawn_manager("m", {{"RECONNECT_TIMEOUT", "4"}});
  second->wait_for_err(
      "refused the connection; perhaps another job manager named m is connected: give each a name of its own");
  router_.process().wait_for_err("its routing id 'm' is that of a connection of 127.0.0.1:");
  router_.wait_until("it is counted",
                     [](const Json& status) { return status.at("counters").at("routing_ids_taken") >= 1; });
  expect_service();
}

TEST_F(BadInputTest, AMillionReadysOfOneWorkerTakeNoMemory) {
  constexpr int kReadys = 1'000'000;
  const auto short_frame = [](std::string_view text, bool more) {
    return std::string(1, more ? '\1' : '\0') + static_cast<char>(text.size()) + std::string(text);
  };
  const auto message = [&](std::initializer_list<std::string_view> frames) {
    std::string bytes = short_frame("", true) + short_frame("eMQP/1.0", true);
    for (const std::string_view& frame : frames) bytes += short_frame(frame, &frame + 1 != frames.end());
    return bytes;
  };
  const RawPeer worker(router_.backend());
  ASSERT_TRUE(worker.handshake("eager"));
  worker.send_bytes(message({"INFORM", "i", R"([[1, "eager"]])", "worker", "settle"}));
  router_.wait_until(
      "it is there", [](const Json& view) { return view.at("workers").size() == 2; }, "workers");
  const size_t before = resident_bytes(router_.process().pid());
  std::string batch;
  for (int ready = 0; ready < 1'000; ++ready) batch += message({"READY", "r"});
  for (int sent = 0; sent < kReadys; sent += 1'000) worker.send_bytes(batch);
  router_.wait_until("all were read",
                     [](const Json& status) { return status.at("counters").at("excess_ready") == kReadys - 10'000; });
  EXPECT_EQ(router_.worker("eager").at("slots_free"), 10'000);
  EXPECT_LT(resident_bytes(router_.process().pid()), before + kGrowthMax);
  expect_service();
}

}  // namespace
}  // namespace eventmq::end_to_end
