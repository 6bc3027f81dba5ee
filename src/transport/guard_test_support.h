// A guarded ROUTER whose loop is turned by the test. For tests.
#pragma once

#include <gmock/gmock.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "src/transport/connection_guard.h"
#include "src/transport/raw_peer.h"
#include "src/transport/transport_test_support.h"

namespace eventmq::test {

inline constexpr uint64_t kMiB = 1024 * 1024;

// The sanitizers' allocators keep freed memory and spend more on each block.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr uint64_t kGrowthMax = 4096 * kMiB;
#else
inline constexpr uint64_t kGrowthMax = 600 * kMiB;
#endif

// Sends on a thread of its own until it is cut or stopped.
class Flood {
 public:
  // `pieces` times `piece`, or for ever.
  Flood(const RawPeer& peer, std::string piece, uint64_t pieces = UINT64_MAX)
      : peer_(peer), thread_([this, &peer, text = std::move(piece), pieces] {
          for (uint64_t sent = 0; sent < pieces && !stop_; ++sent) {
            refused_ = !peer.send_bytes(text);
            if (refused_) return;
          }
        }) {}
  ~Flood() {
    stop_ = true;
    peer_.hang_up();
    thread_.join();
  }
  // The other side takes no more.
  bool refused() const { return refused_; }

 private:
  const RawPeer& peer_;
  std::atomic<bool> stop_{false}, refused_{false};
  std::thread thread_;
};

class GuardedRouterTest : public testing::Test {
 protected:
  explicit GuardedRouterTest(GuardOptions options = {.unfinished_bytes = 40 * kMiB}) : guard_(options) {}

  ZmqContext context_;
  ConnectionGuard guard_;
  RouterSocket router_{context_, small_options(), &guard_};
  std::vector<FaultyConnection> cuts_;
  kernel_counts::ResidentMemory memory_;
  uint64_t most_memory_ = 0;
  uint64_t received_bytes_ = 0;

  void listen_on(const std::string& address) { ASSERT_TRUE(router_.bind(address)); }

  static Instant now() {
    const auto passed = std::chrono::steady_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<std::chrono::microseconds>(passed).count()};
  }
  // One turn of a router's loop, whose peers are answered with what they send.
  void turn() {
    Poller poller;
    poller.watch(router_);
    poller.watch(guard_);
    poller.wait(std::max(Duration{}, guard_.next_check() - now()));
    Bytes peer;
    for (Frames frames; router_.receive(peer, frames); frames = Frames()) {
      received_bytes_ += frames[frames.size() - 1].size();
      if (!frames.overflow()) router_.send(peer, frames);
    }
    for (FaultyConnection& cut : guard_.check(now(), 0)) cuts_.push_back(std::move(cut));
    most_memory_ = std::max(most_memory_, memory_.bytes());
  }
  template <class Condition>
  [[nodiscard]] bool turn_until(Condition condition) {
    const auto since = std::chrono::steady_clock::now();
    while (!expired(since)) {
      if (condition()) return true;
      turn();
    }
    return false;
  }
  // A message goes to the router and back.
  bool served(DealerSocket& peer) {
    EXPECT_TRUE(peer.send(frames_of({"hello"})));
    Frames frames;
    return turn_until([&] { return peer.receive(frames) == DealerInput::kMessage; });
  }
  // A handshake may wait for the guard.
  bool meets(const RawPeer& peer, const std::string& routing_id) {
    std::atomic<bool> ended{false}, met{false};
    std::thread other([&] {
      met = peer.handshake(routing_id);
      ended = true;
    });
    EXPECT_TRUE(turn_until([&] { return ended.load(); }));
    other.join();
    return met;
  }
};

inline std::string repeated(const std::string& text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace eventmq::test
