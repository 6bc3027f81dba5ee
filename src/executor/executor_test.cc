// How jobs end, and what becomes of the processes, with real ones.
#include "src/executor/executor.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>

#include "src/executor/testing/executor_harness.h"
#include "src/wire/limits.h"

namespace eventmq {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ExecutorTest = ExecutorHarness;

// --- Jobs that behave ---

TEST_F(ExecutorTest, ReturnedValueIsTheResult) {
  start();
  const std::string id = run("add", "[2, 3]");
  EXPECT_EQ(outcome_of(id), Outcome::kOk);
  EXPECT_EQ(end_of(id).payload.view(), R"({"value":5})");
  EXPECT_EQ(end_of(id).attempt, 1u);
}

TEST_F(ExecutorTest, NothingReturnedIsTrue) {
  start();
  EXPECT_EQ(value_of(run("nothing")), true);
}

TEST_F(ExecutorTest, ArgumentsBindByPositionNameAndDefault) {
  start();
  EXPECT_EQ(value_of(run("add", "[2]")), 12);
  EXPECT_EQ(value_of(run("add", "[]", R"({"b": 4, "a": 1})")), 5);
  EXPECT_EQ(value_of(run("add", "[7]", R"({"b": 4})")), 11);
}

TEST_F(ExecutorTest, ArgumentsPassUnchanged) {
  start();
  const std::string text = R"({"text":"line\nbreak \"quoted\" ü","numbers":[1,-2.5,18446744073709551615],"none":null})";
  EXPECT_EQ(value_of(run("echo", "[\n" + text + "\r\n]")), Json::parse(text));
}

TEST_F(ExecutorTest, LargeArgumentsAndResultsPass) {
  start();
  const std::string text(8 * 1024 * 1024, 'y');
  EXPECT_EQ(value_of(run("echo", "[\"" + text + "\"]")), text);
}

TEST_F(ExecutorTest, HandlerSeesItsContext) {
  start();
  const std::string id = run_job("context", "[]", "{}", seconds(60));
  const Json expected = {{"id", id}, {"attempt", 1}, {"queue", "default"}, {"name", "context"}, {"has_deadline", true}};
  EXPECT_EQ(value_of(id), expected);
  EXPECT_EQ(value_of(run("context"))["has_deadline"], false);
}

TEST_F(ExecutorTest, LastProgressArrivesBeforeTheResult) {
  start();
  const std::string id = run("report", "[1000]");
  EXPECT_EQ(outcome_of(id), Outcome::kOk);
  EXPECT_EQ(reports_[id].back().fraction, 1.0);
  EXPECT_EQ(reports_[id].back().text.view(), "step 1000");
}

TEST_F(ExecutorTest, ThousandJobsRunOverFourProcesses) {
  ExecutorSettings settings = usual_settings();
  settings.processes = 4;
  start(settings);
  std::vector<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.push_back(run("process"));
  std::set<int> processes;
  for (const std::string& id : ids) processes.insert(value_of(id).get<int>());
  EXPECT_EQ(settled_.size(), 1000u);
  EXPECT_EQ(processes.size(), 4u);
  EXPECT_EQ(executor_->running_jobs() + executor_->waiting_jobs(), 0u);
}

TEST_F(ExecutorTest, WorkerProcessInheritsFourDescriptorsOnly) {
  start();
  EXPECT_EQ(value_of(run("open_descriptors")), 4);
}

// --- Jobs that fail ---

TEST_F(ExecutorTest, ExceptionIsAnError) {
  start();
  const std::string id = run("throw");
  EXPECT_EQ(outcome_of(id), Outcome::kError);
  EXPECT_EQ(value_of(id), "no luck");
  EXPECT_EQ(error_of(id), Json({{"type", "std::runtime_error"}, {"message", "no luck"}, {"details", nullptr}}));
}

TEST_F(ExecutorTest, JobErrorCarriesTypeAndDetails) {
  start();
  const Json expected = {{"type", "payment"}, {"message", "card refused"}, {"details", {{"code", 51}}}};
  EXPECT_EQ(error_of(run("throw_details")), expected);
}

TEST_F(ExecutorTest, ThrownNumberIsAnError) {
  start();
  EXPECT_EQ(error_of(run("throw_number"))["type"], "int");
}

