// Jobs that end without success, for good: what is kept of them, and that they can be run again.
#include <nlohmann/json.hpp>

#include "tests/end_to_end/system.h"

namespace eventmq::end_to_end {
namespace {

using ::testing::HasSubstr;

class DeadLettersTest : public SystemTest {
 protected:
  DeadLettersTest() : SystemTest({{"RETRY_BACKOFF", "0.01"}}) {}
  Json dead_list(std::vector<std::string> filters = {}) {
    std::vector<std::string> words = {"dead", "list", "--json"};
    words.insert(words.end(), filters.begin(), filters.end());
    const Ran ran = emq(words);
    EXPECT_EQ(ran.code, 0) << ran.err;
    return Json::parse(ran.out).at("dead");
  }
  std::string send(const std::string& name, const Json& args, const std::string& id) {
    return client_.send(name, args, {.guarantee = true, .id = id});
  }

  Client client_{client_options()};
};

TEST_F(DeadLettersTest, WhatFailedOrCrashedForGoodIsKeptAcrossARestartAndCanBeRunAgain) {
  start_manager("m", {{"CONCURRENT_JOBS", "2"}});
  client_.send("test.fail", {file("runs")}, {.retry_count = 2, .guarantee = true, .id = "failing"});
  send("crash.segv", Json::array(), "poison");
  for (int i = 0; i < 20; ++i) send("test.append", {file("others")}, "other-" + std::to_string(i));
  ASSERT_TRUE(router_.wait_for_total("dead", 2));
  ASSERT_TRUE(router_.wait_for_total("done", 20)) << "others run on unharmed";
  EXPECT_EQ(runs_of(file("runs")).size(), 3u);

  router_.kill();
  router_.start();
  ASSERT_TRUE(router_.wait_for_workers(1));
  EXPECT_EQ(dead_list().size(), 2u);
  ASSERT_EQ(dead_list({"--cause", "killed"}).size(), 1u);
  EXPECT_EQ(dead_list({"--name", "test.fail", "--newer-than", "1h"}).size(), 1u);
  EXPECT_EQ(dead_list({"--older-than", "1h"}).size(), 0u);
  const Json poison = Json::parse(emq({"dead", "show", "poison", "--json"}).out);
  EXPECT_EQ(poison.at("cause"), "killed");
  EXPECT_EQ(poison.at("losses"), 5);
  EXPECT_THAT(poison.at("error").get<std::string>(), HasSubstr("SIGSEGV"));
  ASSERT_EQ(poison.at("history").size(), 5u);
  EXPECT_EQ(poison.at("history").at(4).at("worker"), "m");
  const Ran shown = emq({"dead", "show", "failing"});
  EXPECT_THAT(shown.out, HasSubstr("OUTCOME"));
  EXPECT_THAT(shown.out, HasSubstr("test.fail"));

  EXPECT_EQ(emq({"dead", "retry", "failing"}).out, "retried 1\n");
  ASSERT_TRUE(router_.wait_for_total("dead", 3)) << "it has as many attempts as at first";
  EXPECT_EQ(runs_of(file("runs")).size(), 6u);
  EXPECT_EQ(emq({"dead", "delete"}).code, 2) << "of what?";
  EXPECT_EQ(emq({"dead", "delete", "--cause", "killed"}).out, "deleted 1\n");
  EXPECT_EQ(emq({"dead", "show", "poison"}).code, 1);
  EXPECT_EQ(dead_list().size(), 1u);
  EXPECT_EQ(emq({"dead", "delete", "--all"}).out, "deleted 1\n");
  EXPECT_EQ(emq({"dead", "list"}).out, "no dead letters\n");
  EXPECT_EQ(emq({"verify", "--data-dir", router_.data_dir()}).code, 0);
  expect_conservation(router_.query("status"));
}

}  // namespace
}  // namespace eventmq::end_to_end
