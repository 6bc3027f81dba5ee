#include "src/runtime/signals.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "src/base/assert.h"

namespace eventmq {
namespace {

// The end of the pipe that the handler writes to; -1 when there is no SignalCatcher.
std::atomic<int> write_end{-1};
static_assert(std::atomic<int>::is_always_lock_free, "used in a signal handler");

void on_signal(int number) {
  const int saved_errno = errno;
  const int fd = write_end.load(std::memory_order_relaxed);
  const auto byte = static_cast<unsigned char>(number);
  // If the pipe is full, thousands of signals wait to be read; one more says nothing new.
  if (fd != -1) [[maybe_unused]]
    const ssize_t written = ::write(fd, &byte, 1);
  errno = saved_errno;
}

}  // namespace

struct SignalCatcher::State {
  int ends[2] = {-1, -1};
  std::vector<std::pair<int, struct sigaction>> earlier;
};

SignalCatcher::SignalCatcher(std::initializer_list<int> signals) : state_(std::make_unique<State>()) {
  EMQ_ASSERT(::pipe2(state_->ends, O_CLOEXEC | O_NONBLOCK) == 0, "pipe2: {}", std::strerror(errno));
  int expected = -1;
  EMQ_ASSERT(write_end.compare_exchange_strong(expected, state_->ends[1]), "a second SignalCatcher");
  for (int number : signals) {
    EMQ_ASSERT(number > 0 && number < 256);
    struct sigaction action {};
    action.sa_handler = &on_signal;
    action.sa_flags = SA_RESTART;
    sigfillset(&action.sa_mask);
    struct sigaction before {};
    EMQ_ASSERT(::sigaction(number, &action, &before) == 0, "sigaction {}: {}", number, std::strerror(errno));
    state_->earlier.emplace_back(number, before);
  }
}

SignalCatcher::~SignalCatcher() {
  for (const auto& [number, before] : state_->earlier) ::sigaction(number, &before, nullptr);
  write_end.store(-1);
  ::close(state_->ends[0]);
  ::close(state_->ends[1]);
}

int SignalCatcher::fd() const { return state_->ends[0]; }

int SignalCatcher::next() {
  unsigned char number = 0;
  return ::read(state_->ends[0], &number, 1) == 1 ? number : 0;
}

}  // namespace eventmq
