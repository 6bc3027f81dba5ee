// What worker processes may do wrong at their start and in what they say, and what is loaded into them.
#include <gmock/gmock.h>

#include <filesystem>

#include "src/executor/executor.h"
#include "src/executor/testing/executor_harness.h"

namespace eventmq {
namespace {

using ::testing::HasSubstr;

using ExecutorHookTest = ExecutorHarness;

// --- Hooks, plug-ins ---

TEST_F(ExecutorHookTest, HooksRunAroundJobs) {
  ExecutorSettings settings = usual_settings();
  settings.hooks = {"set_up", "enter", "leave"};
  start(settings);
  EXPECT_EQ(value_of(run("hooks")), Json::array({true, 1, 0}));
  EXPECT_EQ(value_of(run("throw")), "no luck");
  EXPECT_EQ(value_of(run("hooks")), Json::array({true, 3, 2}));
}

TEST_F(ExecutorHookTest, FailingEntryHookFailsTheJobAndFailingExitHookIsLogged) {
  ExecutorSettings settings = usual_settings();
  settings.hooks = {"", "enter_badly", ""};
  start(settings);
  EXPECT_EQ(value_of(run("add", "[1, 2]")), "the entry function failed: not today");
  settings.hooks = {"", "", "leave_badly"};
  start(settings);
  EXPECT_EQ(value_of(run("add", "[1, 2]")), 3);
  EXPECT_THAT(log_, HasSubstr("the exit function failed: std::runtime_error: door stuck"));
}

TEST_F(ExecutorHookTest, PluginAddsItsJobs) {
  ExecutorSettings settings = usual_settings();
  settings.command.push_back(std::string(EVENTMQ_BINARY_DIR) + "/libexecutor_test_plugin.so");
  start(settings);
  EXPECT_EQ(value_of(run("plugin.double", "[21]")), 42);
  EXPECT_THAT(log_, HasSubstr("plugin.double"));
}

// --- Processes that cannot start ---

class ExecutorStartTest : public ExecutorHarness {
 protected:
  // The final error of an executor that can start no process.
  std::string final_error(ExecutorSettings settings) {
    start(std::move(settings));
    step_until([&] {
      pass(seconds(1));  // through the waits between the attempts
      return !failures_.empty();
    });
    EXPECT_FALSE(executor_->ready());
    return failures_.empty() ? "" : failures_.front().text;
  }
};

TEST_F(ExecutorStartTest, SetupThatCanNeverSucceedIsAFinalError) {
  ExecutorSettings settings = usual_settings();
  settings.hooks.setup = "set_up_badly";
  EXPECT_THAT(final_error(settings), HasSubstr("the setup function failed: std::runtime_error: no database"));
  EXPECT_THAT(log_, HasSubstr("the next one is started in 0.1 s"));
  EXPECT_THAT(log_, HasSubstr("the next one is started in 0.8 s"));
  EXPECT_EQ(failures_.size(), 1u);
}

TEST_F(ExecutorStartTest, UnknownHookIsAFinalError) {
  ExecutorSettings settings = usual_settings();
  settings.hooks.entry = "no_such_hook";
  EXPECT_THAT(final_error(settings), HasSubstr(R"(no entry hook is named "no_such_hook")"));
}

TEST_F(ExecutorStartTest, CommandThatCannotBeRunIsAFinalError) {
  ExecutorSettings settings = usual_settings();
  settings.command = {"/no/such/program"};
  EXPECT_THAT(final_error(settings), HasSubstr("cannot run /no/such/program: No such file or directory"));
}

TEST_F(ExecutorStartTest, PluginThatCannotBeLoadedIsAFinalError) {
  ExecutorSettings settings = usual_settings();
  settings.command.push_back("/no/such/libjobs.so");
  EXPECT_THAT(final_error(settings), HasSubstr("cannot load /no/such/libjobs.so"));
}

TEST_F(ExecutorStartTest, APluginThatIsNotThereIsToldWithTheFolderWhereItWasLookedFor) {
  ExecutorSettings settings = usual_settings();
  settings.command.push_back("no/such/libjobs.so");
  EXPECT_THAT(final_error(settings), HasSubstr("(looked for in " + std::filesystem::current_path().string() + ")"));
}

TEST_F(ExecutorStartTest, APluginThatIsOnlyANameIsLookedForAmongTheSystemsLibrariesToo) {
  ExecutorSettings settings = usual_settings();
  settings.command.push_back("libnosuchjobs.so");
  EXPECT_THAT(final_error(settings), HasSubstr(" and among the system's libraries)"));
}

TEST_F(ExecutorStartTest, WhatNoOtherProcessCouldDoBetterIsTriedAndToldOnce) {
  ExecutorSettings settings = usual_settings();
  settings.processes = 4;
  settings.command.push_back("/no/such/libjobs.so");
  start(settings);
  step_until([&] { return !failures_.empty(); });  // without a moment's wait between attempts
  EXPECT_THAT(failures_.at(0).text, HasSubstr("no worker process can be started: cannot load /no/such/libjobs.so"));
  stop();
  EXPECT_EQ(failures_.size(), 1u);
  EXPECT_EQ(log_, "");
}

TEST_F(ExecutorStartTest, SlotsThatFailAlikeAreToldOnceATry) {
  ExecutorSettings settings = usual_settings();
  settings.processes = 4;
  settings.command = {"/bin/sh", "-c", "exit 9"};
  EXPECT_THAT(final_error(settings), HasSubstr("tried 5 times, last: worker process"));
  EXPECT_LE(std::ranges::count(log_, '\n'), 4) << log_;
}

TEST_F(ExecutorStartTest, WorkersThatKnowNoJobAreWarnedOf) {
  start_script(R"(read hello <&3; echo '{"type":"ready","protocol":1,"names":[]}' >&3; read stop <&3)");
  step_until([&] { return executor_->ready(); });
  EXPECT_THAT(log_, HasSubstr("every job will end as unknown-job; name a plug-in that has jobs with --load"));
}

TEST_F(ExecutorStartTest, WorkersThatFindOutWhenAskedAreNotWarnedOf) {
  start_script(R"(read hello <&3; echo '{"type":"ready","protocol":1}' >&3; read stop <&3)");
  step_until([&] { return executor_->ready(); });
  EXPECT_EQ(log_, "");
}

TEST_F(ExecutorStartTest, OtherVersionOfTheProtocolIsAFinalError) {
  ExecutorSettings settings = usual_settings();
  settings.command = {"/bin/sh", "-c", R"(echo '{"type":"ready","protocol":2}' >&3; read line <&3; read line <&3)"};
  EXPECT_THAT(final_error(settings), HasSubstr("it speaks version 2 of the worker protocol"));
}

TEST_F(ExecutorStartTest, ProcessThatIsNeverReadyIsAFailedStart) {
  start_script("read hello <&3; read never <&3");
  pass(seconds(120));
  step_until([&] { return log_.find("was not ready within 120 s") != std::string::npos; });
}

TEST_F(ExecutorStartTest, WhetherAnyServesAndAStartFailedIsKnown) {
  ExecutorSettings settings = usual_settings();
  settings.max_job_count = 1;
  start(settings);
  EXPECT_FALSE(executor_->serves());
  step_until([&] { return executor_->serves(); });
  EXPECT_EQ(outcome_of(run("no.such")), Outcome::kUnknownJob);
  EXPECT_FALSE(executor_->serves()) << "it is being replaced";
  EXPECT_FALSE(executor_->start_failed());
  step_until([&] { return executor_->serves(); });
  const std::string id = run("for_ever");
  first_report_of(id);
  EXPECT_TRUE(executor_->serves()) << "busy";
}

TEST_F(ExecutorStartTest, WhatHasNotBegunIsHandedBackAndWorkGoesOn) {
  start_script("exit 9");
  step_until([&] { return executor_->start_failed(); });
  EXPECT_FALSE(executor_->serves());
  const std::string id = run("add", "[1, 2]");
  executor_->hand_back_waiting();
  EXPECT_EQ(outcome_of(id), Outcome::kReturned);
  EXPECT_THAT(value_of(id).get<std::string>(), HasSubstr("no worker process could be started"));
  executor_->restart(usual_settings(), now());
  step_until([&] { return executor_->serves(); });
  EXPECT_EQ(value_of(run("add", "[1, 2]")), 3);
}

// --- Forked children that return from the function they were forked in ---

using ExecutorForkTest = ExecutorHarness;

TEST_F(ExecutorForkTest, ChildThatReturnsOrThrowsAnswersNothing) {
  start();
  const Json process = value_of(run("process"));
  EXPECT_EQ(value_of(run("fork")), process);
  EXPECT_EQ(value_of(run("fork_and_throw")), process);
  EXPECT_EQ(value_of(run("process")), process);
}

TEST_F(ExecutorForkTest, ChildThatReturnsFromAHookRunsNoJob) {
  ExecutorSettings settings = usual_settings();
  settings.hooks.entry = "enter_with_fork";
  start(settings);
  const Json process = value_of(run("process"));
  EXPECT_EQ(value_of(run("process")), process);
}

// --- Workers that break the protocol; the one of a job is replaced and the job ends as error ---

class ExecutorProtocolTest : public ExecutorHarness {
 protected:
  void SetUp() override { start(); }
  void expect_error(const std::string& id, const std::string& type, const std::string& text) {
    EXPECT_EQ(outcome_of(id), Outcome::kError);
    EXPECT_EQ(error_of(id)["type"], type);
    EXPECT_THAT(value_of(id).get<std::string>(), HasSubstr(text));
    EXPECT_EQ(value_of(run("add", "[1, 2]")), 3);
  }
  std::string write(const std::string& text) { return run("write_to_channel", Json::array({text}).dump()); }
};

TEST_F(ExecutorProtocolTest, LineThatIsNotJsonIsRefused) { expect_error(write("NaN\n"), "bad-result", "not JSON"); }
TEST_F(ExecutorProtocolTest, LineThatIsNotUtf8IsRefused) {
  const std::string id = run("echo", "[1]");
  end_of(id);
  start_script(
      R"(read hello <&3; echo '{"type":"ready","protocol":1}' >&3; read job <&3; printf '"\377"\n' >&3; read x <&3)");
  EXPECT_EQ(error_of(run_message(R"(["run", {"callable": "any"}])"))["type"], "bad-result");
}
TEST_F(ExecutorProtocolTest, UnknownTypeIsRefused) {
  expect_error(write("{\"type\":\"x\"}\n"), "bad-result", "\"type\"");
}
TEST_F(ExecutorProtocolTest, ResultOfAnotherJobIsRefused) {
  expect_error(write(R"({"type":"result","id":"other","outcome":"ok","value":1})"
                     "\n"),
               "bad-result", "not given");
}
TEST_F(ExecutorProtocolTest, LineOverTheLimitIsRefused) {
  expect_error(run("flood_channel"), "result-too-large", "more than");
}
TEST_F(ExecutorProtocolTest, ClosedChannelEndsTheJob) {
  const std::string id = run("close_channel");
  step_until([&] { return executor_->running_jobs() == 1; });
  step_until([&] {
    pass(milliseconds(500));
    return settled_.contains(id);
  });
  expect_error(id, "bad-result", "closed its channel");
}

TEST_F(ExecutorProtocolTest, AProcessThatHasClosedItsChannelIsGivenNoJob) {
  start_script(R"(
    read hello <&3; echo '{"type":"ready","protocol":1}' >&3; read job <&3
    case "$job" in
      *job-1*) echo '{"type":"result","id":"job-1","outcome":"ok","value":1}' >&3; exec 3>&-; sleep 600 ;;
      *) echo '{"type":"result","id":"job-2","outcome":"ok","value":2}' >&3; read x <&3 ;;
    esac)");
  const std::string first = run("any");
  EXPECT_EQ(value_of(first), 1);
  step_until([&] { return !executor_->serves(); });
  const std::string second = run("any");
  step_until([&] {
    pass(milliseconds(500));
    return settled_.contains(second);
  });
  EXPECT_EQ(value_of(second), 2) << "of the process that came in its place";
}

}  // namespace
}  // namespace eventmq
