// emq verify as a person uses it: before the first router, beside one, after one that was stopped or killed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "src/programs/emq_process.h"

namespace eventmq {
namespace {

using test::EmqProcess;
using test::Ran;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;
using Json = nlohmann::ordered_json;

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

class VerifyTest : public testing::Test {
 protected:
  VerifyTest() {
    environment_["EVENTMQ_DATA_DIR"] = data_dir_;
    environment_["EMQ_BROKER_ADDR"] = environment_["EVENTMQ_FRONTEND_LISTEN_ADDR"];
  }
  Ran emq(const std::vector<std::string>& words) { return test::run_emq(words, environment_); }
  // A router that holds two guaranteed jobs that nobody runs; one before them was cancelled, which is in the file since
  // they were ACKed.
  void start() {
    router_ = std::make_unique<EmqProcess>(std::vector<std::string>{"router"}, environment_);
    ASSERT_TRUE(router_->wait_for("listening on")) << router_->err;
    for (int i = 0; i < 3; ++i) {
      const Ran sent = emq({"send", "some.job", "--guarantee", "--queue", "nobodys"});
      ASSERT_EQ(sent.code, 0) << sent.err;
      if (i > 0) continue;
      ASSERT_EQ(emq({"jobs", "cancel", sent.out.substr(0, sent.out.find('\n'))}).code, 0);
    }
  }
  void stop(int signal) {
    router_->tell(signal);
    router_->wait();
  }
  std::string file() const { return data_dir_ + "/eventmq.db"; }

