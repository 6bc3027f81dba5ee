// Jobs on real worker processes: what comes back, and how little a bad one can do.
#include <signal.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/compat/player.h"
#include "tests/end_to_end/system.h"

namespace eventmq::end_to_end {
namespace {

using ::testing::HasSubstr;

size_t count_of(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

class LoggedSystemTest : public SystemTest {
 protected:
  LoggedSystemTest() : SystemTest({{"SUPER_DEBUG", "yes"}}) {}
};

// One message each way on each of the two connections, and the ACK.
TEST_F(LoggedSystemTest, APlainJobIsAnsweredInOneRoundTrip) {
  start_manager("m");
  const size_t before = router_.process().err().size();
  ZmqContext context;
  compat::Player player(context, router_.frontend(), "player");
  player.say({"REQUEST", "the-job", "default", "reply-requested",
              R"(["run", {"path": "math", "callable": "add", "args": [2, 3]}])"});
  player.expect_ack_of("the-job");
  const compat::Heard reply = player.hear("REPLY");
  EXPECT_EQ(Json::parse(reply.frames.at(0)), (Json{{"value", 5}}));
  EXPECT_EQ(reply.frames.at(1), "the-job");
  EXPECT_EQ(reply.frames.at(2), "ok");
  router_.process().wait_for_err("to frontend player: REPLY", before);
  const std::string said = router_.process().err().substr(before);
  EXPECT_EQ(count_of(said, "from frontend player"), 1u) << said;
  EXPECT_EQ(count_of(said, "to backend m"), 1u) << said;
  EXPECT_EQ(count_of(said, "from backend m"), 1u) << said;
  EXPECT_EQ(count_of(said, "to frontend player"), 2u) << said;
}

class JobsTest : public SystemTest {
 protected:
  JobFailure failure_of(const std::string& name, const Json& args = Json::array(), const RequestOptions& options = {}) {
    try {
      const Json value = client_.request(name, args, options).get();
      ADD_FAILURE() << name << " returned " << value.dump();
    } catch (const JobFailed& failed) {
      return failed.failure();
    }
    return {};
  }
  void expect_five() { EXPECT_EQ(client_.request<int>("math.add", {2, 3}).get(), 5); }

  Client client_{client_options()};
};

// With one process, each of these jobs runs where the one before it did its worst.
TEST_F(JobsTest, ABadHandlerEndsItsOwnJobOnly) {
  Process& manager = start_manager("m", {{"CONCURRENT_JOBS", "1"}});
  expect_five();
  EXPECT_EQ(failure_of("fail.always").outcome, "error");
  EXPECT_EQ(failure_of("fail.always", {"my words"}).message, "my words");
  expect_five();
  EXPECT_EQ(failure_of("test.throw_a_number").outcome, "error");
  expect_five();
  const JobFailure left = failure_of("test.exit", {3});
  EXPECT_EQ(left.outcome, "killed");
  EXPECT_EQ(left.type, "exit");
  EXPECT_EQ(left.details["status"], 3);
  expect_five();
  const JobFailure crashed = failure_of("crash.segv");
  EXPECT_EQ(crashed.outcome, "killed");
  EXPECT_EQ(crashed.details["signal"], "SIGSEGV");
  expect_five();
  EXPECT_EQ(failure_of("test.not_text").type, "bad-result");
  expect_five();
  EXPECT_EQ(failure_of("test.say_on_channel", {"this is no JSON\n"}).type, "bad-result");
  expect_five();
  EXPECT_EQ(failure_of("test.say_on_channel", {std::string(1000, '[') + "\n"}).type, "bad-result");
  expect_five();
  EXPECT_EQ(failure_of("no.such.job").outcome, "unknown-job");
  EXPECT_EQ(failure_of("math.add", {"two", 3}).type, "bad-arguments");
  EXPECT_EQ(client_.request("math.add", {18446744073709551615u, 0}).get(), Json(18446744073709551615u));
  EXPECT_EQ(client_.request("math.add", {9223372036854775807, 1}).get(), Json(9223372036854775808u));
  EXPECT_EQ(client_.request("math.add", {-9223372036854775807 - 1, -1}).get(), Json(-9223372036854775808.0));
  EXPECT_EQ(failure_of("math.add", {1, 2, 3}).type, "bad-arguments");
  expect_five();
  EXPECT_EQ(client_.request<size_t>("test.print", {5'000'000}).get(), 5'000'000u);
  expect_five();
  EXPECT_LT(manager.err().size(), 500'000u) << "of what a job prints, 64 KiB are kept";
}

TEST_F(JobsTest, AKilledWorkerProcessEndsItsJobAndIsReplaced) {
  Process& manager = start_manager("m", {{"CONCURRENT_JOBS", "2"}});
  Gate gate(file("gate"));
  auto result = client_.request("test.wait_at_gate", {file("runs"), gate.path()});
  const pid_t victim = wait_for_runs(file("runs"), 1).at(0).worker;
  const auto before = children_of(manager.pid());
  ASSERT_EQ(std::count(before.begin(), before.end(), victim), 1);
  ::kill(victim, SIGKILL);
  try {
    result.get();
    ADD_FAILURE() << "it returned";
  } catch (const JobFailed& failed) {
    EXPECT_EQ(failed.failure().outcome, "killed");
    EXPECT_EQ(failed.failure().details["signal"], "SIGKILL");
  }
  wait_until("as many processes as before, without the victim", [&] {
    const auto now = children_of(manager.pid());
    return now.size() == before.size() && std::count(now.begin(), now.end(), victim) == 0;
  });
  gate.open();
  expect_five();
  EXPECT_EQ(router_.worker("m").at("slots_free"), 2);
}

TEST_F(JobsTest, ATimeoutEndsTheWholeProcessGroup) {
  start_manager("m", {{"CONCURRENT_JOBS", "1"}});
  const JobFailure failure =
      failure_of("test.family", {file("family")}, {.job_timeout = std::chrono::milliseconds(300)});
  EXPECT_EQ(failure.outcome, "timeout");
  const auto family = lines_of(file("family"));
  ASSERT_EQ(family.size(), 2u);
  for (const std::string& member : family) EXPECT_TRUE(Stranger(std::stoi(member)).wait_gone()) << member;
  expect_five();
}

TEST_F(JobsTest, ARunningJobCanBeCancelledFromTheShell) {
  start_manager("m", {{"CONCURRENT_JOBS", "1"}});
  auto result = client_.request("sleep.seconds", {3600}, {.id = "long"});
  ASSERT_TRUE(router_.wait_for_total("running", 1));
  EXPECT_EQ(emq({"jobs", "cancel", "long"}).code, 0);
  try {
    result.get();
    ADD_FAILURE() << "it returned";
  } catch (const JobFailed& failed) {
    EXPECT_EQ(failed.failure().outcome, "cancelled");
  }
  EXPECT_EQ(router_.totals().at("cancelled"), 1);
}

TEST_F(JobsTest, ProcessesAreReplacedAfterTheirShareOfJobs) {
  start_manager("m", {{"CONCURRENT_JOBS", "1"}, {"MAX_JOB_COUNT", "2"}});
  for (int job = 0; job < 6; ++job) client_.request("test.append", {file("runs")}).get();
  std::map<pid_t, int> jobs;
  for (const JobRun& run : runs_of(file("runs"))) ++jobs[run.worker];
  EXPECT_EQ(jobs.size(), 3u);
  for (const auto& [worker, count] : jobs) EXPECT_EQ(count, 2) << worker;
}

}  // namespace
}  // namespace eventmq::end_to_end