TEST_F(ExecutorTest, ArgumentsThatDoNotFitNameTheParameter) {
  start();
  const auto message = [&](const char* args, const char* kwargs = "{}") {
    const std::string id = run("add", args, kwargs);
    EXPECT_EQ(outcome_of(id), Outcome::kError);
    EXPECT_EQ(error_of(id)["type"], "bad-arguments");
    return error_of(id)["message"].get<std::string>();
  };
  EXPECT_EQ(message(R"(["two"])"), R"(argument 1 ("a") of add must be a whole number, not a string)");
  EXPECT_EQ(message("[1, 2.5]"), R"(argument 2 ("b") of add must be a whole number, not 2.5)");
  EXPECT_THAT(message("[1, 3000000000]"), HasSubstr("must be a whole number from -2147483648 to 2147483647, not"));
  EXPECT_EQ(message("[]"), R"(argument 1 ("a") of add is missing)");
  EXPECT_EQ(message("[1, 2, 3]"), "add takes 2 arguments, 3 were given");
  EXPECT_EQ(message("[1]", R"({"c": 1})"), R"(add has no parameter named "c")");
  EXPECT_EQ(message("[1]", R"({"a": 1})"), R"(argument 1 ("a") of add is given twice, by position and by name)");
}

TEST_F(ExecutorTest, UnknownJobSaysSo) {
  start();
  const std::string id = run("no.such");
  EXPECT_EQ(outcome_of(id), Outcome::kUnknownJob);
  EXPECT_EQ(error_of(id)["type"], "unknown-job");
  EXPECT_EQ(value_of(run("add", "[1]")), 11);
}

TEST_F(ExecutorTest, BadJobMessageEndsAsErrorWithoutAProcess) {
  start();
  const std::string id = run_message("[[[[");
  EXPECT_EQ(outcome_of(id), Outcome::kError);
  EXPECT_EQ(error_of(id)["type"], "bad-message");
}

TEST_F(ExecutorTest, ResultThatIsNotJsonIsAnError) {
  start();
  for (const char* name : {"not_a_number", "not_utf8"}) {
    const std::string id = run(name);
    EXPECT_EQ(outcome_of(id), Outcome::kError) << name;
    EXPECT_EQ(error_of(id)["type"], "bad-result") << name;
  }
  EXPECT_EQ(error_of(run("deep", "[200]"))["type"], "bad-result");
  EXPECT_EQ(outcome_of(run("deep", "[99]")), Outcome::kOk);
  EXPECT_EQ(error_of(run("large", "[34000000]"))["type"], "result-too-large");
}

TEST_F(ExecutorTest, CrashIsKilledWithTheSignalsName) {
  start();
  const std::string crashed = run("crash");
  EXPECT_EQ(outcome_of(crashed), Outcome::kKilled);
  EXPECT_EQ(error_of(crashed)["details"]["signal"], "SIGSEGV");
  EXPECT_THAT(value_of(crashed).get<std::string>(), HasSubstr("killed by SIGSEGV"));
  EXPECT_EQ(error_of(run("abort"))["details"]["signal"], "SIGABRT");
  EXPECT_EQ(value_of(run("add", "[1, 2]")), 3);
}

TEST_F(ExecutorTest, ExitIsKilledWithTheStatus) {
  start();
  const std::string id = run("exit", "[3]");
  EXPECT_EQ(outcome_of(id), Outcome::kKilled);
  EXPECT_EQ(error_of(id)["details"]["status"], 3);
  EXPECT_EQ(outcome_of(run("exit", "[0]")), Outcome::kKilled);
  EXPECT_EQ(value_of(run("add", "[1, 2]")), 3);
}

// --- What jobs print ---

