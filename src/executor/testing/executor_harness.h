// An Executor with real processes, driven as a job manager drives it, in time that a test can move on.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "eventmq/json.h"
#include "src/executor/executor.h"
#include "src/executor/worker_main.h"

namespace eventmq {

class ExecutorHarness : public ::testing::Test {
 protected:
  static constexpr auto kPatience = std::chrono::seconds(120);  // for what happens within milliseconds

  static ExecutorSettings usual_settings() {
    ExecutorSettings settings;
    settings.command = {std::string(EVENTMQ_BINARY_DIR) + "/executor_test_worker", std::string(kWorkerProcessArgument)};
    settings.processes = 1;
    return settings;
  }

  void start(ExecutorSettings settings = usual_settings()) {
    executor_ = std::make_unique<Executor>(std::move(settings), now());
  }

  // A worker that is a shell script: to say what no worker should.
  void start_script(const std::string& script) {
    ExecutorSettings settings = usual_settings();
    settings.command = {"/bin/sh", "-c", script};
    start(settings);
  }

  Instant now() const {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return Instant{std::chrono::duration_cast<std::chrono::microseconds>(since).count()} + moved_;
  }
  // Moves time on for the executor; the processes do not notice.
  void pass(Duration span) { moved_ = moved_ + span; }

  std::string run(const std::string& name, const std::string& args = "[]", const std::string& kwargs = "{}") {
    return run_job(name, args, kwargs, std::nullopt);
  }
  std::string run_job(const std::string& name, const std::string& args, const std::string& kwargs,
                      std::optional<Duration> timeout) {
    return run_message(R"(["run", {"callable": ")" + name + R"(", "args": )" + args + R"(, "kwargs": )" + kwargs + "}]",
                       timeout);
  }
  std::string run_message(const std::string& message, std::optional<Duration> timeout = std::nullopt) {
    const std::string id = "job-" + std::to_string(++jobs_);
    executor_->run({Bytes(id), 1, Bytes("default"), Bytes(message), timeout}, now());
    return id;
  }

  void step(Duration wait) {
    pollfd descriptor{executor_->descriptor(), POLLIN, 0};
    const Duration until_wake = executor_->next_wake() - now();
    poll(&descriptor, 1, static_cast<int>(std::clamp<int64_t>(until_wake.ms() + 1, 0, wait.ms())));
    std::vector<ExecutorEvent> events;
    executor_->step(now(), events);
    for (ExecutorEvent& event : events) {
      std::visit([this](auto& each) { take(each); }, event);
    }
  }

  void step_until(const std::function<bool()>& condition) {
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), give_up) << "waited in vain\n" << log_;
      step(milliseconds(20));
    }
  }

  // The job's end, once it is there.
  JobSettled end_of(const std::string& id) {
    step_until([&] { return settled_.contains(id); });
    return settled_.contains(id) ? settled_.at(id) : JobSettled{};
  }
  Json payload_of(const std::string& id) { return Json::parse(end_of(id).payload.view(), nullptr, false); }
  Json value_of(const std::string& id) { return payload_of(id).value("value", Json("no value")); }
  Json error_of(const std::string& id) { return payload_of(id).value("error", Json("no error")); }
  Outcome outcome_of(const std::string& id) { return end_of(id).outcome; }

  // The text of the first progress report of a job, once it is there: the job has begun.
  std::string first_report_of(const std::string& id) {
    step_until([&] { return reports_.contains(id) || settled_.contains(id); });
    return reports_.contains(id) ? reports_.at(id).front().text.str() : "";
  }

  // The processes have taken their leave.
  void stop() {
    executor_->stop(now());
    step_until([&] { return executor_->finished(); });
  }

  // Not alive: gone, or dead and waiting for its parent to take note.
  static bool is_alive(pid_t process) {
    std::ifstream file("/proc/" + std::to_string(process) + "/stat");
    std::string stat;
    std::getline(file, stat);
    const size_t name_end = stat.rfind(") ");
    return name_end != std::string::npos && stat[name_end + 2] != 'Z' && stat[name_end + 2] != 'X';
  }

  // Without steps of the executor.
  static void wait_until_dead(pid_t process) {
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    while (is_alive(process)) {
      ASSERT_LT(std::chrono::steady_clock::now(), give_up) << "process " << process << " lives on";
      poll(nullptr, 0, 1);
    }
  }

  std::unique_ptr<Executor> executor_;
  std::map<std::string, JobSettled> settled_;
  std::map<std::string, std::vector<JobReported>> reports_;
  std::string log_;
  std::vector<Error> failures_;

 private:
  void take(JobSettled& event) {
    EXPECT_TRUE(settled_.emplace(event.request_id.str(), event).second) << event.request_id.view() << " ended twice";
  }
  void take(JobReported& event) { reports_[event.request_id.str()].push_back(event); }
  void take(ExecutorLog& event) { log_ += event.text + "\n"; }
  void take(ExecutorFailed& event) { failures_.push_back(event.error); }

  Duration moved_;
  int jobs_ = 0;
};

}  // namespace eventmq
