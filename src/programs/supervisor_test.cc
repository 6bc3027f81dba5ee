#include "src/programs/supervisor.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>

#include "src/programs/part.h"

namespace eventmq {
namespace {

class SupervisorTest : public testing::Test {
 protected:
  SupervisorTest() {
    plan_.router = shell("router", kObeys);
    plan_.job_managers = {shell("jobmanager", kObeys)};
    plan_.router_answers = [this] { return said("router", "up"); };
    plan_.job_managers_are_connected = [this] { return said("jobmanager", "up"); };
    plan_.ready_text = "ready";
    plan_.ask_interval = milliseconds(5);
    plan_.restart_delay = milliseconds(5);
    plan_.print = [this](std::string_view line) {
      log_ += std::string(line) + "\n";
      if (on_line_) on_line_(line);
    };
  }

  static PartSpec shell(const std::string& name, const std::string& script) {
    return {name, {"/bin/sh", "-c", script}, seconds(60)};
  }
  bool said(const std::string& name, const std::string& text) const {
    for (size_t at = 0; (at = log_.find(name, at)) != std::string::npos; ++at) {
      if (log_.substr(at, log_.find('\n', at) - at).ends_with("| " + text)) return true;
    }
    return false;
  }
  size_t count(const std::string& text) const {
    size_t found = 0;
    for (size_t at = 0; (at = log_.find(text, at)) != std::string::npos; ++at) ++found;
    return found;
  }
  ExitCode run() {
    SignalCatcher signals({SIGTERM, SIGINT, SIGHUP, SIGCHLD});
    return Supervisor(plan_, signals).run();
  }
  void stop_when_ready() {
    on_line_ = [](std::string_view line) {
      if (line.ends_with("| ready")) ::raise(SIGTERM);
    };
  }

  static constexpr const char* kNotConnected = "the job managers are not all connected yet; their lines above say why";
  // Ends in order on TERM. The child of its own is waited for, so that the trap is served at once.
  static constexpr const char* kObeys = "trap 'echo stopping; kill $!; exit 0' TERM; echo up; tail -f /dev/null & wait";

  SupervisorPlan plan_;
  // Of the part that printed "pid N" last.
  pid_t last_pid() const { return std::atoi(log_.c_str() + log_.rfind("| pid ") + 6); }

