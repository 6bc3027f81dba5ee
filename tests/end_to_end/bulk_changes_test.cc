// Many jobs that are listed, cancelled, run now and deleted by what they have in common, most of them in the store
// alone.
#include <nlohmann/json.hpp>

#include "tests/end_to_end/system.h"

namespace eventmq::end_to_end {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

class BulkChangesTest : public SystemTest {
 protected:
  BulkChangesTest() : SystemTest({{"HWM", "100"}}) {}

  void send(int count, const std::string& queue, std::chrono::microseconds delay = 0s) {
    for (int i = 0; i < count; ++i) {
      client_.send("math.add", {i, 1}, {.queue = queue, .guarantee = true, .delay = delay});
    }
    EXPECT_TRUE(client_.flush(60s));
  }
  Json changed(std::vector<std::string> words) {
    words.insert(words.begin(), "jobs");
    words.push_back("--json");
    return Json::parse(emq(words).out);
  }

  Client client_{client_options()};
};

TEST_F(BulkChangesTest, AQueueIsPurgedAndTheOthersJobsRun) {
  send(2'500, "wrong");
  send(300, "default", 1h);
  ASSERT_TRUE(router_.wait_for_total("backlog", 2'600));
  EXPECT_EQ(Json::parse(emq({"jobs", "list", "--limit", "5000", "--json"}).out).at("jobs").size(), 2'800u);
  const Ran page = emq({"jobs", "list", "--queue", "wrong", "--limit", "150"});
  EXPECT_THAT(page.out, HasSubstr("there may be more: --after s"));
  EXPECT_EQ(emq({"jobs", "delete", "--queue", "wrong"}).out, "deleted 2500\n");
  EXPECT_EQ(emq({"jobs", "list", "--queue", "wrong"}).out, "no jobs\n");

  EXPECT_EQ(emq({"jobs", "retry", "--state", "delayed"}).out, "retried 300\n");
  start_manager("m");
  ASSERT_TRUE(router_.wait_for_total("done", 300));
  EXPECT_EQ(emq({"verify", "--data-dir", router_.data_dir()}).code, 0);
  EXPECT_EQ(emq({"verify", "--live", "--data-dir", router_.data_dir()}).code, 0);
}

TEST_F(BulkChangesTest, WhatRunsIsToldToStop) {
  start_manager("m", {{"CONCURRENT_JOBS", "2"}});
  for (int i = 0; i < 150; ++i) client_.send("sleep.seconds", {3600}, {.guarantee = true});
  ASSERT_TRUE(client_.flush(60s));
  ASSERT_TRUE(router_.wait_for_total("running", 2));
  const Json sums = changed({"cancel", "--all"});
  EXPECT_EQ(sums.at("cancelled"), 148);
  EXPECT_EQ(sums.at("asked"), 2);
  ASSERT_TRUE(router_.wait_for_total("cancelled", 150));
  EXPECT_EQ(emq({"jobs", "list"}).out, "no jobs\n");
}

}  // namespace
}  // namespace eventmq::end_to_end
