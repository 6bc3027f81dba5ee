// emq up, with jobs from plug-ins.
#include <filesystem>
#include <fstream>

#include "testing/temporary_folder.h"
#include "tests/end_to_end/system.h"

namespace eventmq::end_to_end {
namespace {

class UpTest : public ::testing::Test {
 protected:
  void expect_jobs_of_two_plug_ins(std::vector<std::string> flags) {
    flags.insert(flags.begin(), {kEmq, "up", "-J", "1"});
    Process up(flags, variables_);
    EXPECT_TRUE(wait_until("emq up is ready", [&] { return up.out().find("| ready; ") != std::string::npos; }))
        << up.out() << up.err();
    EXPECT_EQ(run({kEmq, "send", "math.add", "2", "3", "--wait"}, variables_).out, "5\n") << up.out();
    EXPECT_EQ(run({kEmq, "send", "test.text", "3", "--wait"}, variables_).code, 0) << up.out();
    up.tell(SIGTERM);
    EXPECT_EQ(up.wait(), 0) << up.out();
  }

  TemporaryFolder folder_;
  Variables variables_ = {{"PATH", "/usr/bin:/bin"},
                          {"HOME", folder_.path()},
                          {"EVENTMQ_CONFIG_FILE", "/dev/null"},
                          {"EVENTMQ_FRONTEND_LISTEN_ADDR", "ipc://" + folder_.file("f")},
                          {"EVENTMQ_BACKEND_LISTEN_ADDR", "ipc://" + folder_.file("b")},
                          {"EVENTMQ_ADMINISTRATIVE_LISTEN_ADDR", "ipc://" + folder_.file("a")}};
};

TEST_F(UpTest, LoadsSeveralPlugInsHoweverTheyAreNamed) {
  const std::string with_blank = folder_.file("with a blank.so");
  std::filesystem::copy_file(kTestJobs, with_blank);
  expect_jobs_of_two_plug_ins({"--load", kExampleJobs, kTestJobs});
  expect_jobs_of_two_plug_ins({"--load", kExampleJobs, "--load", with_blank});
  expect_jobs_of_two_plug_ins({"--load=" + std::string(kExampleJobs) + ",'" + with_blank + "'"});
}

TEST_F(UpTest, ListensInAFolderWithBlanks) {
  const std::string folder = folder_.file("a blank and ü");
  std::filesystem::create_directory(folder);
  for (const char* socket : {"FRONTEND", "BACKEND", "ADMINISTRATIVE"}) {
    variables_["EVENTMQ_" + std::string(socket) + "_LISTEN_ADDR"] = "ipc://" + folder + "/" + socket;
  }
  expect_jobs_of_two_plug_ins({"--load", kExampleJobs, kTestJobs});
  variables_["EVENTMQ_CONNECT_ADDR"] = "\"ipc://" + folder + "/BACKEND\"";
  expect_jobs_of_two_plug_ins({"--load", kExampleJobs, kTestJobs});
}

TEST_F(UpTest, WarnsOfHeartbeatsThatDoNotSuitEachOther) {
  const auto warning_with = [this](const std::string& settings) {
    std::ofstream(folder_.file("conf")) << settings;
    variables_["EVENTMQ_CONFIG_FILE"] = folder_.file("conf");
    Process up({kEmq, "up", "-J", "1"}, variables_);
    EXPECT_TRUE(wait_until("emq up is ready", [&] { return up.out().find("| ready; ") != std::string::npos; }));
    up.tell(SIGTERM);
    EXPECT_EQ(up.wait(), 0) << up.out();
    return up.err();
  };
  EXPECT_EQ(warning_with("[global]\nheartbeat_interval = 0.5\nheartbeat_timeout = 1\n"), "");
  EXPECT_EQ(warning_with("[global]\ndisable_heartbeats = yes\n"), "");
  EXPECT_EQ(warning_with("[router]\nheartbeat_interval = 0.5\nheartbeat_timeout = 1\n"),
            "emq: warning: the router takes a job manager after 1 s of silence for gone, and a job manager sends a "
            "heartbeat every 3 s: put the heartbeat settings into [global], where both find them\n");
  EXPECT_THAT(warning_with("[jobmanager]\ndisable_heartbeats = yes\n"),
              ::testing::HasSubstr("and a job manager sends none"));
  EXPECT_THAT(
      warning_with("[router]\ndisable_heartbeats = yes\n"),
      ::testing::HasSubstr("a job manager takes the router after 15 s of silence for gone, and the router sends none"));
}

}  // namespace
}  // namespace eventmq::end_to_end
