// A whole system of real processes: a router, job managers with the jobs of test_jobs.cc, and whoever uses them. Every
// test has its own, on ports and files of its own.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "eventmq/client.h"
#include "testing/temporary_folder.h"
#include "tests/end_to_end/process.h"

namespace eventmq::end_to_end {

// Settings by their environment names without EVENTMQ_: {"HWM", "5"}.
using SettingList = Variables;

// A router and its three addresses, which stay the same when it is started again.
class Router {
 public:
  // `program`: another than emq, run in the same way.
  explicit Router(const Variables& variables, const SettingList& settings = {}, const std::string& program = {});

  // Both wait until it listens.
  void start();
  void start(const SettingList& more);
  Process& process() { return *process_; }
  void kill() { process_->kill(); }

  std::string data_dir() const;
  const std::string& frontend() const { return frontend_; }
  const std::string& backend() const { return backend_; }
  const std::string& administrative() const { return administrative_; }

  // The view of that name (docs/protocol.md, QUERY), asked over the administrative socket.
  Json query(const std::string& view, const Json& arguments = nullptr) const;
  Json totals() const { return query("status").at("totals"); }
  // The row of a worker; null if it is not there.
  Json worker(const std::string& name) const;
  // Asks until it holds. Fails the test, and gives false, if it does not come to be.
  bool wait_until(const std::string& what, const std::function<bool(const Json& view)>& holds,
                  const std::string& view = "status") const;
  bool wait_for_total(const std::string& count, int value) const;
  bool wait_for_workers(int count) const;

 private:
  Variables variables_;
  std::string program_;
  std::string frontend_, backend_, administrative_;
  std::unique_ptr<Process> process_;
};

class SystemTest : public ::testing::Test {
 protected:
  // One router. The variables lead all programs and clients of the test to it.
  explicit SystemTest(const SettingList& router_settings = {}, const std::string& router_program = {});

  // Each waits until the router knows it. It is known there by its name. `settings` may name another router.
  Process& start_manager(const std::string& name, const SettingList& settings = {});
  Process& manager(const std::string& name) { return *managers_.at(name); }
  std::unique_ptr<Process> spawn_manager(const std::string& name, const SettingList& settings = {});
  Ran emq(std::vector<std::string> words, const Variables& more = {});
  ClientOptions client_options() const;
  std::string file(const std::string& name) const { return folder_.file(name); }

  TemporaryFolder folder_;
  Variables variables_;
  Router router_;
  std::map<std::string, std::unique_ptr<Process>> managers_;
};

// What a job that appended to a file said.
struct JobRun {
  std::string id;
  int attempt = 0;
  pid_t worker = 0, manager = 0;
};
std::vector<JobRun> runs_of(const std::string& path);
// Waits until so many jobs have appended.
std::vector<JobRun> wait_for_runs(const std::string& path, size_t count);

// accepted = done + dead + expired + cancelled + waiting + delayed + running, in the totals and each queue.
void expect_conservation(const Json& status);

// Waits until a condition that nothing announces holds. Fails the test, and gives false, if it does not.
bool wait_until(const std::string& what, const std::function<bool()>& holds);

inline const char* const kEmq = EVENTMQ_BINARY_DIR "/emq";
inline const char* const kTestJobs = EVENTMQ_BINARY_DIR "/libtest_jobs.so";
inline const char* const kExampleJobs = EVENTMQ_BINARY_DIR "/libexample_jobs.so";

}  // namespace eventmq::end_to_end
