// How a client ends: in a callback of its own, moved from, with times that are longer than a clock counts, and at its
// beginning, where the system has no more for it.
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include <future>
#include <limits>
#include <memory>

#include "eventmq/client.h"
#include "eventmq/error.h"
#include "src/client/testing/fake_broker.h"

namespace eventmq {
namespace {

using namespace std::chrono_literals;
using test::FakeBroker;
using test::kGenerous;

TEST(ClientEndTest, ClientMayEndInACallbackThatIsItsLastOwner) {
  FakeBroker broker;
  auto client = std::make_shared<Client>(ClientOptions{.address = broker.endpoint(), .ack_timeout = kGenerous});
  const std::weak_ptr<Client> watched = client;
  std::future<int> sum =
      client->request<int>("math.add", {2, 3}, {.on_progress = [client](double, const std::string&) {}});
  client.reset();
  EXPECT_FALSE(watched.expired());
  broker.welcome();
  const Message request = broker.expect<Request>();
  broker.say(Reply{Bytes(R"({"value": 5})"), request.id, 0, true, Outcome::kOk});
  EXPECT_EQ(sum.get(), 5);
  broker.expect<Goodbye>();
  EXPECT_TRUE(watched.expired());
}

TEST(ClientEndTest, WhatWasSubmittedStillGoesOnAfterAnEndInACallback) {
  FakeBroker broker;
  auto client = std::make_shared<Client>(
      ClientOptions{.address = broker.endpoint(), .ack_timeout = kGenerous, .linger = kGenerous});
  std::future<Json> first =
      client->request("math.add", {2, 3}, {.on_progress = [client](double, const std::string&) {}});
  std::future<std::string> second = client->send_async("math.add", {4, 5});
  client.reset();
  broker.welcome();
  const Message request = broker.expect<Request>();
  const Message job = broker.expect<Request>();
  broker.say(Reply{Bytes(R"({"value": 5})"), request.id, 0, true, Outcome::kOk});
  first.get();
  broker.acknowledge(job);
  EXPECT_EQ(second.get(), job.id.str());
  broker.expect<Goodbye>();
}

TEST(ClientEndTest, CallbackMayReplaceItsClient) {
  FakeBroker broker;
  std::promise<void> replaced;
  Client client({.address = broker.endpoint(), .ack_timeout = kGenerous, .linger = 0s});
  std::future<Json> result = client.request("math.add", {2, 3}, {.on_progress = [&](double, const std::string&) {
                                              client = Client({.address = "tcp://127.0.0.1:1", .linger = 0s});
                                              replaced.set_value();
                                            }});
  broker.welcome();
  const Message request = broker.expect<Request>();
  broker.say(Progress{request.id, 0.5, Bytes("half")});
  EXPECT_THROW(result.get(), Exception) << "closed";
  replaced.get_future().get();
}

TEST(ClientEndTest, MovedFromClientCanBeClosed) {
  Client client({.address = "tcp://127.0.0.1:1", .linger = 0s});
  Client other = std::move(client);
  client.close();  // NOLINT(bugprone-use-after-move)
  other.close();
}

TEST(ClientEndTest, LongestTimesAreTimesWithoutEnd) {
  constexpr auto kMax = std::chrono::microseconds::max();
  FakeBroker broker;
  Client client({.address = broker.endpoint(),
                 .ack_timeout = kMax,
                 .linger = kMax,
                 .heartbeat_interval = kMax,
                 .heartbeat_timeout = kMax,
                 .heartbeat_liveness = std::numeric_limits<uint32_t>::max(),
                 .reconnect_timeout = kMax,
                 .outage_timeout = kMax});
  std::future<std::string> first = client.send_async("math.add", {2, 3});
  std::future<bool> flushed = std::async(std::launch::async, [&] { return client.flush(kMax); });
  broker.welcome();
  broker.acknowledge(broker.expect<Request>());
  EXPECT_FALSE(first.get().empty());
  EXPECT_TRUE(flushed.get());
  std::future<std::string> last = client.send_async("math.add", {2, 3});
  std::future<void> closed = std::async(std::launch::async, [&] { client.close(); });
  broker.acknowledge(broker.expect<Request>());
  EXPECT_FALSE(last.get().empty());
  closed.get();
}

ErrorCode code_of_a_client_that_is_not_made() {
  try {
    const Client client({.address = "tcp://127.0.0.1:1", .linger = 0s});
  } catch (const Exception& exception) {
    return exception.code();
  }
  ADD_FAILURE() << "the client was made";
  return ErrorCode::kBadMessage;
}

TEST(ClientEndTest, ClientThatFindsNoFreeDescriptorIsNoEndOfTheProgram) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer looks at an exception by way of a pipe";
#endif
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const ErrorCode code = code_of_a_client_that_is_not_made();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(code, ErrorCode::kSystem);
}

TEST(ClientEndTest, ClientWhoseThreadDoesNotStartLeavesTheSignalsAsTheyWere) {
  pthread_attr_t before;
  ASSERT_EQ(pthread_getattr_default_np(&before), 0);
  pthread_attr_t impossible;
  ASSERT_EQ(pthread_attr_init(&impossible), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&impossible, size_t{1} << 60), 0);  // more than there are addresses
  ASSERT_EQ(pthread_setattr_default_np(&impossible), 0);
  const ErrorCode code = code_of_a_client_that_is_not_made();
  ASSERT_EQ(pthread_setattr_default_np(&before), 0);
  EXPECT_EQ(code, ErrorCode::kSystem);
  sigset_t blocked;
  ASSERT_EQ(pthread_sigmask(SIG_SETMASK, nullptr, &blocked), 0);
  EXPECT_EQ(sigismember(&blocked, SIGINT), 0);
}

}  // namespace
}  // namespace eventmq
