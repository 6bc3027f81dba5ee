// Existing Python job managers against our broker.
#include <map>

#include "src/runtime/router_loop_test_support.h"
#include "tests/compat/player.h"

namespace eventmq::compat {
namespace {

using test::loopback_settings;
using test::RunningRouter;

constexpr const char* kAdd = R"(["run", {"path": "my_jobs", "callable": "add", "args": [2, 3]}])";

class JobManagerTest : public ::testing::Test {
 protected:
  explicit JobManagerTest(RouterSettings settings = loopback_settings()) : router_(std::move(settings)) {}

  // INFORM as it was recorded, and its ACK as it was recorded.
  void join() {
    const auto lines = recorded("A job manager");
    manager_.say(lines.at(0).frames);
    const Heard ack = manager_.hear("ACK");
    EXPECT_EQ(ack.frames, heard_from(lines.at(1).frames).frames) << "one frame: no capabilities to who announced none";
  }
  void ready() { manager_.say({"READY", "ready-" + std::to_string(++readies_)}); }
  // Hands in a job; it has been accepted.
  void hand_in(const std::string& id, const std::string& headers, const std::string& payload = kAdd) {
    client_.say({"REQUEST", id, "default", headers, payload});
    client_.expect_ack_of(id);
  }
  void expect_request(const std::string& id, const std::string& headers, const std::string& payload = kAdd) {
    const Heard request = manager_.hear("REQUEST");
    EXPECT_EQ(request.id, id);
    EXPECT_EQ(request.frames, (Texts{"default", headers, payload})) << "exactly these, and nothing after the message";
  }
  void reply(const std::string& id, const std::string& payload) { manager_.say({"REPLY", "reply-" + id, payload, id}); }
  void expect_result(const std::string& id, const std::string& payload, const std::string& outcome) {
    EXPECT_EQ(client_.hear("REPLY").frames, (Texts{payload, id, outcome}));
  }

  RunningRouter router_;
  Player client_{router_.context(), router_.loop().endpoints().frontend, "client"};
  Player manager_{router_.context(), router_.loop().endpoints().backend, "ba5e2a5c-58a2-4a79-b3e4-6b8a3c2ff000"};
  int readies_ = 0;
};

// Plays the recorded conversation from its first to its last line. The recorder's REQUESTs are jobs that a client hands
// in here under the same ids; a recorded REPLY is said once its REQUEST has come. Answers of the recorder that are no
// part of what a manager needs (heartbeats) are not expected.
class RecordedManager : public JobManagerTest {
 protected:
  void play() {
    const auto lines = recorded("A job manager");
    for (const testing::TranscriptLine& line : lines) {
      const Heard message = heard_from(line.frames);
      if (line.from_peer) {
        say(message, line.frames);
      } else if (message.command == "ACK") {
        EXPECT_EQ(manager_.hear("ACK").frames, message.frames);
      } else if (message.command == "REQUEST") {
        hand_in(message.id, message.frames.at(1), message.frames.at(2));
        payloads_[message.id] = message.frames.at(2);
      }
    }
  }
  void say(const Heard& message, const Frames& frames) {
    if (message.command == "REPLY") hear_request(message.frames.at(1));
    manager_.say(frames);
  }
  void hear_request(const std::string& id) {
    while (!heard_.contains(id)) {
      const Heard request = manager_.hear("REQUEST");
      ASSERT_EQ(request.frames.size(), 3u) << "nothing after the message";
      EXPECT_EQ(request.frames.at(0), "default");
      EXPECT_EQ(request.frames.at(2), payloads_[request.id]);
      heard_[request.id] = request.frames.at(1);
      // Recorded without a reply, because it was not asked for one. Our broker always asks.
      if (request.id == kWithoutReply) reply(request.id, R"({"value": 2})");
    }
  }

