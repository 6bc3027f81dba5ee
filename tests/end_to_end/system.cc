#include "tests/end_to_end/system.h"

#include <poll.h>
#include <signal.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <sstream>

#include "src/programs/admin_client.h"

namespace eventmq::end_to_end {
namespace {

std::string loopback(int port) { return "tcp://127.0.0.1:" + std::to_string(port); }

Variables basic_variables(const TemporaryFolder& folder) {
  return {{"PATH", "/usr/bin:/bin"},
          {"HOME", folder.path()},
          {"EVENTMQ_CONFIG_FILE", "/dev/null"},
          {"ASAN_OPTIONS", "handle_segv=0"},  // a sanitizer must not catch what a job dies of
          {"TSAN_OPTIONS", "handle_segv=0"}};
}

Variables with_settings(Variables variables, const SettingList& settings) {
  for (const auto& [name, value] : settings) variables["EVENTMQ_" + name] = value;
  return variables;
}

}  // namespace

bool wait_until(const std::string& what, const std::function<bool()>& holds) {
  const auto since = std::chrono::steady_clock::now();
  while (!holds()) {
    if (std::chrono::steady_clock::now() - since > std::chrono::milliseconds(kGenerousMs)) {
      ADD_FAILURE() << "never came to be: " << what;
      return false;
    }
    ::poll(nullptr, 0, 5);  // before asking again
  }
  return true;
}

namespace {

// A free one unless the settings have another.
std::string address_in(const SettingList& settings, const std::string& name) {
  const auto given = settings.find(name);
  return given != settings.end() ? given->second : loopback(free_port());
}

}  // namespace

Router::Router(const Variables& variables, const SettingList& settings, const std::string& program)
    : variables_(with_settings(variables, settings)),
      program_(program.empty() ? kEmq : program),
      frontend_(address_in(settings, "FRONTEND_LISTEN_ADDR")),
      backend_(address_in(settings, "BACKEND_LISTEN_ADDR")),
      administrative_(address_in(settings, "ADMINISTRATIVE_LISTEN_ADDR")) {
  start();
}

void Router::start() {
  Variables variables = with_settings(variables_, {{"FRONTEND_LISTEN_ADDR", frontend_},
                                                   {"BACKEND_LISTEN_ADDR", backend_},
                                                   {"ADMINISTRATIVE_LISTEN_ADDR", administrative_},
                                                   {"DATA_DIR", data_dir()}});
  process_ = std::make_unique<Process>(std::vector<std::string>{program_, "router"}, variables);
  process_->wait_for_err("listening on " + frontend_);
}

// Of its own unless another one was given, and the same when it is started again.
std::string Router::data_dir() const {
  const auto given = variables_.find("EVENTMQ_DATA_DIR");
  if (given != variables_.end()) return given->second;
  return variables_.at("HOME") + "/router-" + frontend_.substr(frontend_.rfind(':') + 1);
}

void Router::start(const SettingList& more) {
  variables_ = with_settings(variables_, more);
  start();
}

Json Router::query(const std::string& view, const Json& arguments) const {
  AdminClient admin(administrative_, milliseconds(kGenerousMs));
  const Result<std::string> answer = admin.query(view, arguments.is_null() ? "" : arguments.dump());
  if (answer) return Json::parse(*answer);
  ADD_FAILURE() << view << ": " << answer.error().text << "\n" << process_->err();
  return Json();
}

Json Router::worker(const std::string& name) const {
  const Json view = query("workers");
  for (const Json& row : view.at("workers")) {
    if (row.at("id") == name) return row;
  }
  return Json();
}

bool Router::wait_until(const std::string& what, const std::function<bool(const Json&)>& holds,
                        const std::string& view) const {
  AdminClient admin(administrative_, milliseconds(kGenerousMs));
  std::string last;
  const bool held = end_to_end::wait_until(what, [&] {
    const Result<std::string> answer = admin.query(view);
    last = answer ? *answer : answer.error().text;
    return answer && holds(Json::parse(*answer));
  });
  if (!held) ADD_FAILURE() << view << " at last: " << last;
  return held;
}

bool Router::wait_for_total(const std::string& count, int value) const {
  return wait_until(count + " is " + std::to_string(value),
                    [&](const Json& status) { return status.at("totals").at(count) == value; });
}

bool Router::wait_for_workers(int count) const {
  return wait_until(
      std::to_string(count) + " workers with all their slots",
      [&](const Json& view) {
        if (view.at("workers").size() != static_cast<size_t>(count)) return false;
        for (const Json& row : view.at("workers")) {
          if (row.at("slots_free") == 0) return false;
        }
        return true;
      },
      "workers");
}

SystemTest::SystemTest(const SettingList& router_settings, const std::string& router_program)
    : variables_(basic_variables(folder_)), router_(variables_, router_settings, router_program) {
  variables_["EMQ_BROKER_ADDR"] = router_.frontend();
  variables_["EMQ_ADMIN_ADDR"] = router_.administrative();
  variables_["EVENTMQ_CONNECT_ADDR"] = router_.backend();
}

std::unique_ptr<Process> SystemTest::spawn_manager(const std::string& name, const SettingList& settings) {
  SettingList all = {{"NAME", name}, {"LOAD", std::string(kTestJobs) + "," + kExampleJobs}};
  for (const auto& [key, value] : settings) all[key] = value;
  return std::make_unique<Process>(std::vector<std::string>{kEmq, "jobmanager"}, with_settings(variables_, all));
}

Process& SystemTest::start_manager(const std::string& name, const SettingList& settings) {
  managers_[name] = spawn_manager(name, settings);
  const auto slots = settings.find("CONCURRENT_JOBS");
  const int wanted = slots == settings.end() ? 4 : std::stoi(slots->second);
  router_.wait_until(
      name + " has joined",
      [&](const Json& view) {
        for (const Json& row : view.at("workers")) {
          if (row.at("id") == name) return row.at("slots_free").get<int>() + row.at("running").get<int>() == wanted;
        }
        return false;
      },
      "workers");
  return *managers_[name];
}

Ran SystemTest::emq(std::vector<std::string> words, const Variables& more) {
  words.insert(words.begin(), kEmq);
  Variables all = variables_;
  for (const auto& [name, value] : more) all[name] = value;
  return run(std::move(words), all);
}

ClientOptions SystemTest::client_options() const {
  ClientOptions options;
  options.address = router_.frontend();
  options.ack_timeout = std::chrono::milliseconds(kGenerousMs);
  return options;
}

std::vector<JobRun> runs_of(const std::string& path) {
  std::vector<JobRun> runs;
  for (const std::string& line : lines_of(path)) {
    JobRun run;
    std::istringstream(line) >> run.id >> run.attempt >> run.worker >> run.manager;
    runs.push_back(run);
  }
  return runs;
}

std::vector<JobRun> wait_for_runs(const std::string& path, size_t count) {
  wait_until(std::to_string(count) + " runs in " + path, [&] { return lines_of(path).size() >= count; });
  return runs_of(path);
}

void expect_conservation(const Json& status) {
  const auto check = [](const Json& row) {
    uint64_t sum = 0;
    for (const char* count : {"done", "dead", "expired", "cancelled", "waiting", "delayed", "running"}) {
      sum += row.at(count).get<uint64_t>();
    }
    EXPECT_EQ(row.at("accepted").get<uint64_t>(), sum) << row.dump();
  };
  check(status.at("totals"));
  for (const Json& queue : status.at("queues")) check(queue);
}

}  // namespace eventmq::end_to_end
