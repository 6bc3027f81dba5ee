// A router, a job manager with real worker processes, and clients, in one process.
#include "src/runtime/job_manager_loop.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <nlohmann/json.hpp>

#include "src/executor/worker_main.h"
#include "src/runtime/router_loop_test_support.h"
#include "testing/temporary_folder.h"

namespace eventmq {
namespace {

using namespace test;
using nlohmann::json;
using testing::HasSubstr;

JobManagerOptions options_for(const std::string& address) {
  JobManagerOptions options;
  options.session.link.addresses = {address};
  options.session.link.reconnect_timeout = milliseconds(200);
  options.session.queues = {{10, Bytes("default")}};
  options.session.slots = 2;
  options.executor.command = {std::string(EVENTMQ_BINARY_DIR) + "/executor_test_worker",
                              std::string(kWorkerProcessArgument)};
  return options;
}

// A job manager on a thread of its own.
class RunningJobManager {
 public:
  explicit RunningJobManager(JobManagerOptions options, SignalCatcher* signals = nullptr,
                             std::function<Result<std::optional<JobManagerOptions>>()> reload = nullptr)
      : thread_([this, options = std::move(options), signals, reload = std::move(reload)]() mutable {
          JobManagerLoop loop(context_, std::move(options), {log_.sink(), signals, std::move(reload)});
          publish(&loop);
          result_ = loop.run();
          publish(nullptr);
        }) {
    wait_for([this] { return loop_ != nullptr || ended_; });
  }
  ~RunningJobManager() {
    with_loop([](JobManagerLoop& loop) { loop.stop(); });
    thread_.join();
  }

  void drain() {
    with_loop([](JobManagerLoop& loop) { loop.request_drain(); });
  }
  void stop() {
    with_loop([](JobManagerLoop& loop) { loop.stop(); });
  }
  // What run() returned.
  Result<void> wait_for_end() {
    if (!wait_for([this] { return ended_; })) return fail(ErrorCode::kTimedOut, "it does not end");
    return result_;
  }
  CollectedLog& log() { return log_; }

 private:
  void publish(JobManagerLoop* loop) {
    const std::lock_guard lock(mutex_);
    loop_ = loop;
    ended_ = loop == nullptr;
    changed_.notify_all();
  }
  template <class Condition>
  bool wait_for(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kGenerous, condition);
  }
  template <class Call>
  void with_loop(Call call) {
    const std::lock_guard lock(mutex_);
    if (loop_ != nullptr) call(*loop_);
  }

  ZmqContext context_;
  CollectedLog log_;
  std::mutex mutex_;
  std::condition_variable changed_;
  JobManagerLoop* loop_ = nullptr;
  bool ended_ = false;
  Result<void> result_;
  std::thread thread_;
};

struct JobManagerLoopTest : testing::Test {
  TestPeer make_client() { return TestPeer(router, router.loop().endpoints().frontend, "client"); }
  JobManagerOptions usual_options() { return options_for(router.loop().endpoints().backend); }

  // Hands in a job and gives its id once the broker has it.
  std::string send(const std::string& name, const std::string& args = "[]",
                   const std::string& headers = "reply-requested") {
    const std::string id =
        client.send(request(headers, R"(["run", {"callable": ")" + name + R"(", "args": )" + args + "}]"));
    client.expect_ack_of(id);
    return id;
  }
  Reply end_of(const std::string& id) {
    Reply reply = client.expect<Reply>();
    EXPECT_EQ(reply.request_id, id);
    return reply;
  }
  Reply run(const std::string& name, const std::string& args = "[]", const std::string& headers = "reply-requested") {
    return end_of(send(name, args, headers));
  }
  static json value(const Reply& reply) { return json::parse(reply.payload.view())["value"]; }

