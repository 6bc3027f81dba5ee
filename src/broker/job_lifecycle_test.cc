// Walks every cell of the table in docs/job_lifecycle.md: puts a job of the class into the state, lets the event
// happen, and compares what was sent and where the job is then.
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "src/broker/test_broker.h"

namespace eventmq {
namespace {

struct Row {
  int line;
  std::string event;
  std::string job_class;           // "any" stands for all
  std::vector<std::string> cells;  // one for each of kStates
};

const std::vector<std::string> kStates = {"absent", "delayed", "waiting", "running"};
const std::vector<std::string> kClasses = {"plain", "retried", "retried, used up", "guaranteed",
                                           "guaranteed, last delivery"};

std::vector<std::string> split_row(const std::string& line) {
  std::vector<std::string> cells;
  for (size_t at = 1; at < line.size();) {
    const size_t end = std::min(line.find('|', at), line.size());
    const std::string cell = line.substr(at, end - at);
    const size_t first = cell.find_first_not_of(' ');
    cells.push_back(first == std::string::npos ? "" : cell.substr(first, cell.find_last_not_of(' ') - first + 1));
    at = end + 1;
  }
  return cells;
}

std::vector<Row> read_table() {
  std::ifstream file(EVENTMQ_SOURCE_DIR "/docs/job_lifecycle.md");
  EXPECT_TRUE(file) << "docs/job_lifecycle.md is missing";
  std::vector<Row> rows;
  bool inside = false;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (!line.starts_with("|")) {
      inside = false;
      continue;
    }
    std::vector<std::string> cells = split_row(line);
    if (cells.size() == 6 && cells[0] == "event") {
      inside = true;
      EXPECT_EQ((std::vector<std::string>(cells.begin() + 2, cells.end())), kStates);
    } else if (inside && !cells[0].starts_with("---")) {
      EXPECT_EQ(cells.size(), 6u) << "line " << number;
      rows.push_back({number, cells[0], cells[1], {cells.begin() + 2, cells.end()}});
    }
  }
  return rows;
}

// One job, j1, of a class, brought into a state. Worker w1 serves its queue with one slot; w2 serves another.
class OneJob {
 public:
  OneJob(const std::string& job_class, const std::string& state, const std::string& event)
      : broker_(settings(job_class)), state_(state), used_up_(job_class == "retried, used up") {
    broker_.worker("w1");
    broker_.worker("w2", {{10, "other"}});
    headers_ = "reply-requested," + class_headers(job_class);
    if (event == "expire") headers_ += "expires:20,";
    if (state != "absent") bring_into_state();
    broker_.forget();
  }

  void happen(const std::string& event) {
    static const std::map<std::string, std::function<void(OneJob&)>> events = {
        {"REQUEST", [](OneJob& j) { j.broker_.request("c1", "j1", j.headers_); }},
        {"REQUEST with delay", [](OneJob& j) { j.broker_.request("c1", "j1", j.headers_ + "delay:9"); }},
        {"due", [](OneJob& j) { j.broker_.wait(kLongest); }},
        {"expire", [](OneJob& j) { j.broker_.wait(seconds(20)); }},
        {"a slot is free", [](OneJob& j) { j.broker_.ready("w1"); }},
        {"result ok", [](OneJob& j) { j.settle(Outcome::kOk); }},
        {"result error", [](OneJob& j) { j.settle(Outcome::kError); }},
        {"result timeout", [](OneJob& j) { j.settle(Outcome::kTimeout); }},
        {"result killed", [](OneJob& j) { j.settle(Outcome::kKilled); }},
        {"result unknown-job", [](OneJob& j) { j.settle(Outcome::kUnknownJob); }},
        {"result cancelled", [](OneJob& j) { j.settle(Outcome::kCancelled); }},
        {"result returned", [](OneJob& j) { j.settle(Outcome::kReturned); }},
        {"worker lost", [](OneJob& j) { j.broker_.lose("w1"); }},
        {"CANCEL", [](OneJob& j) { j.broker_.cancel("c1", "j1"); }},
        {"undeliverable", [](OneJob& j) { j.send_back(); }},
        {"shutdown", [](OneJob& j) { j.shut_down(); }},
    };
    const auto found = events.find(event);
    ASSERT_NE(found, events.end()) << "the test does not know how to make this event happen";
    found->second(*this);
  }
  static const std::vector<std::string>& known_events() {
    static const std::vector<std::string> names = {"REQUEST",
                                                   "REQUEST with delay",
                                                   "due",
                                                   "expire",
                                                   "a slot is free",
                                                   "result ok",
                                                   "result error",
                                                   "result timeout",
                                                   "result killed",
                                                   "result unknown-job",
                                                   "result cancelled",
                                                   "result returned",
                                                   "worker lost",
                                                   "CANCEL",
                                                   "undeliverable",
                                                   "shutdown"};
    return names;
  }