  static constexpr const char* kWithoutReply = "42b5d4a8-09f7-4c00-9c0f-5773155e6b68";
  std::map<std::string, std::string> payloads_;  // by the job's id
  std::map<std::string, std::string> heard_;     // headers, by the job's id
};

TEST_F(RecordedManager, DoesEveryJobAndItsResultsReachTheClient) {
  play();
  std::map<std::string, Texts> results;
  while (results.size() < 5) {
    const Heard result = client_.hear("REPLY");
    results[result.frames.at(1)] = {result.frames.at(0), result.frames.at(2)};
  }
  EXPECT_EQ(results["8e590ffa-d414-49fd-840c-f81685945570"], (Texts{R"({"value": 5})", "ok"}));
  EXPECT_EQ(results["77060882-30b6-4a52-9a0e-85deb54d719d"], (Texts{R"({"value": "no"})", "ok"}));
  EXPECT_EQ(results["199866e6-82fd-47d9-ae27-38130f0e6353"], (Texts{R"({"value": "HELLO YOU"})", "ok"}));
  EXPECT_EQ(results["783c0f4c-688e-431e-848e-5170ab2c41c6"], (Texts{R"({"value": 8})", "ok"}));
  EXPECT_EQ(results["61065c98-3208-4ff2-91e6-3eb7e0d1a09a"], (Texts{R"({"value": "TimeoutError"})", "timeout"}));
  EXPECT_EQ(results.count(kWithoutReply), 0u) << "the client did not ask";

  EXPECT_EQ(heard_["61065c98-3208-4ff2-91e6-3eb7e0d1a09a"], "reply-requested,timeout:1");
  EXPECT_EQ(heard_["783c0f4c-688e-431e-848e-5170ab2c41c6"], "reply-requested") << "published headers only";
  EXPECT_EQ(heard_[kWithoutReply], "reply-requested") << "added, to see the job's end";
  EXPECT_FALSE(router_.log().contains("refused"));
}

TEST_F(JobManagerTest, OnlyPublishedHeadersAreForwarded) {
  join();
  ready();
  hand_in("job", "priority:7,guarantee,unique:k,expires:60,timeout:1.5,retry-count:2,my-timeout:9,trace:a,backoff:1");
  expect_request("job", "reply-requested,guarantee,retry-count:2,timeout:2");
}

TEST_F(JobManagerTest, EachReadyIsOneJobAndNoMore) {
  join();
  for (const char* id : {"a", "b", "c"}) hand_in(id, "");
  EXPECT_TRUE(manager_.hears_nothing_now());
  ready();
  expect_request("a", "reply-requested");
  reply("a", R"({"value": 1})");
  client_.say({"REQUEST", "fence", "nobodys", "", kAdd});  // what the REPLY would cause has happened before this ACK
  client_.expect_ack_of("fence");
  EXPECT_TRUE(manager_.hears_nothing_now()) << "REPLY alone frees no slot";
  ready();
  expect_request("b", "reply-requested");
}

TEST_F(JobManagerTest, ATimeoutIsRetriedUnderAnIdOfItsOwnAndALateReplyRefused) {
  join();
  ready();
  hand_in("job", "reply-requested,timeout:1,retry-count:1,backoff:0");
  expect_request("job", "reply-requested,retry-count:1,timeout:1");
  reply("job", R"({"value": "TimeoutError"})");
  ready();
  expect_request("job~2", "reply-requested,retry-count:1,timeout:1");
  reply("job", R"({"value": "of the first attempt"})");
  reply("job~2", R"({"value": "of the second"})");
  expect_result("job", R"({"value": "of the second"})", "ok");
}

TEST_F(JobManagerTest, WhatItRunsWhenItSaysGoodbyeIsStillTaken) {
  join();
  ready();
  ready();
  hand_in("job", "reply-requested");
  expect_request("job", "reply-requested");
  manager_.say({"KBYE", "goodbye"});
  reply("job", R"({"value": 5})");
  expect_result("job", R"({"value": 5})", "ok");
  hand_in("next", "reply-requested");
  EXPECT_TRUE(manager_.hears_nothing_now()) << "no more jobs for who said goodbye";
}

TEST_F(JobManagerTest, OneThatTheBrokerDoesNotKnowIsToldToBeginAnew) {
  ready();
  EXPECT_EQ(manager_.hear("KBYE").frames, Texts{});
  join();
  ready();
  hand_in("job", "");
  expect_request("job", "reply-requested");
}

TEST_F(JobManagerTest, ThePublishedSpellingOfGoodbyeIsUnderstood) {
  join();
  ready();
  manager_.say({"KBAI", "goodbye"});
  manager_.say({"HEARTBEAT", "beat", "1795354913.9814441"});
  EXPECT_EQ(manager_.hear("KBYE").frames, Texts{}) << "it is a stranger now";
}

class JobManagerHeartbeatTest : public JobManagerTest {
 protected:
  static RouterSettings beating() {
    RouterSettings settings = loopback_settings();
    settings.live.broker.heartbeats_enabled = true;
    settings.live.broker.heartbeat_interval = milliseconds(5);
    settings.live.broker.heartbeat_timeout = seconds(86'400);
    return settings;
  }
  JobManagerHeartbeatTest() : JobManagerTest(beating()) {}
};

TEST_F(JobManagerHeartbeatTest, HeartbeatsComeInTheRecordedForm) {
  join();
  manager_.expect_heartbeats(3);
  manager_.say({"HEARTBEAT", "5acdccf8-faa2-4385-acbf-56495b46bac7", "1795354913.9814441"});
  ready();
  hand_in("job", "");
  expect_request("job", "reply-requested");
}

}  // namespace
}  // namespace eventmq::compat