  RunningRouter router;
  TestPeer client = make_client();
};

TEST_F(JobManagerLoopTest, JobsRunAndTheirResultsComeBack) {
  RunningJobManager manager(usual_options());
  for (int i = 0; i < 50; ++i) {
    const Reply reply = run("add", "[" + std::to_string(i) + ", 1]");
    EXPECT_EQ(reply.outcome, Outcome::kOk);
    EXPECT_EQ(value(reply), i + 1);
  }
}

TEST_F(JobManagerLoopTest, EveryEndingReachesTheClient) {
  RunningJobManager manager(usual_options());
  EXPECT_EQ(run("throw").outcome, Outcome::kError);
  EXPECT_EQ(run("crash").outcome, Outcome::kKilled);
  EXPECT_EQ(run("no.such").outcome, Outcome::kUnknownJob);
  EXPECT_EQ(run("for_ever", "[]", "reply-requested,timeout:1").outcome, Outcome::kTimeout);
  EXPECT_EQ(value(run("add", "[1, 2]")), 3);
}

TEST_F(JobManagerLoopTest, TimeoutOfZeroIsNeverEvenIfThereIsAGlobalOne) {
  JobManagerOptions options = usual_options();
  options.executor.global_timeout = milliseconds(200);
  RunningJobManager manager(options);
  EXPECT_EQ(value(run("context", "[]", "reply-requested"))["has_deadline"], true);
  EXPECT_EQ(value(run("context", "[]", "reply-requested, timeout:0"))["has_deadline"], false);
  EXPECT_EQ(run("for_ever").outcome, Outcome::kTimeout);
}

TEST_F(JobManagerLoopTest, DrainFinishesWhatRunsAndEnds) {
  RunningJobManager manager(usual_options());
  EXPECT_EQ(value(run("add", "[1, 2]")), 3);
  manager.drain();
  const Result<void> ended = manager.wait_for_end();
  EXPECT_TRUE(ended) << ended.error().text;
}

TEST_F(JobManagerLoopTest, DrainBeforeAnyProcessIsReadyEndsToo) {
  JobManagerOptions options = usual_options();
  options.executor.command = {"/bin/sh", "-c", "read hello <&3; read stop <&3"};
  RunningJobManager manager(options);
  manager.drain();
  EXPECT_TRUE(manager.wait_for_end());
}

TEST_F(JobManagerLoopTest, StopKillsWhatRunsAndTellsTheBroker) {
  RunningJobManager manager(usual_options());
  const std::string id = send("ignore_terminate");
  while (value(run("add", "[1, 2]")) != 3) continue;
  manager.stop();
  EXPECT_EQ(end_of(id).outcome, Outcome::kKilled);
  EXPECT_TRUE(manager.wait_for_end());
}

TEST_F(JobManagerLoopTest, WorkerProcessesThatCannotStartAreAnError) {
  JobManagerOptions options = usual_options();
  options.executor.hooks.setup = "set_up_badly";
  RunningJobManager manager(options);
  const Result<void> ended = manager.wait_for_end();
  ASSERT_FALSE(ended);
  EXPECT_THAT(ended.error().text, HasSubstr("no database"));
}

TEST_F(JobManagerLoopTest, HangUpReplacesTheProcessesWithNewSettings) {
  SignalCatcher signals({SIGHUP});
  RunningJobManager manager(usual_options(), &signals, [this]() -> Result<std::optional<JobManagerOptions>> {
    JobManagerOptions options = usual_options();
    options.executor.hooks.setup = "set_up";
    return options;
  });
  EXPECT_EQ(value(run("hooks"))[0], false);
  ::kill(::getpid(), SIGHUP);
  ASSERT_TRUE(manager.log().wait_for("serves with the new settings"));
  EXPECT_EQ(value(run("hooks"))[0], true);
}

TEST_F(JobManagerLoopTest, HangUpWithoutAChangeLeavesTheProcessesAlone) {
  SignalCatcher signals({SIGHUP});
  int reads = 0;
  std::promise<void> first_read;
  RunningJobManager manager(usual_options(), &signals, [&]() -> Result<std::optional<JobManagerOptions>> {
    if (++reads > 1) return fail(ErrorCode::kBadValue, "the second time");
    first_read.set_value();
    return std::nullopt;
  });
  ::kill(::getpid(), SIGHUP);
  ASSERT_EQ(first_read.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
  ::kill(::getpid(), SIGHUP);
  ASSERT_TRUE(manager.log().wait_for("the second time"));
  EXPECT_FALSE(manager.log().contains("were read again; a new"));
}

TEST_F(JobManagerLoopTest, HangUpWithAChangeThatIsNotTheirsLeavesTheProcessesAlone) {
  SignalCatcher signals({SIGHUP});
  int reads = 0;
  std::promise<void> first_read;
  RunningJobManager manager(usual_options(), &signals, [&]() -> Result<std::optional<JobManagerOptions>> {
    JobManagerOptions options = usual_options();
    options.kill_grace_period = seconds(7);
    options.session.link.heartbeat_timeout = seconds(77);
    if (++reads == 1) first_read.set_value();
    if (reads == 2) return fail(ErrorCode::kBadValue, "the second time");
    options.plugins_rebuilt = reads == 3;
    return options;
  });
  EXPECT_EQ(value(run("add", "[1, 2]")), 3);
  ::kill(::getpid(), SIGHUP);
  ASSERT_EQ(first_read.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
  ::kill(::getpid(), SIGHUP);
  ASSERT_TRUE(manager.log().wait_for("the second time"));
  EXPECT_FALSE(manager.log().contains("were read again; a new"));
  ::kill(::getpid(), SIGHUP);
  ASSERT_TRUE(manager.log().wait_for("serves with the new settings")) << "a plug-in was built anew";
}

TEST_F(JobManagerLoopTest, SettingsThatWereRefusedAreTriedAgainAtEveryHangUp) {
  SignalCatcher signals({SIGHUP});
  const TemporaryFolder folder;
  const std::string file = folder.path() + "/ok";
  bool read = false;
  RunningJobManager manager(usual_options(), &signals, [&]() -> Result<std::optional<JobManagerOptions>> {
    if (std::exchange(read, true)) return std::nullopt;
    JobManagerOptions options = usual_options();
    const std::vector<std::string> usual = options.executor.command;
    options.executor.command = {"/bin/sh", "-c", "test -e " + file + " && exec " + usual.at(0) + " " + usual.at(1)};
    return options;
  });
  EXPECT_EQ(value(run("add", "[1, 2]")), 3);
  ::kill(::getpid(), SIGHUP);
  ASSERT_TRUE(manager.log().wait_for("all processes stay as they are"));
  std::ofstream(file) << "ok";
  ::kill(::getpid(), SIGHUP);
  ASSERT_TRUE(manager.log().wait_for("tries the settings that the last one could not serve with"));
  ASSERT_TRUE(manager.log().wait_for("serves with the new settings"));
  EXPECT_EQ(value(run("add", "[1, 2]")), 3);
}

// --- Worker processes that can no longer be started ---

// A job manager of one slot. Its processes start as long as a file is there.
struct UnstartableTest : JobManagerLoopTest {
  UnstartableTest() { allow(); }
  JobManagerOptions breakable_options() {
    JobManagerOptions options = usual_options();
    options.session.link.name = "breakable";
    options.session.slots = 1;
    options.unserved_patience = milliseconds(50);
    const std::vector<std::string> usual = options.executor.command;
    options.executor.command = {"/bin/sh", "-c", "test -e " + file + " && exec " + usual.at(0) + " " + usual.at(1)};
    return options;
  }
  void allow() { std::ofstream(file) << "ok"; }
  // The process dies, and no other begins.
  void break_down(RunningJobManager& manager) {
    const int process = value(run("process"));
    std::filesystem::remove(file);
    ::kill(process, SIGKILL);
    ASSERT_TRUE(manager.log().wait_for("the next one is started in"));
  }

  TemporaryFolder folder;
  const std::string file = folder.path() + "/ok";
};

TEST_F(UnstartableTest, TheBrokerIsLeftAndAnotherJobManagerRunsTheJobs) {
  RunningJobManager manager(breakable_options());
  break_down(manager);
  const std::string id = send("add", "[1, 2]");
  ASSERT_TRUE(manager.log().wait_for("no worker process can be started: leaving the broker until one is ready"));
  RunningJobManager other(usual_options());
  const Reply reply = end_of(id);
  EXPECT_EQ(reply.outcome, Outcome::kOk) << "an attempt that never began was none";
  EXPECT_EQ(value(reply), 3);
}

TEST_F(UnstartableTest, OnceAProcessIsReadyItComesBack) {
  RunningJobManager manager(breakable_options());
  break_down(manager);
  ASSERT_TRUE(manager.log().wait_for("leaving the broker"));
  const std::string id = send("add", "[1, 2]");
  allow();
  EXPECT_EQ(value(end_of(id)), 3);
  EXPECT_TRUE(manager.log().contains("a worker process is ready again: back to the broker"));
  EXPECT_EQ(value(run("add", "[3, 4]")), 7);
}

TEST_F(UnstartableTest, DrainOfOneThatIsAwayEnds) {
  RunningJobManager manager(breakable_options());
  break_down(manager);
  ASSERT_TRUE(manager.log().wait_for("leaving the broker"));
  manager.drain();
  EXPECT_TRUE(manager.wait_for_end());
}

TEST_F(UnstartableTest, AProcessThatIsWornOutIsNoReasonToLeave) {
  JobManagerOptions options = breakable_options();
  options.executor.max_job_count = 1;
  options.unserved_patience = Duration{};
  RunningJobManager manager(options);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(value(run("add", "[1, 2]")), 3);
  EXPECT_FALSE(manager.log().contains("leaving the broker"));
}

TEST_F(JobManagerLoopTest, ConversationBeginsAnewWithAnotherBroker) {
  RunningRouter second;
  JobManagerOptions options = usual_options();
  options.session.link.addresses.push_back(second.loop().endpoints().backend);
  RunningJobManager manager(options);
  EXPECT_EQ(value(run("add", "[1, 2]")), 3);
  router.loop().stop();
  ASSERT_TRUE(router.wait_for_end());

  TestPeer other(second, second.loop().endpoints().frontend, "other");
  const std::string id = other.send(request("reply-requested", R"(["run", {"callable": "add", "args": [3, 4]}])"));
  other.expect_ack_of(id);
  EXPECT_EQ(value(other.expect<Reply>()), 7);
}

}  // namespace
}  // namespace eventmq
