// The router dies and comes back, or another one takes its place.
#include <signal.h>

#include <fstream>
#include <future>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "tests/end_to_end/system.h"

namespace eventmq::end_to_end {
namespace {

class RouterLossTest : public SystemTest {
 protected:
  bool is_lost(std::future<Json>& result) {
    try {
      result.get();
      return false;
    } catch (const Exception& failure) {
      return failure.code() == ErrorCode::kJobLost;
    }
  }

  Client client_{client_options()};
};

// The router is stopped when the jobs are sent and dies without having read one of them.
TEST_F(RouterLossTest, SendsWithoutAnAckArriveUnderTheSameIdAtTheNextOne) {
  start_manager("m");
  client_.request("math.add", {2, 3}).get();
  router_.process().tell(SIGSTOP);
  std::vector<std::future<std::string>> sent;
  std::set<std::string> ids;
  for (int job = 0; job < 200; ++job) {
    const std::string id = "job-" + std::to_string(job);
    ids.insert(id);
    sent.push_back(client_.send_async("test.append", {file("runs")}, {.id = id}));
  }
  router_.kill();
  router_.start();
  for (auto& each : sent) EXPECT_TRUE(ids.contains(each.get()));
  ASSERT_TRUE(router_.wait_for_total("done", 200));
  std::set<std::string> ran;
  for (const JobRun& run : runs_of(file("runs"))) EXPECT_TRUE(ran.insert(run.id).second) << run.id << " ran twice";
  EXPECT_EQ(ran, ids);
}

TEST_F(RouterLossTest, InTheMidstOfALoadEveryJobIsAckedAndNoAckedOneRunsTwice) {
  start_manager("m");
  std::promise<void> connection_lost;
  ClientOptions options = client_options();
  options.on_log = [&, told = false](bool warning, const std::string&) mutable {
    if (warning && !std::exchange(told, true)) connection_lost.set_value();
  };
  Client client(options);
  std::vector<std::future<std::string>> sent;
  for (int job = 0; job < 3'000; ++job) {
    sent.push_back(client.send_async("test.append", {file("runs")}, {.id = "job-" + std::to_string(job)}));
  }
  wait_for_runs(file("runs"), 300);
  router_.kill();
  connection_lost.get_future().wait();  // by now it has read every ACK that the router sent
  std::set<std::string> acked;
  for (size_t job = 0; job < sent.size(); ++job) {
    if (sent[job].wait_for(std::chrono::seconds(0)) == std::future_status::ready)
      acked.insert("job-" + std::to_string(job));
  }
  router_.start();
  for (auto& each : sent) each.get();
  router_.wait_until("everything has ended", [](const Json& status) {
    const Json& totals = status.at("totals");
    return totals.at("done") == totals.at("accepted") && status.at("peers").at("workers") == 1;
  });
  std::map<std::string, int> runs;
  for (const JobRun& run : runs_of(file("runs"))) ++runs[run.id];
  for (size_t job = 0; job < sent.size(); ++job) {
    const std::string id = "job-" + std::to_string(job);
    if (acked.contains(id)) {
      EXPECT_LE(runs[id], 1) << id << " had its ACK: at most once";
    } else {
      EXPECT_GE(runs[id], 1) << id << " had no ACK when the router died: sent again";
    }
  }
}

TEST_F(RouterLossTest, BusySlotsStayBusyAndAckedRequestsAreToldThatTheyAreLost) {
  start_manager("m", {{"CONCURRENT_JOBS", "2"}});
  Gate gate(file("gate"));
  std::vector<std::future<Json>> before;
  for (int job = 0; job < 4; ++job) {
    before.push_back(client_.request("test.wait_at_gate", {file("runs"), gate.path()}));
  }
  wait_for_runs(file("runs"), 2);
  ASSERT_TRUE(router_.wait_for_total("waiting", 2));
  router_.kill();
  router_.start();
  for (auto& each : before) EXPECT_TRUE(is_lost(each)) << "the new router's memory is empty";

  router_.wait_until(
      "the job manager is back", [](const Json& view) { return view.at("workers").size() == 1; }, "workers");
  EXPECT_EQ(router_.worker("m").at("slots_free"), 0) << "both still run jobs of before";
  std::vector<std::future<Json>> after;
  for (int job = 0; job < 3; ++job) {
    after.push_back(client_.request("test.wait_at_gate", {file("runs"), gate.path()}));
  }
  ASSERT_TRUE(router_.wait_for_total("waiting", 3));
  EXPECT_EQ(runs_of(file("runs")).size(), 2u) << "no third job beside the two";
  gate.open();
  for (auto& each : after) EXPECT_EQ(each.get(), 1);
  EXPECT_EQ(runs_of(file("runs")).size(), 5u);
  router_.wait_until("both jobs that it never knew have ended",
                     [](const Json& view) { return view.at("counters").at("late_results") == 2; });
  router_.wait_until(
      "both slots are free", [](const Json& view) { return view.at("workers").at(0).at("slots_free") == 2; },
      "workers");
}

TEST_F(RouterLossTest, WithTwoRoutersTheOtherTakesOver) {
  Router other(variables_);
  const std::string both = router_.backend() + "," + other.backend();
  start_manager("m", {{"CONNECT_ADDR", both}});
  ClientOptions options = client_options();
  options.address = router_.frontend() + "," + other.frontend();
  Client client(options);
  EXPECT_EQ(client.request<int>("math.add", {2, 3}).get(), 5);
  EXPECT_EQ(other.totals().at("accepted"), 0);
  router_.kill();
  EXPECT_EQ(client.request<int>("math.add", {40, 2}).get(), 42);
  EXPECT_EQ(other.totals().at("done"), 1);
}

// The job runs, so its ACK left the router before.
TEST_F(RouterLossTest, SendThatWaitsSaysThatTheRouterIsGoneAndGivesUpInTheEnd) {
  start_manager("m");
  Gate gate(file("gate"));
  Process sender({kEmq, "send", "test.wait_at_gate", file("runs"), gate.path(), "--wait", "--outage-timeout", "0.5"},
                 variables_);
  wait_for_runs(file("runs"), 1);
  router_.kill();
  EXPECT_EQ(sender.wait(), 3);
  EXPECT_THAT(sender.err(), ::testing::HasSubstr("lost the connection to the broker at " + router_.frontend()));
  EXPECT_THAT(sender.err(), ::testing::HasSubstr("the broker took the job, but was not reached again"));
}

TEST_F(RouterLossTest, TermLetsWhatRunsEndAndTakesNothingNew) {
  start_manager("m");
  Gate gate(file("gate"));
  auto running = client_.request("test.wait_at_gate", {file("runs"), gate.path()});
  wait_for_runs(file("runs"), 1);
  router_.process().tell(SIGTERM);
  router_.process().wait_for_err("shutting down");
  EXPECT_EQ(client_.try_send("math.add", {2, 3}).error().code, ErrorCode::kShuttingDown);
  gate.open();
  EXPECT_EQ(running.get(), 1);
  EXPECT_EQ(router_.process().wait(), 0) << router_.process().err();
}

TEST_F(RouterLossTest, HupReadsTheSettingsAgain) {
  std::ofstream(file("conf")) << "[router]\nhwm = 2\n";
  router_.kill();
  router_.start({{"CONFIG_FILE", file("conf")}});
  for (int job = 0; job < 2; ++job) client_.send("some.job", {}, {.queue = "nobodys"});
  EXPECT_EQ(client_.try_send("some.job", {}, {.queue = "nobodys"}).error().code, ErrorCode::kQueueFull);
  std::ofstream(file("conf")) << "[router]\nhwm = 3\n";
  size_t before = router_.process().err().size();
  router_.process().tell(SIGHUP);
  router_.process().wait_for_err("settings changed", before);
  EXPECT_TRUE(client_.try_send("some.job", {}, {.queue = "nobodys"}));
  EXPECT_EQ(client_.try_send("some.job", {}, {.queue = "nobodys"}).error().code, ErrorCode::kQueueFull);

  std::ofstream(file("conf")) << "[router]\nhwm = many\n";
  before = router_.process().err().size();
  router_.process().tell(SIGHUP);
  router_.process().wait_for_err("the settings stay as they are", before);
  EXPECT_EQ(router_.totals().at("waiting"), 3);
}

}  // namespace
}  // namespace eventmq::end_to_end