  // As a cell of the table says it.
  std::string outcome() {
    std::string said;
    for (const std::string& line : broker_.sent()) {
      const std::string word = word_of(line);
      if (!word.empty()) said += (said.empty() ? ": " : ", ") + word;
    }
    const std::string after = broker_.stopped() ? "gone" : state_now();
    return after == state_ && said.empty() ? "-" : after + said;
  }

 private:
  static constexpr Duration kLongest = seconds(80);  // beyond any delay or backoff here

  static BrokerSettings settings(const std::string& job_class) {
    BrokerSettings settings;
    settings.retry_backoff_max = kLongest;
    settings.dedupe_window = Duration{};  // so that a job that ended is as absent as one that never came
    if (job_class == "guaranteed, last delivery") settings.max_deliveries = 1;
    return settings;
  }
  static std::string class_headers(const std::string& job_class) {
    if (job_class.starts_with("retried")) return "retry-count:1,";
    return job_class.starts_with("guaranteed") ? "guarantee," : "";
  }

  void bring_into_state() {
    if (used_up_) return fail_once();
    broker_.request("c1", "j1", headers_ + (state_ == "delayed" ? "delay:30" : ""));
    if (state_ == "running") broker_.ready("w1");
  }
  void fail_once() {
    broker_.request("c1", "j1", headers_ + (state_ == "delayed" ? "backoff:80" : "backoff:0"));
    broker_.ready("w1");
    broker_.settle("w1", "j1", 1, Outcome::kError);
    // Its slot is free now; unless the job is to run there again, another takes it.
    if (state_ != "running") broker_.request("c2", "filler");
    if (state_ != "delayed") broker_.wait(milliseconds(1));
  }

  // By the worker that holds it; where none does, by one that serves other queues, whose slot changes nothing.
  void settle(Outcome outcome) {
    broker_.settle(state_ == "running" ? "w1" : "w2", "j1", used_up_ ? 2 : 1, outcome, "x");
  }
  void send_back() {
    Request request;
    request.attempt = used_up_ ? 2 : 1;
    broker_.send_failed("w1", {Bytes("j1"), request});
  }
  void shut_down() {
    broker_.shut_down();
    broker_.wait(broker_.settings().drain_timeout);
  }

  // What a line says of the job: "REPLY ok" of "c1 REPLY j1 ok x". Empty if it is about something else.
  static std::string word_of(const std::string& line) {
    std::vector<std::string> words;
    for (size_t at = 0; at < line.size();) {
      const size_t end = std::min(line.find(' ', at), line.size());
      words.push_back(line.substr(at, end - at));
      at = end + 1;
    }
    if (line.find("j1") == std::string::npos || words.size() < 3) return "";
    if (words[1] == "REPLY") return "REPLY " + words[3];
    if (words[1] == "ERROR") return "ERROR " + words[2];
    return words[1];
  }

  std::string state_now() {
    const std::string text = broker_.view("job", R"({"id": "j1"})");
    broker_.forget();
    const nlohmann::json job = nlohmann::json::parse(text, nullptr, false);
    if (!job.is_object()) return "absent";
    if (job["state"] != "ended") return job["state"];
    const std::string word = job["outcome"];
    if (word == "ok") return "done";
    return word == "expired" || word == "cancelled" ? word : "dead";
  }

  TestBroker broker_;
  std::string state_;
  std::string headers_;
  bool used_up_;
};

void walk(const Row& row, const std::string& job_class) {
  for (size_t i = 0; i < kStates.size(); ++i) {
    SCOPED_TRACE(fmt::format("docs/job_lifecycle.md:{}: {} / {} / {}", row.line, row.event, job_class, kStates[i]));
    OneJob job(job_class, kStates[i], row.event);
    job.happen(row.event);
    EXPECT_EQ(job.outcome(), row.cells[i]);
  }
}

TEST(JobLifecycleTest, EveryCellOfTheTableIsTrue) {
  for (const Row& row : read_table()) {
    for (const std::string& job_class : kClasses) {
      if (row.job_class == "any" || row.job_class == job_class) walk(row, job_class);
    }
  }
}

TEST(JobLifecycleTest, TheTableHasEveryEventOnceForEachClass) {
  std::map<std::pair<std::string, std::string>, int> found;
  for (const Row& row : read_table()) {
    for (const std::string& job_class : kClasses) {
      if (row.job_class == "any" || row.job_class == job_class) ++found[{row.event, job_class}];
    }
  }
  for (const std::string& event : OneJob::known_events()) {
    for (const std::string& job_class : kClasses) {
      EXPECT_EQ((found[{event, job_class}]), 1) << event << " / " << job_class;
    }
  }
  EXPECT_EQ(found.size(), OneJob::known_events().size() * kClasses.size());
}

}  // namespace
}  // namespace eventmq
