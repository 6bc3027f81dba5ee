// The original's CLI against our broker.
#include <set>

#include "src/runtime/router_loop_test_support.h"
#include "tests/compat/player.h"

namespace eventmq::compat {
namespace {

using test::loopback_settings;
using test::RunningRouter;

std::set<std::string> names(const Json& object) {
  std::set<std::string> found;
  for (const auto& [name, value] : object.items()) found.insert(name);
  return found;
}

// As the recorder pretended: worker w1 with three free slots that did nine jobs and has one, scheduler s1.
class CliTest : public ::testing::Test {
 protected:
  CliTest() {
    scheduler_.say({"INFORM", "inform", "", "scheduler"});
    scheduler_.expect_ack_of("inform");
    worker_.say({"INFORM", "inform", R"([[10, "default"]])", "worker"});
    worker_.expect_ack_of("inform");
    for (int slot = 0; slot < 4; ++slot) worker_.say({"READY", "ready-" + std::to_string(slot)});
    for (int job = 0; job < 10; ++job) {
      client_.say({"REQUEST", "job-" + std::to_string(job), "default", "reply-requested", "[]"});
      client_.hear("ACK");
      const Heard request = worker_.hear("REQUEST");
      if (job == 9) break;
      worker_.say({"REPLY", "reply", R"({"value": 1})", request.id});
      worker_.say({"READY", "again"});
      client_.hear("REPLY");
    }
  }

  RunningRouter router_{loopback_settings()};
  Player scheduler_{router_.context(), router_.loop().endpoints().frontend, "s1"};
  Player client_{router_.context(), router_.loop().endpoints().frontend, "client"};
  Player worker_{router_.context(), router_.loop().endpoints().backend, "w1"};
  Player cli_{router_.context(), router_.loop().endpoints().administrative, "cli"};
};

TEST_F(CliTest, TheRecordedConversationIsHeld) {
  std::string asked;
  for (const auto& line : recorded("The CLI")) {
    const Heard message = heard_from(line.frames);
    if (line.from_peer) {
      cli_.say(line.frames);
      asked = message.id;
      continue;
    }
    const Heard answer = cli_.hear(message.command);
    if (message.command == "ACK") {
      EXPECT_EQ(answer.frames, Texts{asked});
      continue;
    }
    ASSERT_EQ(answer.frames.size(), 1u) << "the JSON alone, as it was recorded";
    Json ours = Json::parse(answer.frames.at(0)), theirs = Json::parse(message.frames.at(0));
    EXPECT_EQ(names(ours), names(theirs));
    for (const char* table : {"connected_workers", "connected_schedulers"}) {
      if (!ours.contains(table)) continue;
      for (auto& [id, row] : ours[table].items()) {
        EXPECT_GT(row.at("hb").get<double>(), 1e9) << "unix time";
        row["hb"] = 1.0;
      }
    }
    for (const char* table : {"latency_messages_by_queue", "max_latency_messages_by_queue"}) {
      if (!ours.contains(table)) continue;
      EXPECT_TRUE(ours[table].at("default").is_number_unsigned()) << "milliseconds";
      ours[table]["default"] = 12;
    }
    if (ours.contains("waiting_messages_by_queue")) {
      EXPECT_EQ(ours["waiting_messages_by_queue"], (Json{{"default", 0}}));
      ours["waiting_messages_by_queue"] = Json::object();
    }
    EXPECT_EQ(ours, theirs);
  }
}

TEST_F(CliTest, DisconnectShutsTheBrokerDownAndTellsEveryPeer) {
  cli_.say({"DISCONNECT", "admin:1"});
  cli_.expect_ack_of("admin:1");
  worker_.say({"REPLY", "reply", R"({"value": 1})", "job-9"});
  EXPECT_EQ(client_.hear("REPLY").frames, (Texts{R"({"value": 1})", "job-9", "ok"})) << "what runs is finished";
  while (worker_.hear().command != "KBYE") {
  }
  while (scheduler_.hear().command != "KBYE") {
  }
  EXPECT_TRUE(router_.wait_for_end());
}

TEST_F(CliTest, ItsCommandsBelongToItsSocket) {
  client_.say({"STATUS", "admin:1"});
  const Heard error = client_.hear("ERROR");
  EXPECT_EQ(error.frames.at(0), "forbidden");
  EXPECT_EQ(error.frames.at(2), "admin:1");
}

}  // namespace
}  // namespace eventmq::compat