  std::string log_;
  std::function<void(std::string_view)> on_line_;
};

TEST_F(SupervisorTest, StartsTheRouterFirstAndStopsItLast) {
  stop_when_ready();
  EXPECT_EQ(run(), kExitDone) << log_;
  const size_t router_up = log_.find("router     | up");
  const size_t manager_up = log_.find("jobmanager | up");
  const size_t manager_stops = log_.find("jobmanager | stopping");
  const size_t router_stops = log_.find("router     | stopping");
  ASSERT_NE(router_stops, std::string::npos) << log_;
  EXPECT_LT(router_up, manager_up) << log_;
  EXPECT_LT(manager_up, manager_stops) << log_;
  EXPECT_LT(manager_stops, router_stops) << log_;
}

TEST_F(SupervisorTest, ARouterThatEndsAtItsStartEndsEverything) {
  plan_.router = shell("router", "echo the port is taken; exit 1");
  EXPECT_EQ(run(), kExitFailed);
  EXPECT_TRUE(said("router", "the port is taken")) << log_;
  EXPECT_TRUE(said("emq up", "router ended at its start with exit code 1; its lines above say why")) << log_;
  EXPECT_EQ(count("jobmanager"), 0u) << log_;
}

TEST_F(SupervisorTest, AJobManagerThatEndsAtItsStartEndsEverything) {
  plan_.job_managers = {shell("jobmanager", "echo no such plug-in; exit 2")};
  EXPECT_EQ(run(), kExitFailed);
  EXPECT_TRUE(said("router", "stopping")) << log_;
}

TEST_F(SupervisorTest, ARouterThatDoesNotAnswerInTimeIsWaitedFor) {
  plan_.router_answers = [this] { return log_.find("the router does not answer yet") != std::string::npos; };
  plan_.start_patience = milliseconds(50);
  on_line_ = [](std::string_view line) {
    if (line.find("ready") != std::string_view::npos) ::raise(SIGINT);
  };
  EXPECT_EQ(run(), kExitDone) << log_;
}

// A worker process alone may take longer to its first job than one has patience.
TEST_F(SupervisorTest, JobManagersThatDoNotConnectInTimeAreWaitedFor) {
  plan_.job_managers_are_connected = [this] { return said("emq up", kNotConnected) && said("jobmanager", "up"); };
  plan_.start_patience = milliseconds(50);
  stop_when_ready();
  EXPECT_EQ(run(), kExitDone) << log_;
  EXPECT_TRUE(said("emq up", kNotConnected)) << log_;
}

TEST_F(SupervisorTest, PartsToldToStopBeforeTheyCatchTheSignalStopInOrder) {
  plan_.router = shell("router", "echo loading; exec tail -f /dev/null");
  on_line_ = [](std::string_view line) {
    if (line.ends_with("| loading")) ::raise(SIGINT);
  };
  EXPECT_EQ(run(), kExitDone) << log_;
  EXPECT_TRUE(said("emq up", "stopped")) << log_;
}

TEST_F(SupervisorTest, ASignalBeforeTheStartStopsInOrder) {
  SignalCatcher signals({SIGTERM, SIGINT, SIGHUP, SIGCHLD});
  ::raise(SIGINT);
  EXPECT_EQ(Supervisor(plan_, signals).run(), kExitDone) << log_;
}

TEST_F(SupervisorTest, WhatDiesIsStartedAgain) {
  plan_.job_managers = {shell("jobmanager", std::string("echo pid $$; ") + kObeys)};
  on_line_ = [this](std::string_view line) {
    if (line.ends_with("| ready")) ::kill(last_pid(), SIGKILL);
    if (line == "jobmanager | up" && count(std::string(line)) == 2) ::raise(SIGTERM);
  };
  EXPECT_EQ(run(), kExitDone) << log_;
  EXPECT_TRUE(said("emq up", "jobmanager ended with killed by SIGKILL; starting it again in 0.0 s")) << log_;
}

TEST_F(SupervisorTest, ARouterThatWasShutDownStopsTheRest) {
  plan_.router = shell("router", std::string("echo pid $$; ") + kObeys);
  on_line_ = [this](std::string_view line) {
    if (line.ends_with("| ready")) ::kill(last_pid(), SIGTERM);
  };
  EXPECT_EQ(run(), kExitDone) << log_;
  EXPECT_TRUE(said("emq up", "the router was told to shut down; stopping the rest")) << log_;
  EXPECT_TRUE(said("jobmanager", "stopping")) << log_;
}

TEST_F(SupervisorTest, ASecondSignalKills) {
  plan_.job_managers = {
      shell("jobmanager", "trap 'told=1' TERM; echo up; while :; do sleep 0.1; [ \"$told\" ] && echo not yet; done")};
  on_line_ = [](std::string_view line) {
    if (line.ends_with("| ready") || line.ends_with("| not yet")) ::raise(SIGINT);
  };
  EXPECT_EQ(run(), kExitFailed) << log_;
  EXPECT_TRUE(said("emq up", "jobmanager ended with killed by SIGKILL")) << log_;
}

TEST_F(SupervisorTest, ASecondSignalLetsTheRouterFinish) {
  // It stops in order when it is told for the second time, as a router does.
  plan_.router = shell("router",
                       "trap 'told=$told.; echo told$told; [ $told = .. ] && exit 0' TERM; echo up; "
                       "while :; do sleep 0.01; done");
  plan_.job_managers = {
      shell("jobmanager", "trap 'told=1' TERM; echo up; while :; do sleep 0.01; [ \"$told\" ] && echo not yet; done")};
  on_line_ = [](std::string_view line) {
    if (line.ends_with("| ready") || line.ends_with("| not yet")) ::raise(SIGINT);
  };
  EXPECT_EQ(run(), kExitFailed) << log_;
  EXPECT_TRUE(said("emq up", "jobmanager ended with killed by SIGKILL")) << log_;
  EXPECT_TRUE(said("router", "told..")) << log_;
  EXPECT_EQ(count("router ended with"), 0u) << log_;
}

TEST_F(SupervisorTest, AThirdSignalKillsTheRouterToo) {
  plan_.router = shell("router", "trap 'echo busy' TERM; echo up; while :; do sleep 0.01; echo on; done");
  on_line_ = [this](std::string_view line) {
    const bool working = said("router", "busy") && line == "router     | on";
    if (line.ends_with("| ready") || working) ::raise(SIGINT);
  };
  EXPECT_EQ(run(), kExitFailed) << log_;
  EXPECT_TRUE(said("emq up", "killing what still runs")) << log_;
  EXPECT_TRUE(said("emq up", "router ended with killed by SIGKILL")) << log_;
}

TEST_F(SupervisorTest, ARouterThatDoesNotHurryIsKilled) {
  plan_.router = shell("router", "trap 'echo busy' TERM; echo up; while :; do sleep 0.01; done");
  plan_.hurry_limit = milliseconds(20);
  plan_.job_managers = {
      shell("jobmanager", "trap 'told=1' TERM; echo up; while :; do sleep 0.01; [ \"$told\" ] && echo not yet; done")};
  on_line_ = [](std::string_view line) {
    if (line.ends_with("| ready") || line.ends_with("| not yet")) ::raise(SIGINT);
  };
  EXPECT_EQ(run(), kExitFailed) << log_;
  EXPECT_NE(log_.find("router did not stop in 0 s; killing it"), std::string::npos) << log_;
}

TEST_F(SupervisorTest, WhatDoesNotStopInTimeIsKilled) {
  plan_.job_managers = {shell("jobmanager", "trap '' TERM; echo up; tail -f /dev/null & wait")};
  plan_.job_managers[0].stop_limit = milliseconds(20);
  stop_when_ready();
  EXPECT_EQ(run(), kExitFailed) << log_;
  EXPECT_NE(log_.find("jobmanager did not stop in"), std::string::npos) << log_;
  EXPECT_TRUE(said("router", "stopping")) << log_;
}

TEST_F(SupervisorTest, HupIsPassedOn) {
  plan_.router = shell(
      "router",
      "trap 'kill $!; exit 0' TERM; trap 'echo reloading' HUP; echo up; while :; do tail -f /dev/null & wait $!; done");
  plan_.job_managers = {
      shell("jobmanager", "trap 'kill $!; exit 0' TERM; trap '' HUP; echo up; tail -f /dev/null & wait")};
  on_line_ = [](std::string_view line) {
    if (line.ends_with("| ready")) ::raise(SIGHUP);
    if (line.ends_with("| reloading")) ::raise(SIGTERM);
  };
  EXPECT_EQ(run(), kExitDone) << log_;
}

TEST_F(SupervisorTest, HupBringsOtherStopLimits) {
  plan_.job_managers = {shell("jobmanager", "trap '' TERM HUP; echo up; tail -f /dev/null & wait")};
  plan_.router = shell(
      "router",
      "trap 'kill $!; exit 0' TERM; trap 'echo reloading' HUP; echo up; while :; do tail -f /dev/null & wait $!; done");
  plan_.read_limits_again = [](SupervisorPlan& plan) { plan.job_managers.at(0).stop_limit = milliseconds(20); };
  on_line_ = [](std::string_view line) {
    if (line.ends_with("| ready")) ::raise(SIGHUP);
    if (line.ends_with("| reloading")) ::raise(SIGTERM);
  };
  EXPECT_EQ(run(), kExitFailed) << log_;
  EXPECT_NE(log_.find("jobmanager did not stop in 0 s; killing it"), std::string::npos) << log_;
}

TEST_F(SupervisorTest, HupOfATerminalThatIsGoneStops) {
  plan_.terminal_is_gone = [] { return true; };
  on_line_ = [](std::string_view line) {
    if (line.ends_with("| ready")) ::raise(SIGHUP);
  };
  EXPECT_EQ(run(), kExitDone) << log_;
}

TEST(PartTest, ALineWithoutAnEndAndALongOneArrive) {
  std::vector<std::string> lines;
  Part part({"/bin/sh", "-c", "printf 'a\\n\\nb'; exit 3"},
            [&lines](std::string_view line) { lines.emplace_back(line); });
  ASSERT_TRUE(part.start().has_value());
  int status = -1;
  while (!part.reap(status)) part.read_output();
  EXPECT_EQ(status, 3);
  EXPECT_EQ(lines, (std::vector<std::string>{"a", "", "b"}));
}

TEST(PartTest, ASignalRightAfterTheStartReachesThePartAndNotUs) {
  SignalCatcher signals({SIGTERM});
  for (int round = 0; round < 20; ++round) {
    Part part({"/bin/sh", "-c", "exec tail -f /dev/null"}, [](std::string_view) {});
    ASSERT_TRUE(part.start().has_value());
    part.send_signal(SIGTERM);
    int status = -1;
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    while (!part.reap(status) && std::chrono::steady_clock::now() < give_up) part.read_output();
    ASSERT_EQ(status, 128 + SIGTERM);
    EXPECT_EQ(signals.next(), 0);
  }
}

TEST(PartTest, AProgramThatIsNotThereSaysSo) {
  std::string text;
  Part part({"/nonexistent/emq"}, [&text](std::string_view line) { text += line; });
  ASSERT_TRUE(part.start().has_value());
  int status = -1;
  while (!part.reap(status)) part.read_output();
  EXPECT_EQ(status, 127);
  EXPECT_EQ(text, "the program cannot be started");
}

}  // namespace
}  // namespace eventmq
