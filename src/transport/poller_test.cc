#include "src/transport/poller.h"

#include <unistd.h>

#include <thread>

#include "src/transport/transport_test_support.h"
#include "src/transport/wakeup.h"

namespace eventmq {
namespace {

using namespace test;

TEST(PollerTest, NothingWatchedReturnsWhenTheTimeIsOver) {
  Poller poller;
  poller.wait(Duration{});
  poller.wait(microseconds(1));
}

TEST(PollerTest, AWakeupFromAnotherThreadEndsAnEndlessWait) {
  Poller poller;
  Wakeup wakeup;
  const Poller::Token token = poller.watch_readable(wakeup.fd());
  std::thread other([&] { wakeup.notify(); });
  poller.wait(Duration{-1});
  other.join();
  EXPECT_TRUE(poller.ready(token));
  wakeup.clear();
  poller.wait(Duration{});
  EXPECT_FALSE(poller.ready(token));
}

TEST(PollerTest, ManyWakeupsCountAsOne) {
  Wakeup wakeup;
  for (int i = 0; i < 1000; ++i) wakeup.notify();
  wakeup.clear();
  Poller poller;
  const Poller::Token token = poller.watch_readable(wakeup.fd());
  poller.wait(Duration{});
  EXPECT_FALSE(poller.ready(token));
}

TEST(PollerTest, TellsReadableAndWritableApart) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  Poller poller;
  const Poller::Token in = poller.watch_readable(ends[0]);
  const Poller::Token out = poller.watch_writable(ends[1]);
  poller.wait(Duration{});
  EXPECT_FALSE(poller.ready(in));
  EXPECT_TRUE(poller.ready(out));
  ASSERT_EQ(::write(ends[1], "x", 1), 1);
  poller.clear();
  const Poller::Token again = poller.watch_readable(ends[0]);
  poller.wait(Duration{});
  EXPECT_TRUE(poller.ready(again));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(PollerTest, AClosedPipeIsReadable) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[1]);
  Poller poller;
  const Poller::Token in = poller.watch_readable(ends[0]);
  poller.wait(Duration{});
  EXPECT_TRUE(poller.ready(in));
  ::close(ends[0]);
}

TEST(PollerTest, ASocketThatIsNotOpenIsNeverReady) {
  ZmqContext context;
  ConnectionHub hub;
  DealerSocket dealer(context, small_options());
  RouterSocket router(hub, small_options());
  Poller poller;
  const Poller::Token first = poller.watch(dealer);
  const Poller::Token second = poller.watch(router);
  poller.wait(Duration{});
  EXPECT_FALSE(poller.ready(first));
  EXPECT_FALSE(poller.ready(second));
}

TEST(PollerTest, AMessageThatCameWhileNobodyWaitedIsSeen) {
  ZmqContext context;
  ConnectionHub hub;
  RouterSocket router(hub, small_options());
  ASSERT_TRUE(router.bind("tcp://127.0.0.1:*"));
  DealerSocket dealer(context, small_options());
  ASSERT_TRUE(dealer.connect(router.endpoint(), "p"));
  // Both are read at once; a waiter that took one of them must not wait for a third.
  ASSERT_TRUE(dealer.send(frames_of({"1"})));
  ASSERT_TRUE(dealer.send(frames_of({"2"})));
  Poller poller;
  const Poller::Token token = poller.watch(router);
  for (int i = 0; i < 2; ++i) {
    const auto since = std::chrono::steady_clock::now();
    do poller.wait(milliseconds(1000));
    while (!poller.ready(token) && !expired(since));
    Bytes id;
    Frames frames;
    ASSERT_TRUE(router.receive(id, frames));
  }
}

}  // namespace
}  // namespace eventmq
