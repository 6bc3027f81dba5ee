#include "tests/end_to_end/crash_campaign.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <future>
#include <iterator>
#include <mutex>
#include <thread>

#include "src/base/prng.h"
#include "src/store/testing/no_fence.h"
#include "tests/end_to_end/system.h"

namespace eventmq::end_to_end {
namespace {

constexpr size_t kOpenMax = 300;  // sends without an ACK at any time
constexpr uint64_t kAcksPerKillMax = 400;
constexpr uint64_t kJobsBeside = 1'000;

// Sends jobs on a thread of its own until it is told to stop, and keeps the history.
class Load {
 public:
  // `refusals`: the store may be away.
  Load(ClientOptions options, std::string path, bool refusals)
      : client_(std::move(options)), path_(std::move(path)), refusals_(refusals) {
    thread_ = std::thread([this] { run(); });
  }
  ~Load() { stop(); }

  uint64_t acked() const { return acked_count_.load(); }
  // From now on it sends no more than so many further jobs.
  void send_only(uint64_t jobs) {
    const std::lock_guard lock(mutex_);
    limit_ = sent_count_ + jobs;
    changed_.notify_one();
  }
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
      changed_.notify_one();
    }
    if (thread_.joinable()) thread_.join();
  }
  // Whatever is still open is left so.
  void give_up() {
    gives_up_ = true;
    client_.close();
    stop();
  }
  // After stop().
  const std::set<std::string>& sent_ids() const { return sent_; }
  const std::set<std::string>& acked_ids() const { return acked_; }

 private:
  void run() {
    while (!stop_) {
      if (sent_count_ >= limit_) {
        wait_at_limit();
        continue;
      }
      const std::string id = "job-" + std::to_string(sent_.size());
      sent_.insert(id);
      ++sent_count_;
      open_.push_back(client_.send_async("test.append", {path_}, {.guarantee = true, .id = id}));
      if (open_.size() >= kOpenMax) take_oldest();
    }
    while (!open_.empty()) take_oldest();
  }
  void wait_at_limit() {
    if (!open_.empty()) return take_oldest();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stop_ || sent_count_ < limit_; });
  }
  void take_oldest() {
    try {
      acked_.insert(open_.front().get());
      ++acked_count_;
    } catch (const Exception& failure) {
      const bool may_be = gives_up_ || (refusals_ && failure.code() == ErrorCode::kStoreUnavailable);
      if (!may_be) ADD_FAILURE() << failure.what();  // nothing but a router that stays away can refuse here
    }
    open_.pop_front();
  }

  Client client_;
  std::string path_;
  bool refusals_;
  std::atomic<bool> gives_up_{false};
  std::deque<std::future<std::string>> open_;
  std::set<std::string> sent_, acked_;
  std::atomic<uint64_t> sent_count_{0}, acked_count_{0};
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> limit_{UINT64_MAX};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread thread_;
};

class CrashSystem : public SystemTest {
 public:
  explicit CrashSystem(const CrashOptions& options)
      : SystemTest({{"RESUME_GRACE", "1"}}, options.router), options_(options), prng_(options.seed) {
    if (!options.fenced) take_fence_away_from(router_.data_dir());
  }
  void TestBody() override {}

  CrashReport run() {
    // A peer that loses its broker again and again waits longer and longer, unless that was long ago.
    if (options_.replaced) make_successor();
    const Router& next = successor_ ? *successor_ : router_;
    start_manager("m", {{"CONCURRENT_JOBS", "8"},
                        {"RECONNECT_TIMEOUT", "0.2"},
                        {"CONNECT_ADDR", router_.backend() + "," + next.backend()}});
    ClientOptions options = client_options();
    options.address = router_.frontend() + "," + next.frontend();
    options.reconnect_timeout = std::chrono::milliseconds(200);
    Load load(options, file("runs"), options_.replaced);
    for (; report_.kills < options_.kills && !HasFailure() && report_.told_beside == 0; ++report_.kills) {
      options_.replaced ? replace_once(load) : kill_once(load);
    }
    if (report_.told_beside > 0) return give_up(load);
    load.stop();
    report_.settled = wait_until_all_has_ended();
    expect_conservation(current().query("status"));
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
  // The job manager may be far behind, for it must come back after each kill: as long as jobs end, there is hope.
  bool wait_until_all_has_ended() {
    constexpr uint64_t kStep = 1'000;
    const auto left = [](const Json& totals) {
      return totals.at("waiting").get<uint64_t>() + totals.at("delayed").get<uint64_t>() +
             totals.at("running").get<uint64_t>();
    };
    for (uint64_t before = left(current().totals()); before > 0; before = left(current().totals())) {
      const uint64_t goal = before > kStep ? before - kStep : 0;
      const auto fewer = [&](const Json& status) { return left(status.at("totals")) <= goal; };
      if (!current().wait_until("more jobs have ended", fewer)) return false;
    }
    return true;
  }
  Router& current() { return successor_serves_ ? *successor_ : router_; }
  // On the same file, and not started yet.
  void make_successor() {
    SettingList settings{{"RESUME_GRACE", "1"}, {"DATA_DIR", router_.data_dir()}};
    successor_ = std::make_unique<Router>(variables_, settings, options_.router);
    successor_->kill();
  }
  // The router is stopped, taken for dead and replaced, and goes on. Once it has seen it, or has shown that it does
  // not, it is killed.
  void replace_once(Load& load) {
    const uint64_t goal = load.acked() + 1 + prng_.below(kAcksPerKillMax);
    if (!options_.endless)
      load.send_only(kAcksPerKillMax + kJobsBeside);  // it ends in a while, so that the other one comes to the file
    wait_until("the load goes on", [&] { return load.acked() >= goal; });
    Router& older = current();
    older.process().tell(SIGSTOP);
    std::filesystem::remove(router_.data_dir() + "/eventmq.lock");
    successor_serves_ = !successor_serves_;
    current().start();
    older.process().tell(SIGCONT);  // it may have stood still in the midst of a commit, with the file locked
    current().wait_until("the other one has the file",
                         [](const Json& status) { return status.at("store").at("available") == true; });
    const uint64_t under_way = load.acked() + kOpenMax;  // ACKs that may be on their way
    if (!options_.endless) load.send_only(kOpenMax + kJobsBeside);
    const auto knows = [&] { return older.process().err().find("another router has taken over") != std::string::npos; };
    wait_until("it has seen that it was replaced", [&] { return knows() || load.acked() > under_way; });
    if (!knows()) ++report_.told_beside;
    older.kill();
    if (!options_.endless) return;
    load.send_only(0);  // the job manager catches up
    wait_until_all_has_ended();
    load.send_only(UINT64_MAX / 2);
  }
  // There is no order any more in which the load could end.
  CrashReport give_up(Load& load) {
    load.give_up();
    return std::move(report_);
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
  std::unique_ptr<Router> successor_;
  bool successor_serves_ = false;
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
