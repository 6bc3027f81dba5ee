#include "tests/end_to_end/crash_campaign.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <future>
#include <iterator>
#include <thread>

#include "src/base/prng.h"
#include "tests/end_to_end/system.h"

namespace eventmq::end_to_end {
namespace {

constexpr size_t kOpenMax = 300;  // sends without an ACK at any time
constexpr uint64_t kAcksPerKillMax = 400;

// Sends jobs on a thread of its own until it is told to stop, and keeps the history.
class Load {
 public:
  Load(ClientOptions options, std::string path) : client_(std::move(options)), path_(std::move(path)) {
    thread_ = std::thread([this] { run(); });
  }
  ~Load() { stop(); }

  uint64_t acked() const { return acked_count_.load(); }
  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  // After stop().
  const std::set<std::string>& sent_ids() const { return sent_; }
  const std::set<std::string>& acked_ids() const { return acked_; }

 private:
  void run() {
    while (!stop_) {
      const std::string id = "job-" + std::to_string(sent_.size());
      sent_.insert(id);
      open_.push_back(client_.send_async("test.append", {path_}, {.guarantee = true, .id = id}));
      if (open_.size() >= kOpenMax) take_oldest();
    }
    while (!open_.empty()) take_oldest();
  }
  void take_oldest() {
    try {
      acked_.insert(open_.front().get());
      ++acked_count_;
    } catch (const Exception& failure) {
      ADD_FAILURE() << failure.what();  // nothing but a router that stays away can refuse here
    }
    open_.pop_front();
  }

  Client client_;
  std::string path_;
  std::deque<std::future<std::string>> open_;
  std::set<std::string> sent_, acked_;
  std::atomic<uint64_t> acked_count_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

class CrashSystem : public SystemTest {
 public:
  explicit CrashSystem(const CrashOptions& options)
      : SystemTest({{"RESUME_GRACE", "1"}}, options.router), options_(options), prng_(options.seed) {}
  void TestBody() override {}

  CrashReport run() {
    // A peer that loses its broker again and again waits longer and longer, unless that was long ago.
    start_manager("m", {{"CONCURRENT_JOBS", "8"}, {"RECONNECT_TIMEOUT", "0.2"}});
    ClientOptions options = client_options();
    options.reconnect_timeout = std::chrono::milliseconds(200);
    Load load(options, file("runs"));
    for (; report_.kills < options_.kills && !HasFailure(); ++report_.kills) kill_once(load);
    load.stop();
    report_.settled = router_.wait_until("all has ended", [](const Json& status) {
      const Json& totals = status.at("totals");
      return totals.at("waiting") == 0 && totals.at("delayed") == 0 && totals.at("running") == 0;
    });
    expect_conservation(router_.query("status"));
    report_.sent = load.sent_ids();
    report_.acked = load.acked_ids();
    compare();
    return std::move(report_);
  }

 private:
  // After a number of further ACKs, which the seed says, wherever that finds the router.
  void kill_once(const Load& load) {
    const uint64_t goal = load.acked() + 1 + prng_.below(kAcksPerKillMax);
    wait_until("the load goes on", [&] { return load.acked() >= goal; });
    router_.kill();
    verify_file();
    router_.start();
  }
  // The file as the killed router left it, its log included.
  void verify_file() {
    const Ran ran = emq({"verify", "--quick", "--data-dir", router_.data_dir()});
    if (ran.code != 0) report_.unsound.push_back(ran.out + ran.err);
  }
  void compare() {
    for (const JobRun& run : runs_of(file("runs"))) {
      ++report_.runs;
      report_.ran.insert(run.id);
    }
    std::ranges::set_difference(report_.acked, report_.ran, std::back_inserter(report_.lost));
    std::ranges::set_difference(report_.ran, report_.sent, std::back_inserter(report_.unasked));
  }

  CrashOptions options_;
  Prng prng_;
  CrashReport report_;
};

}  // namespace

std::string CrashReport::text() const {
  std::string text =
      fmt::format("{} kills: {} jobs sent, {} ACKed, {} run ({} runs), {} lost, {} never sent{}", kills, sent.size(),
                  acked.size(), ran.size(), runs, lost.size(), unasked.size(), settled ? "" : ", NOT SETTLED");
  if (!lost.empty()) text += ", the first lost: " + lost.front();
  if (!unsound.empty())
    text += fmt::format(", {} times the file was not sound, first:\n{}", unsound.size(), unsound[0]);
  return text;
}

CrashReport run_crash_campaign(const CrashOptions& options) { return CrashSystem(options).run(); }

}  // namespace eventmq::end_to_end
