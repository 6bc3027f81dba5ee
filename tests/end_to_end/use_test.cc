// The system as people and programs use it: exit codes, counters at any moment, fair turns.
#include <signal.h>

#include <atomic>
#include <future>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/compat/player.h"
#include "tests/end_to_end/system.h"

namespace eventmq::end_to_end {
namespace {

class UseTest : public SystemTest {
 protected:
  UseTest() : SystemTest({{"RETRY_BACKOFF", "0.01"}}) {}
};

TEST_F(UseTest, SendSaysByItsExitCodeHowItWent) {
  start_manager("m");
  const Ran sum = emq({"send", "math.add", "2", "3", "--wait"});
  EXPECT_EQ(sum.code, 0) << sum.err;
  EXPECT_EQ(sum.out, "5\n");
  EXPECT_EQ(emq({"send", "text.upper", "\"hello\"", "--wait"}).out, "HELLO\n");
  const std::string digits = "20240001234567890123456";
  EXPECT_EQ(emq({"send", "text.upper", digits, "--wait"}).out, digits + "\n") << "beyond 64 bits";
  const Ran failed = emq({"send", "fail.always", "--retry-count", "2", "--wait"});
  EXPECT_EQ(failed.code, 1);
  EXPECT_THAT(failed.err, ::testing::HasSubstr("this job always fails"));
  EXPECT_EQ(router_.totals().at("retries"), 2);
  const Ran folder = emq({"send", "count.words", "/", "--wait"});
  EXPECT_EQ(folder.code, 1) << folder.out;
  EXPECT_THAT(folder.err, ::testing::HasSubstr("/ is a folder"));
  const Ran crashed = emq({"send", "crash.segv", "-w"});
  EXPECT_EQ(crashed.code, 1);
  EXPECT_THAT(crashed.err, ::testing::HasSubstr("SIGSEGV"));
  EXPECT_EQ(emq({"send", "sleep.seconds", "3600", "--timeout", "0.1", "--wait"}).code, 1);
  EXPECT_EQ(emq({"send", "math.add", "--no-such-flag"}).code, 2);
  EXPECT_EQ(emq({"send"}).code, 2);
  EXPECT_EQ(emq({"send", "math.add", "--queue", "nobodys", "--wait-timeout", "0.05"}).code, 4);
  const Ran accepted = emq({"send", "math.add", "2", "3", "--queue", "nobodys"});
  EXPECT_EQ(accepted.code, 0) << accepted.err;
  EXPECT_EQ(accepted.out.size(), 37u) << "an id: " << accepted.out;
  router_.kill();
  EXPECT_EQ(emq({"send", "math.add", "2", "3", "--reply-timeout", "0.2"}).code, 3);
  EXPECT_EQ(emq({"send", "math.add", "2", "3", "--reply-timeout", "0.2", "--wait"}).code, 3);
}

TEST_F(UseTest, AtAnyMomentEveryAcceptedJobIsCountedOnce) {
  start_manager("a");
  start_manager("b", {{"CONCURRENT_JOBS", "2"}});
  std::atomic<bool> enough{false};
  std::atomic<int> samples{0};
  std::thread sampler([&] {
    while (!enough) {
      const Ran status = emq({"status", "--json"});
      ASSERT_EQ(status.code, 0) << status.err;
      expect_conservation(Json::parse(status.out));
      ++samples;
    }
  });
  Client client(client_options());
  std::vector<std::future<std::string>> sent;
  for (int round = 0; round < 400; ++round) {
    sent.push_back(client.send_async("test.append", {file("runs")}));
    sent.push_back(client.send_async("test.fail", {file("runs")}, {.retry_count = 1}));
    sent.push_back(client.send_async("math.add", {1, 2}, {.delay = std::chrono::milliseconds(20)}));
    sent.push_back(client.send_async("crash.segv", {}, {.queue = round % 20 == 0 ? "" : "nobodys"}));
    sent.push_back(
        client.send_async("math.add", {1, 2}, {.queue = "nobodys", .expires = std::chrono::milliseconds(50)}));
  }
  std::vector<std::string> ids;
  for (auto& each : sent) ids.push_back(each.get());
  for (size_t job = 3; job < ids.size(); job += 5) static_cast<void>(client.try_cancel(ids[job]));
  router_.wait_until("all has ended", [](const Json& status) {
    const Json& totals = status.at("totals");
    return totals.at("waiting") == 0 && totals.at("delayed") == 0 && totals.at("running") == 0;
  });
  wait_until("a sample of the end", [&, until = samples + 2] { return samples >= until; });
  enough = true;
  sampler.join();
  const Json totals = router_.totals();
  EXPECT_EQ(totals.at("accepted"), 2'000);
  EXPECT_EQ(totals.at("expired"), 400);
  EXPECT_EQ(totals.at("cancelled").get<int>() + totals.at("dead").get<int>(), 400 + 400);
  EXPECT_EQ(totals.at("done"), 800);
  EXPECT_EQ(runs_of(file("runs")).size(), 400u + 2 * 400u);
}

// `timeout:0` overrides the job manager's global_timeout, and `expires:0` wants a slot at once.
TEST_F(UseTest, AZeroThatIsTypedIsMeant) {
  ASSERT_EQ(emq({"send", "math.add", "2", "3", "--queue", "nobodys", "--expires", "0"}).code, 0);
  ASSERT_TRUE(router_.wait_for_total("expired", 1));
  const Ran sent = emq({"send", "math.add", "2", "3", "--queue", "nobodys", "--timeout", "0", "--json"});
  const std::string id = Json::parse(sent.out).at("id");
  EXPECT_EQ(router_.query("job", {{"id", id}}).at("headers"), "timeout:0");
  start_manager("m", {{"GLOBAL_TIMEOUT", "0.3"}});
  EXPECT_EQ(emq({"send", "math.add", "2", "3", "--expires", "0", "--wait"}).out, "5\n");
  EXPECT_EQ(emq({"send", "sleep.seconds", "0.6", "--timeout", "0", "--wait"}).code, 0);
  EXPECT_EQ(emq({"send", "sleep.seconds", "3600", "--wait"}).code, 1) << "the global one";
}

// While the router stands still, one client sends 20,000 jobs, and then another one job. When it goes on, the other is
// served long before the flood is through.
TEST_F(UseTest, AFloodFromOneClientDoesNotKeepAnotherWaiting) {
  constexpr int kFlood = 20'000;
  ZmqContext context;
  SocketOptions options = test::small_options();
  options.send_queue_messages = 2 * kFlood;
  DealerSocket flooder(context, options);
  ASSERT_TRUE(flooder.connect(router_.frontend(), "flooder"));
  Frames frames;
  ASSERT_EQ(test::wait_input(flooder, frames), DealerInput::kConnected);
  compat::Player quiet(context, router_.frontend(), "quiet"), admin(context, router_.administrative(), "admin");
  quiet.say({"REQUEST", "first", "quiet", "", "[]"});
  quiet.expect_ack_of("first");
  admin.say({"QUERY", "first", "status"});
  admin.hear("REPLY");

  router_.process().tell(SIGSTOP);
  for (int job = 0; job < kFlood; ++job) {
    ASSERT_TRUE(flooder.send(compat::frames_from({"REQUEST", "flood-" + std::to_string(job), "flood", "", "[]"})));
  }
  quiet.say({"REQUEST", "second", "quiet", "", "[]"});
  router_.process().tell(SIGCONT);
  quiet.expect_ack_of("second");
  admin.say({"QUERY", "second", "status"});
  const Json status = Json::parse(admin.hear("REPLY").frames.at(0));
  EXPECT_LT(status.at("totals").at("accepted"), kFlood / 2) << "of the flood, when the other had been served";
  EXPECT_TRUE(router_.wait_for_total("accepted", kFlood + 2));
}

TEST_F(UseTest, AnIdSentAgainOnANewConnectionRunsOnceAndIsAnsweredThere) {
  start_manager("m");
  Client first(client_options());
  Gate gate(file("gate"));
  const RequestOptions options{.id = "the-id"};
  auto lost = first.request("test.wait_at_gate", {file("runs"), gate.path()}, options);
  wait_for_runs(file("runs"), 1);
  Client second(client_options());
  auto again = second.request("test.wait_at_gate", {file("runs"), gate.path()}, options);
  router_.wait_until("it is known", [](const Json& status) { return status.at("counters").at("duplicates") == 1; });
  gate.open();
  EXPECT_EQ(again.get(), 1) << "the reply goes to the newest connection that asked";
  EXPECT_EQ(first.request("test.wait_at_gate", {file("runs"), gate.path()}, {.id = "other"}).get(), 1);
  EXPECT_EQ(second.request("anything", {}, options).get(), 1) << "ended, and its result is still known";
  EXPECT_EQ(runs_of(file("runs")).size(), 2u);
}

TEST_F(UseTest, AFullQueueIsSaidToTheClientAndNothingIsTaken) {
  router_.kill();
  router_.start({{"HWM", "10"}});
  Client client(client_options());
  for (int job = 0; job < 10; ++job) client.send("some.job", {}, {.queue = "nobodys"});
  EXPECT_EQ(client.try_send("some.job", {}, {.queue = "nobodys"}).error().code, ErrorCode::kQueueFull);
  EXPECT_TRUE(client.try_send("some.job", {}, {.queue = "other"})) << "another queue has room";
  EXPECT_EQ(emq({"send", "some.job", "--queue", "nobodys"}).code, 1);
  EXPECT_EQ(router_.totals().at("accepted"), 11);
}

TEST_F(UseTest, WhatTheRouterDoesNotTakeFailsAloneAndIsNotSentForEver) {
  router_.kill();
  router_.start({{"MAX_MESSAGE_SIZE", "64K"}});
  start_manager("m");
  Client client(client_options());
  auto large = client.request<std::string>("text.upper", {std::string(100'000, 'a')});
  auto small = client.request<int>("math.add", {2, 3});
  EXPECT_EQ(small.get(), 5);
  try {
    large.get();
    ADD_FAILURE() << "the router took it";
  } catch (const Exception& error) {
    EXPECT_EQ(error.code(), ErrorCode::kTooLarge) << error.what();
    EXPECT_THAT(error.what(), ::testing::HasSubstr("the broker takes at most 65536"));
  }
  auto large_result = client.request<std::string>("test.text", {100'000});
  try {
    large_result.get();
    ADD_FAILURE() << "the router took its result";
  } catch (const Exception& error) {
    EXPECT_EQ(error.code(), ErrorCode::kJobFailed) << error.what();
    EXPECT_THAT(error.what(), ::testing::HasSubstr("the job's result has 100012 bytes"));
  }
  EXPECT_EQ(client.request<int>("math.add", {3, 4}).get(), 7);
  EXPECT_EQ(router_.query("status").at("counters").at("resumed"), 0) << "no connection was lost";
}

TEST_F(UseTest, AJobTooLargeForItsJobManagerEndsAsAnErrorThatSaysSo) {
  start_manager("m", {{"MAX_MESSAGE_SIZE", "64K"}});
  Client client(client_options());
  auto large = client.request<std::string>("text.upper", {std::string(100'000, 'a')}, {.guarantee = true});
  try {
    large.get();
    ADD_FAILURE() << "the job manager took it";
  } catch (const Exception& error) {
    EXPECT_EQ(error.code(), ErrorCode::kJobFailed) << error.what();
    EXPECT_THAT(error.what(),
                ::testing::HasSubstr("its job manager takes at most 65536 (its setting max_message_size)"));
  }
  manager("m").wait_for_err("its job manager takes at most 65536");
  EXPECT_EQ(client.request<int>("math.add", {3, 4}).get(), 7);
  EXPECT_EQ(router_.query("status").at("counters").at("resumed"), 0) << "no connection was lost";
}

TEST_F(UseTest, ShutdownFromTheShellEndsTheRouterInOrder) {
  start_manager("m");
  EXPECT_EQ(emq({"shutdown"}).code, 0);
  EXPECT_EQ(router_.process().wait(), 0) << router_.process().err();
  router_.start();
  EXPECT_TRUE(router_.wait_for_workers(1)) << "the job manager waited for it";
}

}  // namespace
}  // namespace eventmq::end_to_end
