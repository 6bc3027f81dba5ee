// Existing Python clients against our broker: DEALERs that send and never read.
#include "src/runtime/router_loop_test_support.h"
#include "src/transport/raw_peer.h"
#include "tests/compat/player.h"

namespace eventmq::compat {
namespace {

using test::loopback_settings;
using test::RunningRouter;

class ClientTest : public ::testing::Test {
 protected:
  Player frontend_peer(const std::string& name) {
    return {router_.context(), router_.loop().endpoints().frontend, name};
  }
  Player backend_peer(const std::string& name) { return {router_.context(), router_.loop().endpoints().backend, name}; }
  void join_scheduler(Player& scheduler) {
    scheduler.say({"INFORM", "inform-s", "", "scheduler"});
    scheduler.expect_ack_of("inform-s");
  }
  void join_worker(Player& worker, int slots) {
    worker.say({"INFORM", "inform-w", R"([[10, "default"], [10, "heavy"]])", "worker", "settle"});
    EXPECT_EQ(worker.hear("ACK").frames.at(0), "inform-w");
    for (int slot = 0; slot < slots; ++slot) worker.say({"READY", "ready-" + std::to_string(slot)});
  }

  RunningRouter router_{loopback_settings()};
};

TEST_F(ClientTest, WhatItAsksForIsDoneThoughItNeverReads) {
  Player scheduler = frontend_peer("scheduler");
  join_scheduler(scheduler);
  Player worker = backend_peer("worker");
  join_worker(worker, 3);
  Player client = frontend_peer("d1fb2a77-6e7e-4bd6-9a8c-0f1d8a2d5d11");
  const auto lines = recorded("A client");
  for (const auto& line : lines) {
    if (line.from_peer) client.say(line.frames);
  }
  for (const auto& line : lines) {
    const Heard said = heard_from(line.frames);
    if (!line.from_peer || said.command == "PUBLISH") continue;
    Player& receiver = said.command == "REQUEST" ? worker : scheduler;
    const Heard heard = receiver.hear(said.command);
    EXPECT_EQ(heard.id, said.id);
    Texts expected = said.frames;
    if (said.command == "REQUEST") expected.push_back("1");  // the attempt, to a worker that settles
    EXPECT_EQ(heard.frames, expected) << "as it was recorded";
  }
}

TEST_F(ClientTest, EachAskingIsAnsweredForThoseWhoRead) {
  Player scheduler = frontend_peer("scheduler");
  join_scheduler(scheduler);
  Player client = frontend_peer("client");
  for (const auto& line : recorded("A client")) {
    if (!line.from_peer) continue;
    client.say(line.frames);
    const Heard said = heard_from(line.frames);
    if (said.command == "PUBLISH") {
      const Heard error = client.hear("ERROR");
      EXPECT_EQ(error.frames.at(0), "unknown-command");
      EXPECT_EQ(error.frames.at(2), said.id);
    } else {
      client.expect_ack_of(said.id);
    }
  }
}

TEST_F(ClientTest, AScheduleWithoutASchedulerIsRefused) {
  Player client = frontend_peer("client");
  for (const auto& line : recorded("A client")) {
    const Heard said = heard_from(line.frames);
    if (!line.from_peer || !said.command.ends_with("SCHEDULE")) continue;
    client.say(line.frames);
    const Heard error = client.hear("ERROR");
    EXPECT_EQ(error.frames.at(0), "no-scheduler");
    EXPECT_EQ(error.frames.at(2), said.id);
  }
}

TEST_F(ClientTest, TheOldestPeersLeaveTheCronFrameOut) {
  Player scheduler = frontend_peer("scheduler");
  join_scheduler(scheduler);
  Player client = frontend_peer("client");
  client.say({"SCHEDULE", "old", "q", "guarantee", "5", R"(["run", {"callable": "add"}])"});
  EXPECT_EQ(scheduler.hear("SCHEDULE").frames.size(), 4u);
}

// 20,000 ACKs for a peer that takes none of them from its connection.
TEST_F(ClientTest, OneThatNeverReadsBlocksNobody) {
  constexpr int kJobs = 20'000;
  test::RawPeer deaf(router_.loop().endpoints().frontend);
  ASSERT_TRUE(deaf.handshake("deaf"));
  for (int job = 0; job < kJobs; ++job) {
    const std::string id = "deaf-" + std::to_string(job);
    for (const char* frame : {"", "eMQP/1.0", "REQUEST", id.c_str(), "default", ""}) deaf.send_frame(frame, true);
    deaf.send_frame("[]", false);
  }
  Player client = frontend_peer("client");
  client.say({"REQUEST", "one", "default", "", "[]"});
  client.expect_ack_of("one");
  Player admin(router_.context(), router_.loop().endpoints().administrative, "admin");
  int accepted = 0;
  for (int question = 0; accepted < kJobs + 1; ++question) {
    admin.say({"QUERY", "question-" + std::to_string(question), "status", ""});
    accepted = Json::parse(admin.hear("REPLY").frames.at(0))["totals"]["accepted"];
  }
  EXPECT_EQ(accepted, kJobs + 1);
}

}  // namespace
}  // namespace eventmq::compat
