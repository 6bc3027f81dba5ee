// A job manager dies, is told to stop, or is told to read its settings again.
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>
#include <nlohmann/json.hpp>

#include "tests/end_to_end/system.h"

namespace eventmq::end_to_end {
namespace {

class ManagerLossTest : public SystemTest {
 protected:
  ManagerLossTest()
      : SystemTest({{"RETRY_BACKOFF", "0.01"}, {"HEARTBEAT_INTERVAL", "1"}, {"HEARTBEAT_TIMEOUT", "3"}}) {}
  std::unique_ptr<Process>& start(const std::string& name) {
    start_manager(name, {{"HEARTBEAT_INTERVAL", "0.5"}});
    return managers_.at(name);
  }
  std::string outcome_of(std::future<Json>& result) {
    try {
      result.get();
      return "ok";
    } catch (const JobFailed& failed) {
      return failed.failure().outcome;
    }
  }

  Client client_{client_options()};
};

// Three classes of job on two managers with four slots each, more jobs than slots; one manager is killed.
TEST_F(ManagerLossTest, WhatHappensToTheJobsOfAKilledOneIsWhatTheirClassPromises) {
  start("a");
  start("b");
  Gate gate(file("gate"));
  struct Sent {
    std::string kind;
    std::future<Json> result;
  };
  std::map<std::string, Sent> sent;
  for (int job = 0; job < 60; ++job) {
    const std::string kind = std::vector<std::string>{"plain", "retried", "guaranteed"}[job % 3];
    const std::string id = kind + "-" + std::to_string(job);
    RequestOptions options;
    options.id = id;
    options.guarantee = kind == "guaranteed";
    options.retry_count = kind == "retried" ? 1 : 0;
    sent[id] = {kind, client_.request("test.wait_at_gate", {file("runs"), gate.path()}, options)};
  }
  std::vector<std::string> casualties;
  for (const JobRun& run : wait_for_runs(file("runs"), 8)) {
    if (run.manager == manager("a").pid()) casualties.push_back(run.id);
  }
  ASSERT_EQ(casualties.size(), 4u);
  std::vector<Stranger> workers;
  for (const pid_t pid : children_of(manager("a").pid())) workers.emplace_back(pid);
  ASSERT_GE(workers.size(), 4u);

  manager("a").kill();
  for (const Stranger& worker : workers) EXPECT_TRUE(worker.wait_gone()) << "process " << worker.pid() << " was left";
  router_.wait_until("four attempts are lost",
                     [](const Json& status) { return status.at("totals").at("attempts_lost") == 4; });
  const auto is_casualty = [&](const std::string& id) {
    return std::count(casualties.begin(), casualties.end(), id) > 0;
  };
  for (const std::string& id : casualties) {
    if (sent[id].kind != "guaranteed") continue;
    const Json job = router_.query("job", {{"id", id}});
    EXPECT_EQ(job.at("retries_used"), 0) << "a lost worker costs a guaranteed job no retry";
    EXPECT_EQ(job.at("losses"), 1);
  }
  gate.open();
  std::map<std::string, std::string> outcomes;
  for (auto& [id, each] : sent) outcomes[id] = outcome_of(each.result);
  std::map<std::string, int> runs;
  for (const JobRun& run : runs_of(file("runs"))) ++runs[run.id];
  for (const auto& [id, each] : sent) {
    const bool hit = is_casualty(id);
    EXPECT_EQ(outcomes[id], hit && each.kind == "plain" ? "lost" : "ok") << id;
    EXPECT_EQ(runs[id], hit && each.kind != "plain" ? 2 : 1) << id;
  }
  expect_conservation(router_.query("status"));
}

// Stopped with SIGSTOP, it is silent like a host that lost its network.
TEST_F(ManagerLossTest, ASilentOneLosesItsJobToAnotherAndItsLateResultIsRefused) {
  start("a");
  Gate first(file("first"));
  auto result = client_.request("test.wait_at_gate", {file("runs"), first.path()}, {.retry_count = 1});
  wait_for_runs(file("runs"), 1);
  manager("a").tell(SIGSTOP);
  router_.wait_until("its attempt is lost",
                     [](const Json& status) { return status.at("totals").at("attempts_lost") == 1; });
  start("b");
  EXPECT_EQ(wait_for_runs(file("runs"), 2).at(1).manager, manager("b").pid());
  manager("a").tell(SIGCONT);
  router_.wait_until(
      "it is back, with its slot busy",
      [](const Json& view) {
        for (const Json& row : view.at("workers")) {
          if (row.at("id") == "a") return row.at("slots_free") == 3;
        }
        return false;
      },
      "workers");
  first.open();
  EXPECT_EQ(result.get(), 2) << "the second attempt's";
  router_.wait_until("the late result is counted",
                     [](const Json& status) { return status.at("counters").at("late_results") == 1; });
  EXPECT_EQ(router_.totals().at("done"), 1);
  EXPECT_EQ(runs_of(file("runs")).size(), 2u);
}

TEST_F(ManagerLossTest, ASilentOneThatComesBackInTimeGoesOnWithItsJob) {
  start("a");
  Gate gate(file("gate"));
  auto result = client_.request("test.wait_at_gate", {file("runs"), gate.path()}, {.guarantee = true});
  wait_for_runs(file("runs"), 1);
  manager("a").tell(SIGSTOP);
  router_.wait_until("its attempt is lost",
                     [](const Json& status) { return status.at("totals").at("attempts_lost") == 1; });
  manager("a").tell(SIGCONT);
  router_.wait_until("it has its job again",
                     [](const Json& status) { return status.at("counters").at("resumed") == 1; });
  gate.open();
  EXPECT_EQ(result.get(), 1);
  EXPECT_EQ(runs_of(file("runs")).size(), 1u) << "it was not run twice";
}

TEST_F(ManagerLossTest, TermFinishesWhatRunsAndTakesNoMore) {
  start("a");
  Gate gate(file("gate"));
  auto running = client_.request("test.wait_at_gate", {file("runs"), gate.path()});
  wait_for_runs(file("runs"), 1);
  manager("a").tell(SIGTERM);
  router_.wait_until(
      "it is leaving",
      [](const Json& view) {
        return view.at("workers").size() == 1 && view.at("workers").at(0).at("state") == "leaving";
      },
      "workers");
  auto next = client_.request<int>("math.add", {2, 3});
  ASSERT_TRUE(router_.wait_for_total("waiting", 1));
  gate.open();
  EXPECT_EQ(running.get(), 1) << "its first attempt, finished";
  EXPECT_EQ(manager("a").wait(), 0) << manager("a").err();
  start("b");
  EXPECT_EQ(next.get(), 5);
  EXPECT_EQ(router_.totals().at("attempts_lost"), 0);
}

TEST_F(ManagerLossTest, TermKillsWhatRunsPastTheGracePeriod) {
  start_manager("a", {{"KILL_GRACE_PERIOD", "0.1"}});
  Gate gate(file("gate"));
  auto running = client_.request("test.wait_at_gate", {file("runs"), gate.path()});
  wait_for_runs(file("runs"), 1);
  manager("a").tell(SIGTERM);
  try {
    running.get();
    ADD_FAILURE() << "it returned";
  } catch (const JobFailed& failed) {
    EXPECT_EQ(failed.failure().outcome, "killed");
    EXPECT_EQ(failed.failure().type, "shutdown");
  }
  EXPECT_EQ(manager("a").wait(), 0) << manager("a").err();
}

// Its one worker process is worn out, and the next one is not ready: the job waits inside the job manager.
TEST_F(ManagerLossTest, TermHandsBackAJobThatHasNotBegun) {
  variables_["TEST_SETUP_GATE"] = file("setup_gate");
  start_manager("a", {{"CONCURRENT_JOBS", "1"}, {"MAX_JOB_COUNT", "1"}, {"SUBPROCESS_SETUP_FUNC", "test.setup"}});
  Gate gate(file("gate"));
  auto first = client_.request("test.wait_at_gate", {file("runs"), gate.path()});
  wait_for_runs(file("runs"), 1);
  Gate setup_gate(file("setup_gate"));
  gate.open();
  EXPECT_EQ(first.get(), 1);
  auto second = client_.request("test.wait_at_gate", {file("runs"), gate.path()}, {.id = "second"});
  ASSERT_TRUE(router_.wait_for_total("running", 1));
  EXPECT_EQ(router_.query("job", {{"id", "second"}}).at("worker"), "a");

  manager("a").tell(SIGTERM);
  ASSERT_TRUE(router_.wait_for_total("waiting", 1));
  setup_gate.open();
  EXPECT_EQ(manager("a").wait(), 0) << manager("a").err();
  start("b");
  EXPECT_EQ(second.get(), 1) << "what never began was no attempt";
  const std::vector<JobRun> runs = runs_of(file("runs"));
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[1].manager, manager("b").pid());
  EXPECT_EQ(router_.totals().at("attempts_lost"), 0);
}

TEST_F(ManagerLossTest, ASecondOneOfTheSameNameSaysSoAndTakesOverWhenTheFirstEnds) {
  const auto manager_of_a_job = [this] {
    const size_t before = runs_of(file("runs")).size();
    client_.request("test.append", {file("runs")}).get();
    return wait_for_runs(file("runs"), before + 1).back().manager;
  };
  start("same");
  const auto second = spawn_manager("same", {{"RECONNECT_TIMEOUT", "0.3"}});
  second->wait_for_err("perhaps another job manager named same is connected: give each a name of its own");
  EXPECT_EQ(manager_of_a_job(), manager("same").pid()) << "the first works on";
  manager("same").tell(SIGTERM);
  EXPECT_EQ(manager("same").wait(), 0) << manager("same").err();
  EXPECT_EQ(manager_of_a_job(), second->pid());
  EXPECT_EQ(router_.totals().at("attempts_lost"), 0);
}

TEST_F(ManagerLossTest, HupReplacesEveryProcessByOneWithTheNewSettings) {
  std::ofstream(file("conf")) << "[jobmanager]\nglobal_timeout = 100\n";
  variables_["TEST_SETUP_FILE"] = file("setup");
  variables_["EVENTMQ_CONFIG_FILE"] = file("conf");
  Process& manager = start_manager("a", {{"CONCURRENT_JOBS", "2"}});
  client_.request("math.add", {2, 3}).get();
  EXPECT_TRUE(lines_of(file("setup")).empty());
  std::ofstream(file("conf")) << "[jobmanager]\nsubprocess_setup_func = test.setup\n";
  manager.tell(SIGHUP);
  wait_until("both processes are new", [&] { return lines_of(file("setup")).size() >= 2; });
  EXPECT_EQ(client_.request<int>("math.add", {2, 3}).get(), 5);

  std::ofstream(file("conf")) << "[jobmanager]\nglobal_timeout = soon\n";
  const size_t before = manager.err().size();
  manager.tell(SIGHUP);
  manager.wait_for_err("global_timeout", before);
  EXPECT_EQ(client_.request<int>("math.add", {2, 3}).get(), 5) << "wrong settings change nothing";
}

TEST_F(ManagerLossTest, HupReplacesTheProcessesOfAPlugInThatWasBuiltAnew) {
  namespace fs = std::filesystem;
  variables_["TEST_SETUP_FILE"] = file("setup");
  fs::copy_file(kTestJobs, file("jobs.so"));
  Process& manager = start_manager("a", {{"CONCURRENT_JOBS", "1"},
                                         {"SUBPROCESS_SETUP_FUNC", "test.setup"},
                                         {"LOAD", file("jobs.so") + "," + kExampleJobs}});
  client_.request("math.add", {2, 3}).get();
  ASSERT_EQ(lines_of(file("setup")).size(), 1u);
  manager.tell(SIGHUP);
  manager.wait_for_err("settings read again: nothing changed");
  EXPECT_EQ(client_.request<int>("math.add", {2, 3}).get(), 5);
  EXPECT_EQ(lines_of(file("setup")).size(), 1u);

  fs::copy_file(kTestJobs, file("new.so"));
  fs::last_write_time(file("new.so"), fs::last_write_time(file("jobs.so")) + std::chrono::hours(1));
  fs::rename(file("new.so"), file("jobs.so"));
  manager.tell(SIGHUP);
  wait_until("the process is new", [&] { return lines_of(file("setup")).size() == 2; });
  EXPECT_THAT(manager.err(), ::testing::HasSubstr("jobs.so was built anew"));
  EXPECT_EQ(client_.request<int>("math.add", {2, 3}).get(), 5);
}

// Its plug-in becomes an empty file and its worker processes die: it cannot run anything until that is mended.
TEST_F(ManagerLossTest, OneWhoseProcessesCannotStartLeavesItsJobsToOthersAndComesBack) {
  namespace fs = std::filesystem;
  fs::copy_file(kTestJobs, file("jobs.so"));
  Process& broken =
      start_manager("a", {{"CONCURRENT_JOBS", "2"}, {"LOAD", file("jobs.so") + "," + std::string(kExampleJobs)}});
  {
    Gate gate(file("gate"));  // both processes have loaded it
    auto one = client_.request("test.wait_at_gate", {file("begun"), gate.path()});
    auto other = client_.request("test.wait_at_gate", {file("begun"), gate.path()});
    wait_for_runs(file("begun"), 2);
    gate.open();
    one.get(), other.get();
  }
  client_.request("test.append", {file("runs")}).get();
  std::ofstream(file("empty.so")).close();
  fs::rename(file("empty.so"), file("jobs.so"));
  for (const pid_t process : children_of(broken.pid())) {
    ASSERT_EQ(::kill(process, SIGKILL), 0);
    broken.wait_for_err("worker process " + std::to_string(process));
  }
  auto first = client_.request("test.append", {file("runs")});
  auto second = client_.request("test.append", {file("runs")}, {.guarantee = true});
  broken.wait_for_err("no worker process can be started: leaving the broker until one is ready");
  ASSERT_TRUE(router_.wait_for_workers(0));
  ASSERT_TRUE(router_.wait_for_total("waiting", 2));
  start("b");
  first.get();
  second.get();
  for (const JobRun& run : runs_of(file("runs"))) {
    EXPECT_EQ(run.attempt, 1) << "what was handed back was no attempt";
  }
  EXPECT_EQ(runs_of(file("runs")).back().manager, manager("b").pid());

  fs::copy_file(kTestJobs, file("good.so"));
  fs::last_write_time(file("good.so"), fs::last_write_time(file("jobs.so")) + std::chrono::hours(1));
  fs::rename(file("good.so"), file("jobs.so"));
  broken.tell(SIGHUP);
  broken.wait_for_err("a worker process is ready again: back to the broker");
  ASSERT_TRUE(router_.wait_for_workers(2));
  manager("b").tell(SIGTERM);
  EXPECT_EQ(manager("b").wait(), 0) << manager("b").err();
  client_.request("test.append", {file("runs")}).get();
  EXPECT_EQ(runs_of(file("runs")).back().manager, broken.pid());
  EXPECT_EQ(router_.totals().at("attempts_lost"), 0);
  expect_conservation(router_.query("status"));
}

TEST_F(ManagerLossTest, APlugInThatIsNotThereIsSaidInASentence) {
  const auto manager = spawn_manager("a", {{"LOAD", file("nothing.so")}});
  EXPECT_EQ(manager->wait(), 1);
  const std::string err = manager->err();
  EXPECT_THAT(err, ::testing::HasSubstr("emq: no worker process can be started: cannot load " + file("nothing.so")));
  EXPECT_EQ(std::count(err.begin(), err.end(), '\n'), 1) << "that and nothing else\n" << err;
}

}  // namespace
}  // namespace eventmq::end_to_end
