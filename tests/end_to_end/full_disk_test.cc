// A router on a small disk of its own, in a name space of its own. Skipped where a user may not make one.
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "src/programs/admin_client.h"
#include "testing/temporary_folder.h"
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
  Process start_manager() {
    Variables variables = variables_;
    variables["EVENTMQ_CONNECT_ADDR"] = backend_;
    variables["EVENTMQ_LOAD"] = kExampleJobs;
    return Process({kEmq, "jobmanager"}, variables, folder_.path());
  }
  Json store_status() {
    AdminClient admin(administrative_, milliseconds(60'000));
    const Result<std::string> answer = admin.query("status", "");
    if (answer) return Json::parse(*answer).at("store");
    ADD_FAILURE() << answer.error().text;
    return Json();
  }
  void make_room() { std::ofstream(folder_.file("room")) << "go\n"; }

  TemporaryFolder folder_;
  static std::string address() { return "tcp://127.0.0.1:" + std::to_string(free_port()); }
  const std::string frontend_ = address(), backend_ = address(), administrative_ = address();
  const Variables variables_ = {{"PATH", "/usr/bin:/bin"},
                                {"HOME", folder_.path()},
                                {"EVENTMQ_CONFIG_FILE", "/dev/null"},
                                {"EVENTMQ_DATA_DIR", "disk/data"},
                                {"EVENTMQ_FRONTEND_LISTEN_ADDR", frontend_},
                                {"EVENTMQ_BACKEND_LISTEN_ADDR", backend_},
                                {"EVENTMQ_ADMINISTRATIVE_LISTEN_ADDR", administrative_}};
};

TEST_F(FullDiskTest, ARouterThatStartsOnItServesPlainJobsAndTakesGuaranteedOnesOnceThereIsRoom) {
  Process router = start(std::string(kEmq) + " router");
  router.wait_for_err("no guaranteed jobs are taken, because the store is not available");
  EXPECT_EQ(store_status()["available"], false);
  Process manager = start_manager();
  ClientOptions options;
  options.address = frontend_;
  Client client(options);
  EXPECT_EQ(client.request("math.add", {2, 3}).get(), 5);
  try {
    client.send("math.add", {2, 3}, {.guarantee = true});
    FAIL() << "there is no store to keep it";
  } catch (const Exception& refused) {
    EXPECT_EQ(refused.code(), ErrorCode::kStoreUnavailable);
  }
  make_room();
  router.wait_for_err("the store is there again");
  EXPECT_EQ(client.request("math.add", {3, 4}, {.guarantee = true}).get(), 7);
  EXPECT_EQ(store_status()["available"], true);
  router.tell(SIGTERM);
  EXPECT_EQ(router.wait(), 0);
}

TEST_F(FullDiskTest, OneThatHasNoStoreStopsWhenItIsToldTo) {
  Process router = start(std::string(kEmq) + " router");
  router.wait_for_err("the store is not available");
  router.tell(SIGTERM);
  EXPECT_EQ(router.wait(), 0);
  make_room();  // whoever waits for it ends
}

}  // namespace
}  // namespace eventmq::end_to_end