  test::ScratchFolder folder_;
  const std::string data_dir_ = folder_.file("data");
  std::map<std::string, std::string> environment_ = test::environment_in(folder_);
  std::unique_ptr<EmqProcess> router_;
};

TEST_F(VerifyTest, BeforeTheFirstRouterThereIsNothingToVerify) {
  const Ran ran = emq({"verify"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, AllOf(StartsWith("file     nothing to verify: no router has made " + file() + " yet\n"),
                             HasSubstr("router   none runs at")));
  EXPECT_FALSE(std::filesystem::exists(data_dir_)) << "nothing is made";
  environment_["EVENTMQ_STORE"] = "memory";
  EXPECT_THAT(emq({"verify"}).out, StartsWith("file     nothing to verify: store is memory, which keeps no file\n"));
}

TEST_F(VerifyTest, ARouterThatMustAnswerAndDoesNotIsExitCodeThree) {
  const Ran ran = emq({"verify", "--live"});
  EXPECT_EQ(ran.code, 3);
  EXPECT_THAT(ran.err, HasSubstr("no router answers at"));
}

TEST_F(VerifyTest, BesideARouterBothAreChecked) {
  start();
  const Ran ran = emq({"verify", "--live"});
  EXPECT_EQ(ran.code, 0) << ran.out << ran.err;
  EXPECT_THAT(ran.out, AllOf(StartsWith("file     " + file() + ", version 5, "),
                             HasSubstr("holds    1 queues, 2 jobs, 0 of them running and 0 in the store alone, 0 dead "
                                       "letters, 0 results, and 1 ended ids\n"),
                             HasSubstr("router   running at "), EndsWith("\nsound\n")));
  const Json answer = Json::parse(emq({"verify", "--json", "--quick"}).out);
  EXPECT_EQ(answer["sound"], true);
  EXPECT_EQ(answer["problems"], Json::array());
  EXPECT_EQ(answer["store"]["jobs"], 2);
  EXPECT_EQ(answer["store"]["quick"], true);
  EXPECT_EQ(answer["router"]["answers"], true);
  EXPECT_EQ(answer["router"]["state"], "running");
  stop(SIGTERM);
}

TEST_F(VerifyTest, BesideARouterWithAnotherFileTheyAreNotTakenForOne) {
  const std::string told = "router: the router at " + environment_["EVENTMQ_ADMINISTRATIVE_LISTEN_ADDR"] +
                           " keeps its jobs in another file than ";
  start();
  environment_["EVENTMQ_DATA_DIR"] = folder_.file("elsewhere");
  const Ran none = emq({"verify"});
  EXPECT_EQ(none.code, 1);
  EXPECT_THAT(none.out, HasSubstr(told + folder_.file("elsewhere") + "/eventmq.db"));
  std::filesystem::create_directory(folder_.file("elsewhere"));
  std::filesystem::copy_file(file(), folder_.file("elsewhere") + "/eventmq.db");
  stop(SIGTERM);
  environment_["EVENTMQ_DATA_DIR"] = data_dir_;
  start();  // which is its second life
  environment_["EVENTMQ_DATA_DIR"] = folder_.file("elsewhere");
  const Ran other = emq({"verify"});
  EXPECT_EQ(other.code, 1);
  EXPECT_THAT(other.out, HasSubstr(told));
  stop(SIGTERM);
}

TEST_F(VerifyTest, AfterARouterThatWasStoppedItsFileIsSound) {
  start();
  stop(SIGKILL);
  start();
  router_->tell(SIGTERM);
  router_->wait();
  const Json answer = Json::parse(emq({"verify", "--json"}).out);
  EXPECT_EQ(answer["sound"], true) << answer;
  EXPECT_EQ(answer["store"]["epoch"], 2);
  EXPECT_EQ(answer["store"]["jobs"], 4);
  EXPECT_EQ(answer["router"]["answers"], false);
}

TEST_F(VerifyTest, AfterAKillTheLogIsReadAndLeftAsItIs) {
  start();
  stop(SIGKILL);
  const std::string database = bytes_of(file()), log = bytes_of(file() + "-wal");
  ASSERT_FALSE(log.empty());
  const Ran ran = emq({"verify"});
  EXPECT_EQ(ran.code, 0) << ran.out;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("2 jobs"), HasSubstr("router   none runs at"), EndsWith("\nsound\n")));
  EXPECT_EQ(bytes_of(file()), database);
  EXPECT_EQ(bytes_of(file() + "-wal"), log);
  start();  // and the next router takes all of it up
  EXPECT_EQ(Json::parse(emq({"verify", "--json"}).out)["store"]["jobs"], 4);
  stop(SIGTERM);
}

TEST_F(VerifyTest, AProblemIsALineWithItsMendAndExitCodeOne) {
  std::filesystem::create_directory(data_dir_);
  std::ofstream(file()) << std::string(5000, 'Z');
  const Ran ran = emq({"verify"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, EndsWith("1 problem\n  file: " + file() +
                                " is not a file of EventMQ: move it away, or set another data_dir\n"));
  const Ran json = emq({"verify", "--json"});
  EXPECT_EQ(json.code, 1);
  EXPECT_EQ(Json::parse(json.out)["sound"], false);
  EXPECT_EQ(Json::parse(json.out)["problems"][0]["check"], "file");
}

TEST_F(VerifyTest, TheFolderCanBeNamed) {
  std::ofstream(folder_.file("plain")) << "no folder";
  const Ran wrong = emq({"verify", "--data-dir", folder_.file("plain")});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_THAT(wrong.out, HasSubstr("plain is not a folder: set another data_dir\n"));
  const Ran mistyped = emq({"verify", "--data-dir", folder_.file("datta")});
  EXPECT_EQ(mistyped.code, 1) << "a backup that is not there is not sound";
  EXPECT_THAT(mistyped.out, HasSubstr("datta/eventmq.db is not there: --data-dir names the folder that holds it\n"));
  start();
  stop(SIGTERM);
  environment_.erase("EVENTMQ_DATA_DIR");
  environment_["EVENTMQ_STORE"] = "memory";
  EXPECT_THAT(emq({"verify", "--data-dir", data_dir_}).out, HasSubstr("2 jobs"));
}

TEST_F(VerifyTest, WrongUsageIsExitCodeTwo) {
  EXPECT_EQ(emq({"verify", "now"}).code, 2);
  EXPECT_EQ(emq({"verify", "--addr", "localhost"}).code, 2);
  EXPECT_EQ(emq({"verify", "--data-dir"}).code, 2);
}

}  // namespace
}  // namespace eventmq