TEST_F(ExecutorTest, PrintedLinesAreLoggedWithTheJob) {
  start();
  const std::string first = run("print", R"(["one\ntwo"])");
  const std::string second = run("print", R"(["forged\rline\u001b[2J\n"])");
  const std::string third = run("log", R"(["said"])");
  end_of(third);
  EXPECT_THAT(log_, HasSubstr("job " + first + " printed: one\n"));
  EXPECT_THAT(log_, HasSubstr("job " + first + " printed: two\n"));
  EXPECT_THAT(log_, HasSubstr("job " + second + " printed: forged?line?[2J\n"));
  EXPECT_THAT(log_, HasSubstr("job " + third + ": said\n"));
}

TEST_F(ExecutorTest, WhatAJobPrintsBeyondTheLimitIsDroppedAndCounted) {
  start();
  const std::string id = run("print_bytes", "[4194304]");
  EXPECT_EQ(outcome_of(id), Outcome::kOk);
  const size_t lines = limits::kJobOutputBytes / 64;
  const size_t printed = static_cast<size_t>(std::count(log_.begin(), log_.end(), '\n'));
  EXPECT_LE(printed, lines + 2);
  EXPECT_THAT(log_,
              HasSubstr("printed or logged " + std::to_string(4194304 - limits::kJobOutputBytes) + " bytes more"));
}

// --- Timeouts, cancellation ---

TEST_F(ExecutorTest, JobPastItsTimeoutIsStoppedAndReplaced) {
  start();
  const std::string id = run_job("for_ever", "[]", "{}", seconds(5));
  first_report_of(id);
  pass(seconds(4));
  step(Duration{});
  EXPECT_FALSE(settled_.contains(id));
  pass(seconds(1));
  EXPECT_EQ(outcome_of(id), Outcome::kTimeout);
  EXPECT_EQ(value_of(id), "TimeoutError");
  EXPECT_EQ(error_of(id)["type"], "timeout");
  EXPECT_EQ(value_of(run("add", "[1, 2]")), 3);
}

TEST_F(ExecutorTest, JobThatIgnoresTerminateIsKilledTwoSecondsLater) {
  start();
  const std::string id = run_job("ignore_terminate", "[]", "{}", seconds(5));
  first_report_of(id);
  pass(seconds(5));
  step(Duration{});
  EXPECT_FALSE(settled_.contains(id));
  pass(seconds(2));
  EXPECT_EQ(outcome_of(id), Outcome::kTimeout);
}

TEST_F(ExecutorTest, JobThatLeavesItsProcessGroupIsStoppedToo) {
  start();
  const std::string id = run_job("leave_group", "[]", "{}", seconds(5));
  const pid_t process = std::stoi(first_report_of(id));
  pass(seconds(5));
  EXPECT_EQ(outcome_of(id), Outcome::kTimeout);
  EXPECT_FALSE(is_alive(process));
  EXPECT_EQ(value_of(run("add", "[1, 2]")), 3);
  first_report_of(run("leave_group"));
  executor_.reset();  // it waits for all of them
}

TEST_F(ExecutorTest, GlobalTimeoutIsForJobsThatNameNone) {
  ExecutorSettings settings = usual_settings();
  settings.global_timeout = seconds(5);
  start(settings);
  const std::string id = run("for_ever");
  first_report_of(id);
  pass(seconds(5));
  EXPECT_EQ(outcome_of(id), Outcome::kTimeout);

  const std::string never = run_job("until_cancelled", "[]", "{}", Duration{});
  first_report_of(never);
  pass(seconds(3600));
  step(Duration{});
  EXPECT_FALSE(settled_.contains(never));
}

TEST_F(ExecutorTest, ChildrenOfAJobDieWithIt) {
  start();
  const std::string id = run_job("with_child", "[]", "{}", seconds(5));
  const pid_t child = std::stoi(first_report_of(id));
  EXPECT_TRUE(is_alive(child));
  pass(seconds(5));
  EXPECT_EQ(outcome_of(id), Outcome::kTimeout);
  step_until([&] { return !is_alive(child); });
}

TEST_F(ExecutorTest, CancelledHandlerThatNoticesEndsAsCancelled) {
  start();
  const std::string id = run("until_cancelled");
  first_report_of(id);
  executor_->cancel(Bytes(id), now());
  EXPECT_EQ(outcome_of(id), Outcome::kCancelled);
  const std::string same_process = run("add", "[1, 2]");
  EXPECT_EQ(value_of(same_process), 3);
}

TEST_F(ExecutorTest, CancelledHandlerThatDoesNotNoticeIsStopped) {
  start();
  const std::string id = run("ignore_terminate");
  first_report_of(id);
  executor_->cancel(Bytes(id), now());
  step(Duration{});
  EXPECT_FALSE(settled_.contains(id));
  pass(seconds(3));
  step(Duration{});
  pass(seconds(2));
  EXPECT_EQ(outcome_of(id), Outcome::kCancelled);
}

TEST_F(ExecutorTest, WaitingJobIsCancelledAtOnce) {
  start();
  run("for_ever");
  const std::string id = run("add", "[1, 2]");
  executor_->cancel(Bytes(id), now());
  executor_->cancel(Bytes("nobody"), now());
  EXPECT_EQ(outcome_of(id), Outcome::kCancelled);
}

// --- Draining, stopping, replacing ---

TEST_F(ExecutorTest, DrainGivesBackWhatHasNotBegunAndWaitsForTheRest) {
  start();
  const std::string running = run("until_cancelled");
  const std::string waiting = run("add", "[1, 2]");
  first_report_of(running);
  executor_->drain(now() + seconds(300), now());
  EXPECT_EQ(outcome_of(waiting), Outcome::kReturned);
  EXPECT_EQ(outcome_of(run("add", "[1, 2]")), Outcome::kReturned);
  EXPECT_FALSE(settled_.contains(running));
  executor_->cancel(Bytes(running), now());
  EXPECT_EQ(outcome_of(running), Outcome::kCancelled);
  stop();
}

TEST_F(ExecutorTest, DrainKillsWhatRunsPastTheGracePeriod) {
  start();
  const std::string id = run("ignore_terminate");
  first_report_of(id);
  executor_->drain(now() + seconds(300), now());
  pass(seconds(300));
  EXPECT_EQ(outcome_of(id), Outcome::kKilled);
  EXPECT_EQ(error_of(id)["type"], "shutdown");
  stop();
}

TEST_F(ExecutorTest, StoppedProcessesEndByThemselves) {
  ExecutorSettings settings = usual_settings();
  settings.processes = 3;
  start(settings);
  run("add", "[1, 2]");
  step_until([&] { return !settled_.empty(); });
  stop();
  EXPECT_THAT(log_, Not(HasSubstr("SIG")));
}

TEST_F(ExecutorTest, ProcessIsReplacedAfterItsNumberOfJobs) {
  ExecutorSettings settings = usual_settings();
  settings.max_job_count = 3;
  start(settings);
  std::vector<int> processes;
  for (int i = 0; i < 7; ++i) processes.push_back(value_of(run("process")).get<int>());
  EXPECT_EQ(processes[0], processes[2]);
  EXPECT_NE(processes[2], processes[3]);
  EXPECT_EQ(processes[3], processes[5]);
  EXPECT_NE(processes[5], processes[6]);
  step_until([&] { return !is_alive(processes[0]) && !is_alive(processes[3]); });
}

TEST_F(ExecutorTest, RestartReplacesProcessesAfterTheirJobs) {
  start();
  const int before = value_of(run("process")).get<int>();
  const std::string running = run("until_cancelled");
  first_report_of(running);
  ExecutorSettings settings = usual_settings();
  settings.hooks.setup = "set_up";
  executor_->restart(settings, now());
  executor_->cancel(Bytes(running), now());
  EXPECT_EQ(outcome_of(running), Outcome::kCancelled);
  step_until([&] { return !is_alive(before); });
  EXPECT_NE(value_of(run("process")), before);
  EXPECT_EQ(value_of(run("hooks"))[0], true);
}

TEST_F(ExecutorTest, SettingsThatNoProcessCanServeWithChangeNothing) {
  start();
  const int before = value_of(run("process")).get<int>();
  ExecutorSettings settings = usual_settings();
  settings.command.push_back("/nowhere/jobs.so");
  executor_->restart(settings, now());
  step_until([&] { return log_.find("all processes stay as they are") != std::string::npos; });
  EXPECT_TRUE(executor_->restart_refused());
  EXPECT_THAT(log_, HasSubstr("cannot load /nowhere/jobs.so"));
  EXPECT_EQ(value_of(run("process")), before);
  // And the next ones can.
  settings = usual_settings();
  settings.hooks.setup = "set_up";
  executor_->restart(settings, now());
  step_until([&] { return !is_alive(before); });
  EXPECT_FALSE(executor_->restart_refused());
  EXPECT_EQ(value_of(run("hooks"))[0], true);
}

TEST_F(ExecutorTest, ARestartThatIsUnderWayEndsWithTheExecutor) {
  start();
  executor_->restart(usual_settings(), now());
  executor_->restart(usual_settings(), now());
  executor_->stop(now());
  step_until([&] { return executor_->finished(); });
}

TEST_F(ExecutorTest, IdleProcessThatIsKilledIsReplaced) {
  start();
  const int before = value_of(run("process")).get<int>();
  kill(before, SIGKILL);
  step_until([&] { return !is_alive(before); });
  EXPECT_NE(value_of(run("process")), before);
}

TEST_F(ExecutorTest, DestructionLeavesNoProcess) {
  start();
  const std::string id = run("with_child");
  const pid_t child = std::stoi(first_report_of(id));
  executor_.reset();
  wait_until_dead(child);
}

// The life of a job manager that will be killed: tells the process of a job that has begun.
[[noreturn]] void manage_until_killed(Executor& executor, Instant now, int tell) {
  executor.run({Bytes("job"), 1, Bytes(), Bytes(R"(["run", {"callable": "for_ever"}])"), {}}, now);
  while (true) {
    pollfd descriptor{executor.descriptor(), POLLIN, 0};
    poll(&descriptor, 1, -1);
    std::vector<ExecutorEvent> events;
    executor.step(now, events);
    for (const ExecutorEvent& event : events) {
      const auto* report = std::get_if<JobReported>(&event);
      if (report && write(tell, report->text.data(), report->text.size()) < 0) _exit(1);
    }
  }
}

TEST_F(ExecutorTest, KilledJobManagerLeavesNoWorkerProcess) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t manager = fork();
  if (manager == 0) {
    Executor executor(usual_settings(), now());
    manage_until_killed(executor, now(), ends[1]);
  }
  char text[32] = {};
  ASSERT_GT(read(ends[0], text, sizeof text - 1), 0);
  const pid_t worker = std::atoi(text);
  EXPECT_TRUE(is_alive(worker));
  kill(manager, SIGKILL);
  waitpid(manager, nullptr, 0);
  wait_until_dead(worker);
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace eventmq
