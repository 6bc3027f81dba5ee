// Results that are fetched after the end, from this router or the next.
#include <nlohmann/json.hpp>

#include "tests/end_to_end/system.h"

namespace eventmq::end_to_end {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

class ResultsTest : public SystemTest {
 protected:
  Json shown(const std::string& id) {
    const Ran ran = emq({"jobs", "show", id, "--json"});
    return ran.code == 0 ? Json::parse(ran.out) : Json();
  }

  Client client_{client_options()};
};

TEST_F(ResultsTest, AGuaranteedJobsResultSurvivesARouterThatIsKilledAfterItsReply) {
  start_manager("m");
  const Json value =
      client_.request("text.upper", {"größe: \"5\""}, {.guarantee = true, .result_ttl = 1h, .id = "good"}).get();
  auto failed =
      client_.try_request("test.fail", {file("runs")}, {.guarantee = true, .result_ttl = 1h, .id = "bad"}).get();
  ASSERT_FALSE(failed);
  router_.kill();
  router_.start();
  ASSERT_TRUE(router_.wait_for_workers(1));
  EXPECT_EQ(shown("good").at("value"), value);
  EXPECT_EQ(shown("good").at("outcome"), "ok");
  const Json bad = shown("bad");
  EXPECT_EQ(bad.at("outcome"), "error");
  EXPECT_EQ(bad.at("attempts"), 1);
  EXPECT_EQ(bad.at("history").size(), 1u);
  EXPECT_FALSE(bad.at("failure").at("message").get<std::string>().empty());
  const Ran text = emq({"jobs", "show", "good"});
  EXPECT_THAT(text.out, HasSubstr("GR"));
  EXPECT_THAT(text.out, HasSubstr("kept until"));
  EXPECT_EQ(client_.result("good").value, value);
  EXPECT_EQ(client_.result("bad").failure->outcome, "error");
  EXPECT_EQ(emq({"verify", "--data-dir", router_.data_dir()}).code, 0);
  EXPECT_EQ(emq({"jobs", "delete", "good"}).out, "deleted 1\n");
  EXPECT_EQ(emq({"jobs", "show", "good"}).code, 1);
  EXPECT_EQ(emq({"jobs", "retry", "bad"}).out, "retried 1\n") << "it is a dead letter";
  ASSERT_TRUE(router_.wait_for_total("dead", 2));
  EXPECT_EQ(emq({"jobs", "retry", "good"}).code, 1);
}

TEST_F(ResultsTest, ADelayedJobIsRunNowOrRemoved) {
  start_manager("m");
  client_.send("math.add", {2, 3}, {.guarantee = true, .delay = 1h, .result_ttl = 1h, .id = "sum"});
  auto unwanted = client_.try_request("math.add", {2, 3}, {.delay = 1h, .id = "unwanted"});
  ASSERT_TRUE(client_.flush(60s));
  EXPECT_EQ(emq({"jobs", "retry", "sum"}).out, "retried 1\n");
  ASSERT_TRUE(router_.wait_for_total("done", 1));
  EXPECT_EQ(client_.result("sum").value, 5);
  EXPECT_EQ(emq({"jobs", "delete", "unwanted"}).out, "deleted 1\n");
  EXPECT_FALSE(unwanted.get());
  EXPECT_EQ(emq({"jobs", "delete", "unwanted"}).code, 1);
}

TEST_F(ResultsTest, APlainJobsResultEndsWithItsRouter) {
  start_manager("m");
  const Ran sent = emq({"send", "math.add", "2", "3", "--result-ttl", "1h", "--wait", "--json"});
  const std::string id = Json::parse(sent.out).at("id");
  EXPECT_EQ(shown(id).at("value"), 5);
  router_.kill();
  router_.start();
  EXPECT_EQ(emq({"jobs", "show", id}).code, 1);
  EXPECT_EQ(client_.result(id).state, JobStatus::State::kUnknown);
}

}  // namespace
}  // namespace eventmq::end_to_end
