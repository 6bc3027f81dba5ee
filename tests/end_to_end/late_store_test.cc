// The router starts while its store cannot be opened.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/end_to_end/system.h"

namespace eventmq::end_to_end {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class LateStoreTest : public SystemTest {
 protected:
  // Kills the router and takes its file away; the next one finds the log alone.
  void restart_without_file() {
    router_.kill();
    std::filesystem::rename(database(), file("elsewhere"));
    router_.start();
    router_.process().wait_for_err("no guaranteed jobs are taken");
  }
  void put_back() {
    std::filesystem::rename(file("elsewhere"), database());
    router_.process().wait_for_err("the store is there again");
  }
  std::string database() const { return router_.data_dir() + "/eventmq.db"; }

  Client client_{client_options()};
};

TEST_F(LateStoreTest, PlainJobsGoOnAndWhatWasAcceptedRunsOnceItIsThere) {
  for (int job = 0; job < 50; ++job) client_.send("test.append", {file("runs")}, {.guarantee = true});
  std::future<Json> asked = client_.request("math.add", {20, 22}, {.guarantee = true});
  ASSERT_TRUE(router_.wait_for_total("waiting", 51));
  restart_without_file();
  start_manager("m");
  EXPECT_EQ(client_.request("math.add", {2, 3}).get(), 5);
  EXPECT_EQ(client_.try_send("math.add", {2, 3}, {.guarantee = true}).error().code, ErrorCode::kStoreUnavailable);
  const Json store = router_.query("status").at("store");
  EXPECT_EQ(store.at("available"), false);
  EXPECT_THAT(store.at("fault").get<std::string>(), HasSubstr("put the file back"));
  const Ran status = emq({"status"});
  EXPECT_THAT(status.out, HasSubstr("put the file back"));
  EXPECT_EQ(emq({"dead", "list"}).code, 1);
  const Ran listed = emq({"jobs", "list"});
  EXPECT_EQ(listed.code, 1);
  EXPECT_THAT(listed.out, Not(HasSubstr("no jobs")));
  EXPECT_THAT(listed.err, HasSubstr("the jobs in the store are not listed"));
  EXPECT_THAT(emq({"queues"}).out, HasSubstr("the jobs in the store are not counted"));
  EXPECT_THAT(emq({"jobs", "cancel", "--all"}).err, HasSubstr("the store cannot be asked"));
  EXPECT_THAT(emq({"jobs", "cancel", "12345"}).err, HasSubstr("the store cannot be asked"));
  EXPECT_EQ(asked.wait_for(std::chrono::seconds(0)), std::future_status::timeout) << "it was accepted, so it goes on";

  put_back();
  EXPECT_EQ(asked.get(), 42);
  EXPECT_EQ(wait_for_runs(file("runs"), 50).size(), 50u);
  ASSERT_TRUE(router_.wait_for_total("done", 52));
  expect_conservation(router_.query("status"));
  EXPECT_EQ(router_.query("status").at("store").at("available"), true);
  EXPECT_EQ(client_.request("math.add", {3, 4}, {.guarantee = true}).get(), 7);
  EXPECT_EQ(emq({"verify", "--live", "--data-dir", router_.data_dir()}).code, 0);
}

TEST_F(LateStoreTest, AJobThatAWorkerStillRunsIsNotRunTwice) {
  start_manager("m", {{"CONCURRENT_JOBS", "2"}});
  Gate gate(file("gate"));
  std::future<Json> asked = client_.request("test.wait_at_gate", {file("runs"), gate.path()}, {.guarantee = true});
  wait_for_runs(file("runs"), 1);
  restart_without_file();
  ASSERT_TRUE(router_.wait_until(
      "the job manager is back", [](const Json& view) { return view.at("workers").size() == 1; }, "workers"));
  EXPECT_EQ(client_.request("math.add", {2, 3}).get(), 5);
  put_back();
  ASSERT_TRUE(router_.wait_until("its worker says that it has the job",
                                 [](const Json& status) { return status.at("counters").at("resumed") == 1; }));
  gate.open();
  EXPECT_EQ(asked.get(), 1);
  EXPECT_EQ(runs_of(file("runs")).size(), 1u);
  EXPECT_EQ(client_.request("math.add", {3, 4}).get(), 7);
}

}  // namespace
}  // namespace eventmq::end_to_end
