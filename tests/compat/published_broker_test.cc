// Our job manager and client against a broker that knows the published protocol only: it answers INFORM by a plain ACK,
// and its REQUEST has three frames.
#include <signal.h>

#include <map>

#include "tests/compat/player.h"
#include "tests/end_to_end/process.h"

namespace eventmq::compat {
namespace {

using end_to_end::Process;
using end_to_end::Variables;

class PublishedBrokerTest : public ::testing::Test {
 protected:
  Variables variables(const Variables& more = {}) {
    Variables all = {{"PATH", "/usr/bin:/bin"}, {"EVENTMQ_CONFIG_FILE", "/dev/null"}};
    all.insert(more.begin(), more.end());
    return all;
  }
  Process start_manager(const std::string& heartbeat_interval = "3") {
    return Process({EVENTMQ_BINARY_DIR "/emq", "jobmanager", "--load", EVENTMQ_BINARY_DIR "/libpython_jobs.so"},
                   variables({{"EVENTMQ_CONNECT_ADDR", broker_.endpoint()},
                              {"EVENTMQ_CONCURRENT_JOBS", "2"},
                              {"EVENTMQ_HEARTBEAT_INTERVAL", heartbeat_interval}}));
  }
  void welcome(int slots) {
    const Heard inform = broker_.hear("INFORM");
    ASSERT_GE(inform.frames.size(), 2u);
    EXPECT_EQ(Json::parse(inform.frames[0]), Json::parse(R"([[10, "default"]])")) << "the recorded form";
    EXPECT_EQ(inform.frames[1], "worker");
    broker_.acknowledge(inform);
    for (int slot = 0; slot < slots; ++slot) EXPECT_EQ(broker_.hear("READY").frames, Texts{});
  }
  Process send(std::vector<std::string> words) {
    words.insert(words.begin(), {EVENTMQ_BINARY_DIR "/emq", "send"});
    return Process(std::move(words), variables({{"EMQ_BROKER_ADDR", broker_.endpoint()}}));
  }

  PublishedBroker broker_;
};

// The other side of the recorded conversation: what the recorder said to their job manager is said to ours, and ours
// must answer what theirs answered. Six REQUESTs for two slots: four wait in it, so it is ready again at the end only.
TEST_F(PublishedBrokerTest, OurJobManagerAnswersAsTheRecordedOneDid) {
  Process manager = start_manager();
  welcome(2);
  std::map<std::string, std::string> theirs, ours;
  for (const auto& line : recorded("A job manager")) {
    const Heard message = heard_from(line.frames);
    if (message.command == "REPLY") theirs[message.frames.at(1)] = message.frames.at(0);
    if (message.command == "REQUEST") broker_.say(line.frames);
  }
  ASSERT_EQ(theirs.size(), 5u);
  for (int ready = 0; ready < 2 || ours.size() < theirs.size();) {
    const Heard heard = broker_.hear();
    if (heard.command == "READY") {
      ++ready;
      continue;
    }
    ASSERT_EQ(heard.command, "REPLY");
    ASSERT_EQ(heard.frames.size(), 2u) << "no attempt and no outcome to who did not ask for them";
    ours[heard.frames[1]] = heard.frames[0];
  }
  ASSERT_EQ(ours.size(), theirs.size()) << "none for the job that wanted none";
  for (const auto& [id, payload] : theirs) {
    ASSERT_TRUE(ours.contains(id)) << payload;
    EXPECT_EQ(Json::parse(ours[id]).at("value"), Json::parse(payload).at("value")) << id;
  }
}

TEST_F(PublishedBrokerTest, OurJobManagerSendsHeartbeatsAndLeavesWithAGoodbye) {
  Process manager = start_manager("0.05");
  welcome(2);
  for (int beats = 0; beats < 3;) beats += broker_.hear_anything().command == "HEARTBEAT" ? 1 : 0;
  manager.tell(SIGTERM);
  Heard last = broker_.hear();
  EXPECT_EQ(last.command, "KBYE") << "DISCONNECT would stop such a broker";
  EXPECT_EQ(manager.wait(), 0) << manager.err();
}

TEST_F(PublishedBrokerTest, OurJobManagerBeginsAnewAfterAGoodbye) {
  Process manager = start_manager();
  welcome(2);
  broker_.say({"KBYE", "goodbye"});
  Heard heard = broker_.hear();
  if (heard.command == "KBYE") heard = broker_.hear();
  EXPECT_EQ(heard.command, "INFORM");
}

TEST_F(PublishedBrokerTest, OurClientHandsInAJobOfThreeFrames) {
  Process client = send({"my_jobs.add", "2", "3", "--queue", "q"});
  broker_.acknowledge(broker_.hear("INFORM"));
  const Heard request = broker_.hear("REQUEST");
  ASSERT_EQ(request.frames.size(), 3u);
  EXPECT_EQ(request.frames[0], "q");
  EXPECT_EQ(request.frames[1], "");
  const Json message = Json::parse(request.frames[2]);
  EXPECT_EQ(message.at(0), "run");
  EXPECT_EQ(message.at(1).at("path"), "my_jobs");
  EXPECT_EQ(message.at(1).at("callable"), "add");
  EXPECT_EQ(message.at(1).at("args"), Json({2, 3}));
  broker_.acknowledge(request);
  EXPECT_EQ(client.wait(), 0) << client.err();
  EXPECT_EQ(client.out(), request.id + "\n");
}

TEST_F(PublishedBrokerTest, OurClientReadsAReplyWithoutAnOutcome) {
  Process client = send({"my_jobs.add", "2", "3", "--wait"});
  broker_.acknowledge(broker_.hear("INFORM"));
  const Heard request = broker_.hear("REQUEST");
  EXPECT_EQ(request.frames.at(1), "reply-requested");
  broker_.acknowledge(request);
  broker_.say({"REPLY", "reply", R"({"value": 5})", request.id});
  EXPECT_EQ(client.wait(), 0) << client.err();
  EXPECT_EQ(client.out(), "5\n");
}

}  // namespace
}  // namespace eventmq::compat
