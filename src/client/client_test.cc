// The client against a router as it runs in production, and against a broker that the test plays by hand.
#include "eventmq/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <set>
#include <thread>

#include "src/client/testing/fake_broker.h"
#include "src/client/testing/test_router.h"
#include "src/client/testing/test_worker.h"

namespace eventmq {
namespace {

using namespace std::chrono_literals;
using test::FakeBroker;
using test::kGenerous;
using test::TestRouter;
using test::TestWorker;
using ::testing::ElementsAre;

// What a call throws; fails the test if it throws nothing.
template <class Call>
ErrorCode thrown_by(Call call) {
  try {
    call();
  } catch (const Exception& exception) {
    return exception.code();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorCode::kBadMessage;
}

template <class Condition>
void wait_until(Condition condition) {
  const auto since = std::chrono::steady_clock::now();
  while (!condition()) {
    ASSERT_LT(std::chrono::steady_clock::now() - since, kGenerous);
    std::this_thread::yield();
  }
}

class ClientTest : public ::testing::Test {
 protected:
  const std::string& frontend() const { return router_.endpoints().frontend; }
  const std::string& backend() const { return router_.endpoints().backend; }
  static ClientOptions unlimited(const std::string& address) {
    return {.address = address, .ack_timeout = kGenerous, .linger = kGenerous};
  }

  TestRouter router_;
};

TEST_F(ClientTest, SendHandsInAJob) {
  Client client(frontend());
  const std::string id = client.send("math.add", {2, 3}, {.kwargs = {{"loud", true}}});
  EXPECT_EQ(id.size(), 36u);
  TestWorker worker(backend());
  wait_until([&] { return !worker.ids().empty(); });
  EXPECT_THAT(worker.ids(), ElementsAre(id));
  EXPECT_EQ(worker.calls()[0]["path"], "math");
  EXPECT_EQ(worker.calls()[0]["args"], Json::array({2, 3}));
  EXPECT_EQ(worker.calls()[0]["kwargs"], Json({{"loud", true}}));
}

TEST_F(ClientTest, CallsReadAsTheDocumentsShowThem) {
  TestWorker worker(backend());
  Client client(frontend());
  auto id = client.send("reports.build", {2026, "ops"}, {.queue = "reports", .retry_count = 5, .guarantee = true});
  auto sum = client.request<int>("math.add", {2, 3}, {.timeout = kGenerous}).get();
  EXPECT_EQ(sum, 5);
  EXPECT_FALSE(id.empty());
}

TEST_F(ClientTest, SendTakesAnIdOfTheCallersOnce) {
  Client client(frontend());
  EXPECT_EQ(client.send("math.add", {2, 3}, {.id = "order-7"}), "order-7");
  EXPECT_EQ(client.send("math.add", {2, 3}, {.id = "order-7"}), "order-7");
  TestWorker worker(backend());
  const Json last = client.request("math.add", {1, 1}).get();
  EXPECT_EQ(worker.ids().size(), 2u) << "the job with the same id ran once";
}

TEST_F(ClientTest, SendAsyncPromisesTheId) {
  Client client(frontend());
  std::future<std::string> first = client.send_async("math.add", {2, 3});
  std::future<std::string> second = client.send_async("math.add", {2, 3});
  EXPECT_NE(first.get(), second.get());
}

TEST_F(ClientTest, RequestGivesJsonOrAType) {
  TestWorker worker(backend());
  Client client(frontend());
  EXPECT_EQ(client.request("math.add", {2, 3}).get(), Json(5));
  EXPECT_EQ(client.request<double>("math.add", {2, 3}).get(), 5.0);
  client.request<void>("math.add", {2, 3}).get();
  EXPECT_EQ(client.try_request<int>("math.add", {2, 3}).get().value(), 5);
}

TEST_F(ClientTest, ResultOfAnotherTypeIsABadValue) {
  TestWorker worker(backend());
  Client client(frontend());
  EXPECT_EQ(thrown_by([&] { client.request<std::string>("math.add", {2, 3}).get(); }), ErrorCode::kBadValue);
}

TEST_F(ClientTest, NumberThatDoesNotFitTheTypeIsABadValueAndNoOtherNumber) {
  TestWorker worker(backend());
  Client client(frontend());
  const auto error_of = [&]<class T>(T, const Json& value) {
    const Result<T> result = client.try_request<T>("value.echo", Json::array({value})).get();
    return result ? "none" : result.error().text;
  };
  EXPECT_EQ(error_of(int{}, 3000000000),
            "the result must be a whole number from -2147483648 to 2147483647, not 3000000000");
  EXPECT_EQ(error_of(unsigned{}, -1), "the result must be a whole number from 0 to 4294967295, not -1");
  EXPECT_EQ(error_of(int{}, 2.75), "the result must be a whole number, not 2.75");
  EXPECT_EQ(error_of(int{}, true), "the result must be a whole number, not true");
  EXPECT_EQ(error_of('a', 256), "the result must be a whole number from -128 to 127, not 256");
  EXPECT_EQ(error_of(1.0F, 1e300), "the result must be a number that fits, not 1e+300");
  EXPECT_EQ(error_of(std::vector<int>{}, {1, 2.5}), "the result has an element 2 that must be a whole number, not 2.5");
  EXPECT_EQ(client.request<uint64_t>("value.echo", {18446744073709551615U}).get(), 18446744073709551615U);
  EXPECT_EQ(client.request<std::optional<int>>("value.echo", {nullptr}).get(), std::nullopt);
  EXPECT_EQ((client.request<std::pair<int, std::string>>("value.echo", Json::array({{1, "a"}})).get().second), "a");
}

TEST_F(ClientTest, FailedJobThrowsWhatTheWorkerSaid) {
  TestWorker worker(backend());
  Client client(frontend());
  try {
    client.request<int>("fail.always").get();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const JobFailed& failed) {
    EXPECT_EQ(failed.code(), ErrorCode::kJobFailed);
    EXPECT_EQ(failed.failure().type, "ValueError");
    EXPECT_EQ(failed.failure().details, Json({{"line", 7}}));
  }
  EXPECT_EQ(client.try_request<int>("fail.always").get().error().code, ErrorCode::kJobFailed);
}

TEST_F(ClientTest, ProgressReachesTheCallback) {
  TestWorker worker(backend());
  Client client(frontend());
  double fraction = 0;
  std::string text;
  const auto remember = [&](double told, const std::string& with) {
    fraction = told;
    text = with;
  };
  client.request("long.steps", {}, {.on_progress = remember}).get();
  EXPECT_EQ(fraction, 0.5);
  EXPECT_EQ(text, "half");
}

TEST_F(ClientTest, CallbackThatThrowsOrWaitsHarmsNobody) {
  TestWorker worker(backend());
  Client client(frontend());
  ErrorCode refused = ErrorCode::kSystem;
  const auto misuse = [&](double, const std::string&) {
    refused = client.try_send("math.add", {1, 1}).error().code;
    throw std::runtime_error("from the callback");
  };
  client.request("long.steps", {}, {.on_progress = misuse}).get();
  EXPECT_EQ(refused, ErrorCode::kBadValue);
}

TEST_F(ClientTest, RequestThatNobodyRunsTimesOut) {
  Client client(frontend());
  EXPECT_EQ(thrown_by([&] {
              client.request("math.add", {2, 3}, {.timeout = 30ms, .guarantee = true}).get();
            }),
            ErrorCode::kTimedOut);
}

TEST_F(ClientTest, CancelEndsAWaitingJob) {
  Client client(frontend());
  auto result = client.request("math.add", {2, 3}, {.id = "to-cancel"});
  client.flush(kGenerous);
  client.cancel("to-cancel");
  try {
    result.get();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const JobFailed& failed) {
    EXPECT_EQ(failed.failure().outcome, "cancelled");
  }
  EXPECT_EQ(thrown_by([&] { client.cancel("to-cancel"); }), ErrorCode::kUnknownJob);
}

TEST_F(ClientTest, ResultTellsHowFarAJobIsAndWhatItEndedWith) {
  Client client(frontend());
  EXPECT_EQ(client.result("nobody").state, JobStatus::State::kUnknown);
  client.send("math.add", {2, 3}, {.delay = 1h, .result_ttl = 1h, .id = "delayed"});
  client.send("math.add", {2, 3}, {.result_ttl = 1h, .id = "sum"});
  EXPECT_EQ(client.result("delayed").state, JobStatus::State::kDelayed);
  EXPECT_EQ(client.result("sum").state, JobStatus::State::kWaiting);
  TestWorker worker(backend());
  wait_until([&] { return client.result("sum").state == JobStatus::State::kEnded; });
  Client other(frontend());
  const JobStatus sum = other.result("sum");
  EXPECT_TRUE(sum.succeeded());
  EXPECT_EQ(sum.value, Json(5));
  client.cancel("delayed");
  const JobStatus cancelled = other.result("delayed");
  EXPECT_FALSE(cancelled.succeeded());
  ASSERT_TRUE(cancelled.failure);
  EXPECT_EQ(cancelled.failure->outcome, "cancelled");
  EXPECT_EQ(thrown_by([&] { client.result("a,b"); }), ErrorCode::kBadValue);
  client.close();
  EXPECT_EQ(thrown_by([&] { client.result("sum"); }), ErrorCode::kClosed);
}

TEST_F(ClientTest, AQuestionIsAskedAgainAfterAReconnect) {
  FakeBroker broker;
  Client client(unlimited(broker.endpoint()));
  auto asked = std::async(std::launch::async, [&] { return client.result("j1"); });
  broker.welcome();
  const Message first = broker.expect<Query>();
  broker.say(Goodbye{});
  broker.welcome("errors,instance:two");
  const Message again = broker.expect<Query>();
  EXPECT_EQ(again.id, first.id);
  broker.say(
      Reply{Bytes(R"({"value": "no", "error": {"type": "T", "message": "no"}})"), again.id, 0, true, Outcome::kError});
  const JobStatus result = asked.get();
  ASSERT_TRUE(result.failure);
  EXPECT_EQ(result.failure->type, "T");
}

TEST_F(ClientTest, BrokersRefusalIsTold) {
  TestRouter small(BrokerSettings{.jobs_per_queue = 1});
  Client client(small.endpoints().frontend);
  client.send("math.add", {2, 3});
  EXPECT_EQ(thrown_by([&] { client.send("math.add", {2, 3}); }), ErrorCode::kQueueFull);
  EXPECT_EQ(client.try_send("math.add", {2, 3}).error().code, ErrorCode::kQueueFull);
}

TEST_F(ClientTest, ScheduleWithoutASchedulerIsRefused) {
  Client client(frontend());
  EXPECT_EQ(thrown_by([&] { client.schedule("reports.nightly", cron("0 3 * * *", "Europe/Berlin")); }),
            ErrorCode::kNoScheduler);
  EXPECT_EQ(client.try_unschedule("reports.nightly").error().code, ErrorCode::kNoScheduler);
}

TEST_F(ClientTest, ManyThreadsShareAClient) {
  TestWorker worker(backend());
  Client client(unlimited(frontend()));
  constexpr int kThreads = 8;
  constexpr int kJobsEach = 50;
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kJobsEach; ++i) {
        if (client.request<int>("math.add", {thread, i}).get() != thread + i) ++wrong;
        client.send("math.add", {0, 0});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  wait_until([&] { return worker.ids().size() == size_t{2} * kThreads * kJobsEach; });
  const std::vector<std::string> ids = worker.ids();
  EXPECT_EQ(std::set(ids.begin(), ids.end()).size(), ids.size());
}

TEST_F(ClientTest, FlushWaitsForEveryAck) {
  Client client(unlimited(frontend()));
  std::vector<std::future<std::string>> sent;
  for (int i = 0; i < 3000; ++i) sent.push_back(client.send_async("math.add", {i, 1}));
  EXPECT_TRUE(client.flush(kGenerous));
  for (auto& future : sent) EXPECT_EQ(future.wait_for(0s), std::future_status::ready);
}

TEST_F(ClientTest, DestructorSeesUnacknowledgedSendsThrough) {
  std::future<std::string> id;
  {
    Client client(unlimited(frontend()));
    id = client.send_async("math.add", {2, 3});
  }
  EXPECT_EQ(id.wait_for(0s), std::future_status::ready);
  TestWorker worker(backend());
  wait_until([&] { return !worker.ids().empty(); });
  EXPECT_THAT(worker.ids(), ElementsAre(id.get()));
}

TEST_F(ClientTest, ClosedClientRefusesEverything) {
  Client client(frontend());
  auto result = client.request("math.add", {2, 3});
  client.close();
  client.close();
  EXPECT_EQ(thrown_by([&] { result.get(); }), ErrorCode::kClosed);
  EXPECT_EQ(thrown_by([&] { client.send("math.add", {2, 3}); }), ErrorCode::kClosed);
  EXPECT_EQ(thrown_by([&] { client.send_async("math.add", {2, 3}).get(); }), ErrorCode::kClosed);
  EXPECT_EQ(thrown_by([&] { client.request("math.add", {2, 3}).get(); }), ErrorCode::kClosed);
  EXPECT_EQ(client.try_publish("topic", 1).error().code, ErrorCode::kClosed);
  EXPECT_TRUE(client.flush(0s)) << "nothing is open";
}

TEST_F(ClientTest, ForkedChildIsRefusedAndEndsInPeace) {
  auto client = std::make_unique<Client>(frontend());
  client->send("math.add", {2, 3});
  const pid_t child = ::fork();
  if (child == 0) {
    const bool refused = client->try_send("math.add", {2, 3}).error().code == ErrorCode::kClosed;
    client.reset();
    Client own(frontend());
    const bool served = own.try_send("math.add", {2, 3}).has_value();
    ::_exit(refused && served ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  client->send("math.add", {2, 3});
}

TEST_F(ClientTest, DeadAddressIsPassedOver) {
  std::string dead;
  {
    const FakeBroker gone;
    dead = gone.endpoint();
  }
  Client client(unlimited(dead + "," + frontend()));
  EXPECT_FALSE(client.send("math.add", {2, 3}).empty());
}

TEST(ClientErrorsTest, WhatDoesNotFitIsRefusedBeforeItIsSent) {
  Client client("tcp://127.0.0.1:1");
  EXPECT_EQ(thrown_by([&] { client.send(""); }), ErrorCode::kBadValue);
  EXPECT_EQ(thrown_by([&] { client.send("a.b", Json{{"x", 1}}); }), ErrorCode::kBadValue);
  EXPECT_EQ(thrown_by([&] { client.send("a.b", {"\xff"}); }), ErrorCode::kBadValue);
  EXPECT_EQ(thrown_by([&] { client.send("a.b", {}, {.queue = "a,b"}); }), ErrorCode::kBadValue);
  EXPECT_EQ(thrown_by([&] { client.send("a.b", {}, {.id = "a b"}); }), ErrorCode::kBadValue);
  EXPECT_EQ(thrown_by([&] { client.request("a.b", {}, {.priority = 10}).get(); }), ErrorCode::kBadValue);
  EXPECT_EQ(thrown_by([&] { client.schedule("a.b", every(0s)); }), ErrorCode::kBadValue);
  EXPECT_EQ(thrown_by([&] { client.publish("", 1); }), ErrorCode::kBadValue);
  EXPECT_EQ(thrown_by([&] { client.cancel("a,b"); }), ErrorCode::kBadValue);
  EXPECT_EQ(thrown_by([] { Client("localhost:port"); }), ErrorCode::kBadValue);
  EXPECT_EQ(thrown_by([] { Client({.name = "a b"}); }), ErrorCode::kBadValue);
  EXPECT_EQ(thrown_by([] { Client({.name = std::string(256, 'a')}); }), ErrorCode::kBadValue);
  EXPECT_EQ(thrown_by([] { Client({.window = 0}); }), ErrorCode::kBadValue);
  EXPECT_EQ(thrown_by([] { Client({.heartbeat_timeout = 0s}); }), ErrorCode::kBadValue);
  EXPECT_EQ(thrown_by([] { Client({.heartbeat_liveness = 0}); }), ErrorCode::kBadValue);
}

TEST(ClientErrorsTest, NoBrokerIsUnreachable) {
  Client client({.address = "tcp://127.0.0.1:1", .ack_timeout = 50ms, .linger = 0s});
  EXPECT_EQ(thrown_by([&] { client.send("a.b"); }), ErrorCode::kUnreachable);
  EXPECT_EQ(thrown_by([&] { client.request("a.b").get(); }), ErrorCode::kUnreachable);
}

TEST(ClientErrorsTest, BrokerThatDoesNotAcknowledgeTimesOut) {
  FakeBroker broker;
  Client client({.address = broker.endpoint(), .ack_timeout = 500ms, .linger = 0s});
  std::future<std::string> id = client.send_async("a.b");
  broker.welcome();
  EXPECT_EQ(thrown_by([&] { id.get(); }), ErrorCode::kTimedOut);
}

TEST(ClientErrorsTest, TooManyWithoutAckAreRefusedAtOnce) {
  Client client({.address = "tcp://127.0.0.1:1", .ack_timeout = 0s, .linger = 0s, .unacknowledged_max = 2});
  auto first = client.send_async("a.b");
  auto second = client.send_async("a.b");
  EXPECT_EQ(client.try_send("a.b").error().code, ErrorCode::kQueueFull);
  client.close();
  EXPECT_EQ(thrown_by([&] { first.get(); }), ErrorCode::kClosed);
  EXPECT_EQ(thrown_by([&] { second.get(); }), ErrorCode::kClosed);
}

TEST(ClientConversationTest, UnacknowledgedJobIsSentAgainToTheRestartedBroker) {
  auto broker = std::make_unique<FakeBroker>();
  const std::string address = broker->endpoint();
  Client client({.address = address, .ack_timeout = kGenerous, .reconnect_timeout = 500ms});
  std::future<std::string> id = client.send_async("math.add", {2, 3});
  broker->welcome();
  const Message first = broker->expect<Request>();
  broker.reset();
  broker = std::make_unique<FakeBroker>(address);
  broker->welcome("errors,multi-ack,instance:two");
  const Message second = broker->expect<Request>();
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(std::get<Request>(second.body).payload, std::get<Request>(first.body).payload);
  broker->acknowledge(second);
  EXPECT_EQ(id.get(), first.id.str());
}

TEST(ClientConversationTest, PlainRequestIsLostWithItsBroker) {
  auto broker = std::make_unique<FakeBroker>();
  const std::string address = broker->endpoint();
  Client client({.address = address, .ack_timeout = kGenerous, .reconnect_timeout = 500ms});
  auto result = client.request("math.add", {2, 3});
  broker->welcome();
  broker->acknowledge(broker->expect<Request>());
  ASSERT_TRUE(client.flush(kGenerous));
  broker.reset();
  broker = std::make_unique<FakeBroker>(address);
  broker->welcome("errors,multi-ack,instance:two");
  EXPECT_EQ(thrown_by([&] { result.get(); }), ErrorCode::kJobLost);
}

TEST(ClientConversationTest, ScheduleAndUnscheduleSayWhatExistingSchedulersRead) {
  FakeBroker broker;
  Client client({.address = broker.endpoint(), .ack_timeout = kGenerous});
  std::thread caller([&] {
    client.schedule("reports.nightly", cron("0 3 * * *", "Europe/Berlin"), {1},
                    {.queue = "reports", .guarantee = true});
    client.schedule("reports.often", every(5s), {}, {.run_count = 3});
    client.unschedule("reports.nightly", {1});
  });
  broker.welcome();
  const Message nightly = broker.expect<Schedule>();
  const Schedule& at_night = std::get<Schedule>(nightly.body);
  EXPECT_EQ(at_night.queue.view(), "reports");
  EXPECT_EQ(at_night.headers.text.view(), "guarantee,timezone:Europe/Berlin");
  EXPECT_EQ(at_night.interval.view(), "-1");
  EXPECT_EQ(at_night.cron.view(), "0 3 * * *");
  broker.acknowledge(nightly);
  const Message often = broker.expect<Schedule>();
  EXPECT_EQ(std::get<Schedule>(often.body).interval.view(), "5");
  EXPECT_EQ(std::get<Schedule>(often.body).headers.text.view(), "run_count:3");
  broker.acknowledge(often);
  const Message ended = broker.expect<Unschedule>();
  EXPECT_EQ(std::get<Unschedule>(ended.body).payload, at_night.payload) << "a schedule is known by its job";
  broker.acknowledge(ended);
  caller.join();
}

TEST(ClientPublishTest, MessageGoesToThePublishAddressAndWaitsForItsAck) {
  FakeBroker publisher;
  Client client({.address = "tcp://127.0.0.1:1", .publish_address = publisher.endpoint(), .ack_timeout = kGenerous});
  std::thread caller([&] {
    client.publish("orders.created", {{"order", 7}});
    client.publish("orders.created", "text");
  });
  const Message first = publisher.expect<Publish>();
  const Publish& publish = std::get<Publish>(first.body);
  EXPECT_EQ(publish.topic.view(), "orders.created");
  EXPECT_TRUE(publish.has_headers);
  EXPECT_EQ(publish.payload.view(), R"({"order":7})");
  publisher.acknowledge(first);
  const Message second = publisher.expect<Publish>();
  EXPECT_EQ(std::get<Publish>(second.body).payload.view(), R"("text")");
  publisher.acknowledge(second);
  caller.join();
}

TEST(ClientPublishTest, RefusalIsTold) {
  FakeBroker publisher;
  Client client({.address = "tcp://127.0.0.1:1", .publish_address = publisher.endpoint(), .ack_timeout = kGenerous});
  std::future<Result<void>> result = std::async(std::launch::async, [&] { return client.try_publish("t", 1); });
  const Message message = publisher.expect<Publish>();
  publisher.say(ErrorMessage{Error{ErrorCode::kForbidden, "not you"}, message.id});
  EXPECT_EQ(result.get().error(), (Error{ErrorCode::kForbidden, "not you"}));
}

TEST(ClientPublishTest, BrokenConnectionSaysThatTheOutcomeIsUnknown) {
  auto publisher = std::make_unique<FakeBroker>();
  Client client({.address = "tcp://127.0.0.1:1", .publish_address = publisher->endpoint(), .ack_timeout = kGenerous});
  std::future<Result<void>> result = std::async(std::launch::async, [&] { return client.try_publish("t", 1); });
  publisher->expect<Publish>();
  publisher.reset();
  EXPECT_EQ(result.get().error().code, ErrorCode::kUnreachable);
}

TEST(ClientPublishTest, MessageWaitsForThePublisherToComeUp) {
  std::string address;
  {
    const FakeBroker gone;
    address = gone.endpoint();
  }
  Client client({.address = "tcp://127.0.0.1:1", .publish_address = address, .ack_timeout = kGenerous});
  std::future<Result<void>> result = std::async(std::launch::async, [&] { return client.try_publish("t", 1); });
  FakeBroker publisher(address);
  publisher.acknowledge(publisher.expect<Publish>());
  EXPECT_TRUE(result.get());
}

TEST(ClientPublishTest, NobodyThereIsUnreachable) {
  Client client({.address = "tcp://127.0.0.1:1", .publish_address = "tcp://127.0.0.1:1", .ack_timeout = 50ms});
  EXPECT_EQ(client.try_publish("t", 1).error().code, ErrorCode::kUnreachable);
}

struct Unreadable {};
void from_json(const Json& /*json*/, Unreadable& /*value*/) { throw 42; }

TEST_F(ClientTest, ResultWhoseConversionThrowsAnythingIsABadValue) {
  TestWorker worker(backend());
  Client client(frontend());
  EXPECT_EQ(thrown_by([&] { client.request<Unreadable>("math.add", {2, 3}).get(); }), ErrorCode::kBadValue);
}

}  // namespace
}  // namespace eventmq
