// Two job managers with weights 20 and 10 on one queue, 4 slots each: who gets the job.
#include <future>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/end_to_end/system.h"

namespace eventmq::end_to_end {
namespace {

class WeightsTest : public SystemTest {
 protected:
  WeightsTest() {
    start_manager("heavy", {{"QUEUES", R"([[20, "default"]])"}});
    start_manager("light", {{"QUEUES", R"([[10, "default"]])"}});
  }
  int processed(const std::string& name) const { return router_.worker(name).at("processed"); }

  Client client_{client_options()};
};

TEST_F(WeightsTest, WithOneJobAtATimeTheHeavyOneGetsThemAll) {
  for (int job = 0; job < 300; ++job) client_.request("test.append", {file("runs")}).get();
  EXPECT_EQ(processed("heavy"), 300);
  EXPECT_EQ(processed("light"), 0);
  for (const JobRun& run : runs_of(file("runs"))) ASSERT_EQ(run.manager, manager("heavy").pid());
}

TEST_F(WeightsTest, TheLightOneGetsAJobOnlyWhileTheHeavyOneHasNoFreeSlot) {
  Gate first(file("first")), others(file("others"));
  std::vector<std::future<Json>> results;
  const auto send_next = [&](const Gate& gate) {
    results.push_back(client_.request("test.wait_at_gate", {file("runs"), gate.path()}));
    return wait_for_runs(file("runs"), results.size()).back().manager;
  };
  EXPECT_EQ(send_next(first), manager("heavy").pid());
  for (int slot = 1; slot < 4; ++slot) EXPECT_EQ(send_next(others), manager("heavy").pid()) << slot;
  for (int slot = 0; slot < 3; ++slot) EXPECT_EQ(send_next(others), manager("light").pid()) << slot;
  first.open();
  results.front().get();
  EXPECT_EQ(send_next(others), manager("heavy").pid()) << "a slot of the heavy one is free again";
  EXPECT_EQ(send_next(others), manager("light").pid()) << "its last slot";
  auto waiting = client_.request("math.add", {2, 3});
  ASSERT_TRUE(router_.wait_for_total("waiting", 1));
  others.open();
  EXPECT_EQ(waiting.get(), 5);
  for (size_t job = 1; job < results.size(); ++job) results[job].get();
}

TEST_F(WeightsTest, TenThousandJobsRunOnceEachAndBothWork) {
  constexpr int kJobs = 10'000;
  std::vector<std::future<std::string>> sent;
  for (int job = 0; job < kJobs; ++job) sent.push_back(client_.send_async("test.append", {file("runs")}));
  std::set<std::string> ids;
  for (auto& each : sent) ids.insert(each.get());
  ASSERT_EQ(ids.size(), static_cast<size_t>(kJobs));
  ASSERT_TRUE(router_.wait_for_total("done", kJobs));

  std::set<std::string> ran;
  std::map<pid_t, int> by_manager;
  for (const JobRun& run : runs_of(file("runs"))) {
    EXPECT_TRUE(ran.insert(run.id).second) << run.id << " ran twice";
    EXPECT_EQ(run.attempt, 1);
    ++by_manager[run.manager];
  }
  EXPECT_EQ(ran, ids);
  EXPECT_EQ(by_manager[manager("heavy").pid()], processed("heavy"));
  EXPECT_EQ(by_manager[manager("light").pid()], processed("light"));
  EXPECT_EQ(processed("heavy") + processed("light"), kJobs);
  EXPECT_GT(processed("heavy"), kJobs / 10);
  EXPECT_GT(processed("light"), kJobs / 100);
  expect_conservation(router_.query("status"));
  ::testing::Test::RecordProperty("heavy", processed("heavy"));
  ::testing::Test::RecordProperty("light", processed("light"));
}

}  // namespace
}  // namespace eventmq::end_to_end
