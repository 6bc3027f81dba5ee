// The clock, randomness and signals of the running system.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "src/runtime/clock.h"
#include "src/runtime/random.h"
#include "src/runtime/signals.h"
#include "src/transport/poller.h"

namespace eventmq {
namespace {

TEST(ClockTest, NeverGoesBackAndBeginsAtTheWallClock) {
  const auto wall =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  Clock clock;
  Instant before = clock.now();
  EXPECT_NEAR(static_cast<double>(before.us) / 1e6, static_cast<double>(wall.count()), 3600.0);
  for (int i = 0; i < 10'000; ++i) {
    const Instant now = clock.now();
    ASSERT_GE(now, before);
    before = now;
  }
}

TEST(RandomTest, NumbersAndSeedsDiffer) {
  EXPECT_NE(random_number(), random_number());
  EXPECT_NE(random_seed(), random_seed());
}

int wait_for_signal(SignalCatcher& catcher) {
  Poller poller;
  poller.watch_readable(catcher.fd());
  for (int turns = 0; turns < 600; ++turns) {
    if (const int signal = catcher.next(); signal != 0) return signal;
    poller.wait(milliseconds(100));
  }
  return 0;
}

TEST(SignalCatcherTest, SignalsComeInOrder) {
  SignalCatcher catcher({SIGTERM, SIGHUP});
  EXPECT_EQ(catcher.next(), 0);
  ::kill(::getpid(), SIGTERM);
  EXPECT_EQ(wait_for_signal(catcher), SIGTERM);
  ::kill(::getpid(), SIGHUP);
  EXPECT_EQ(wait_for_signal(catcher), SIGHUP);
  EXPECT_EQ(catcher.next(), 0);
}

TEST(SignalCatcherTest, ASignalToAnotherThreadIsCaughtToo) {
  SignalCatcher catcher({SIGTERM});
  std::thread other([] { ::raise(SIGTERM); });
  other.join();
  EXPECT_EQ(wait_for_signal(catcher), SIGTERM);
}

int handled = 0;

TEST(SignalCatcherTest, TheEarlierHandlerIsPutBack) {
  handled = 0;
  struct sigaction mine {};
  mine.sa_handler = [](int) { ++handled; };
  struct sigaction before {};
  ::sigaction(SIGUSR1, &mine, &before);
  {
    SignalCatcher catcher({SIGUSR1});
    ::raise(SIGUSR1);
    EXPECT_EQ(wait_for_signal(catcher), SIGUSR1);
    EXPECT_EQ(handled, 0);
  }
  ::raise(SIGUSR1);
  EXPECT_EQ(handled, 1);
  ::sigaction(SIGUSR1, &before, nullptr);
}

}  // namespace
}  // namespace eventmq
