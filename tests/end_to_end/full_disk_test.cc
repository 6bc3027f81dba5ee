// A router on a small disk of its own, in a name space of its own. Skipped where a user may not make one.
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/end_to_end/system.h"

namespace eventmq::end_to_end {
namespace {

using ::testing::HasSubstr;

class FullDiskTest : public ::testing::Test {
 protected:
  FullDiskTest() {
    std::filesystem::create_directory(folder_.file("disk"));
    ::mkfifo(folder_.file("room").c_str(), 0600);
  }
  void SetUp() override {
    if (run({"/usr/bin/unshare", "--user", "--map-root-user", "--mount", "/bin/true"}, variables_).code == 0) return;
    GTEST_SKIP() << "needs the right to make a name space";
  }
  // What it prints goes through the shell that fills the disk, and that makes room when the pipe is written to.
  Process start(const std::string& program) {
    const std::string script =
        "mount -t tmpfs -o size=2m tmpfs disk && { cp /dev/zero disk/fill 2>/dev/null; "
        "{ read line <room; rm disk/fill; } >/dev/null 2>&1 & exec " +
        program + "; }";
    return Process({"/usr/bin/unshare", "--user", "--map-root-user", "--mount", "/bin/sh", "-c", script}, variables_,
                   folder_.path());
  }
  void make_room() { std::ofstream(folder_.file("room")) << "go\n"; }

  Folder folder_;
  const std::string frontend_ = "tcp://127.0.0.1:" + std::to_string(free_port());
  const Variables variables_ = {
      {"PATH", "/usr/bin:/bin"},
      {"HOME", folder_.path()},
      {"EVENTMQ_CONFIG_FILE", "/dev/null"},
      {"EVENTMQ_DATA_DIR", "disk/data"},
      {"EVENTMQ_FRONTEND_LISTEN_ADDR", frontend_},
      {"EVENTMQ_BACKEND_LISTEN_ADDR", "tcp://127.0.0.1:" + std::to_string(free_port())},
      {"EVENTMQ_ADMINISTRATIVE_LISTEN_ADDR", "tcp://127.0.0.1:" + std::to_string(free_port())}};
};

TEST_F(FullDiskTest, ARouterThatStartsOnItWaitsUntilThereIsRoom) {
  Process router = start(std::string(kEmq) + " router");
  router.wait_for_err("serves nothing meanwhile");
  make_room();
  router.wait_for_err("listening on " + frontend_);
  ClientOptions options;
  options.address = frontend_;
  Client client(options);
  client.send("math.add", {2, 3}, {.guarantee = true});
  EXPECT_TRUE(client.flush(std::chrono::seconds(60)));
  router.tell(SIGTERM);
  EXPECT_EQ(router.wait(), 0);
}

TEST_F(FullDiskTest, OneThatWaitsForRoomStopsWhenItIsToldTo) {
  Process router = start(std::string(kEmq) + " router");
  router.wait_for_err("serves nothing meanwhile");
  router.tell(SIGTERM);
  EXPECT_EQ(router.wait(), 0);
  make_room();  // whoever waits for it ends
}

}  // namespace
}  // namespace eventmq::end_to_end
