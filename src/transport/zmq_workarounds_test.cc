#include <gmock/gmock.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <filesystem>

#include "src/transport/guard_test_support.h"

namespace eventmq {
namespace {

using namespace test;

size_t open_files() {
  size_t count = 0;
  for (const auto& file : std::filesystem::directory_iterator("/proc/self/fd")) count += file.exists() ? 1 : 0;
  return count;
}

// Without the workaround the library aborts the process at its next probe.
void expect_forgotten(const std::string& address) {
  ZmqContext context;
  SocketOptions options = small_options();
  options.receive_queue_messages = 1;
  options.probe_interval = milliseconds(20);
  options.probe_timeout = milliseconds(60);
  RouterSocket router(context, options);
  ASSERT_TRUE(router.bind(address));
  const size_t before = open_files();
  {
    const RawPeer peer(router.endpoint());
    ASSERT_TRUE(peer.handshake("peer"));
    ASSERT_TRUE(peer.send_bytes(repeated(RawPeer::frame("hello", false), 4'000)));
    peer.leave_rudely();
  }
  // Nobody receives, so its queue stays full.
  const auto since = std::chrono::steady_clock::now();
  while (open_files() > before && !expired(since)) std::this_thread::yield();
  EXPECT_EQ(open_files(), before);
}

TEST(ZmqWorkaroundsTest, OnTcpAPeerThatBreaksOffWhileItsQueueIsFullIsForgotten) {
  expect_forgotten("tcp://127.0.0.1:*");
}

TEST(ZmqWorkaroundsTest, OnIpcAPeerThatLeavesWhileItsQueueIsFullIsForgotten) {
  char folder[] = "/tmp/emq-test-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  expect_forgotten(std::string("ipc://") + folder + "/router");
  std::filesystem::remove_all(folder);
}

class EpollTest : public testing::Test {
 protected:
  EpollTest() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) { EXPECT_EQ(::pipe(ends_), 0); }
  ~EpollTest() override {
    for (const int fd : {epoll_, ends_[0], ends_[1]}) ::close(fd);
  }
  void control(int operation, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = this;
    ASSERT_EQ(::epoll_ctl(epoll_, operation, ends_[1], &event), 0);
  }
  // What is told of the writing end; 0 if nothing is.
  uint32_t told() {
    epoll_event event{};
    if (::epoll_wait(epoll_, &event, 1, 0) == 0) return 0;
    EXPECT_EQ(event.data.ptr, this);
    return event.events;
  }
  void break_pipe() { ::close(std::exchange(ends_[0], -1)); }

  int epoll_, ends_[2] = {-1, -1};
};

TEST_F(EpollTest, ABreakIsToldAsWhatWasAskedFor) {
  control(EPOLL_CTL_ADD, EPOLLOUT);
  EXPECT_EQ(told(), EPOLLOUT);
  break_pipe();
  EXPECT_EQ(told(), EPOLLOUT);
  EXPECT_EQ(told(), EPOLLOUT) << "for as long as it is asked for";
}

TEST_F(EpollTest, ABreakIsNotToldWhileNothingIsAskedForAndToldAfterwards) {
  control(EPOLL_CTL_ADD, 0);
  break_pipe();
  EXPECT_EQ(told(), 0u);
  control(EPOLL_CTL_MOD, EPOLLIN);
  EXPECT_EQ(told(), EPOLLIN);
}

}  // namespace
}  // namespace eventmq
