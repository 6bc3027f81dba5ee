// A hub with a ROUTER and peers that speak by hand. For tests.
#pragma once

#include <gmock/gmock.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "src/transport/raw_peer.h"
#include "src/transport/transport_test_support.h"
#include "testing/temporary_folder.h"

namespace eventmq::test {

inline constexpr size_t kMiB = 1024 * 1024;

inline SocketOptions options_that_probe(Duration interval, Duration timeout) {
  SocketOptions options = small_options();
  options.probe_interval = interval;
  options.probe_timeout = timeout;
  return options;
}

class HubTest : public testing::Test {
 protected:
  explicit HubTest(SocketOptions options = small_options(), HubOptions hub_options = {.told_again = Duration{}})
      : hub_(hub_options), router_(hub_, options) {}
  void SetUp() override { listen_at(router_, address()); }
  virtual std::string address() const { return tcp_address(); }
  static std::string tcp_address() { return "tcp://127.0.0.1:*"; }
  std::string ipc_address(const std::string& name = "s") const { return "ipc://" + folder_.file(name); }
  static void listen_at(RouterSocket& router, const std::string& where) {
    const Result<void> bound = router.bind(where);
    ASSERT_TRUE(bound) << bound.error().text;
  }

  // The handshake of a peer succeeds. What others send stays unread.
  bool meets(const RawPeer& peer, const std::string& routing_id, int minor_version = 1) {
    return meanwhile(router_, [&] { return peer.handshake(routing_id, minor_version); });
  }
  bool meets_while_all_is_read(const RawPeer& peer, const std::string& routing_id) {
    return meanwhile(
        router_, [&] { return peer.handshake(routing_id); }, true);
  }
  bool is_closed(const RawPeer& peer) {
    return meanwhile(
        router_, [&] { return peer.closed_by_other_side(); }, true);
  }
  bool sends(const RawPeer& peer, const std::string& bytes) {
    return meanwhile(
        router_, [&] { return peer.send_bytes(bytes); }, true);
  }
  // The content of the next frame that comes to a peer.
  std::string frame_at(const RawPeer& peer) {
    return meanwhile(
        router_, [&] { return peer.next_frame() ? peer.last_frame() : std::string("(it was closed)"); }, true);
  }
  // The next message: "who: what".
  std::string received(RouterSocket& router) {
    Bytes id;
    Frames frames;
    if (!wait_message(router, id, frames)) return "(nothing)";
    std::string text = id.str() + ":";
    for (const Bytes& frame : frames) text += ' ' + frame.str();
    return text;
  }
  std::string received() { return received(router_); }
  // The next message, while a peer sends something, which it may be able to do only as what it sent before is read.
  std::string received_while_sent(const RawPeer& peer, const std::string& bytes) {
    std::thread sender([&] { peer.send_bytes(bytes); });
    std::string text = received();
    sender.join();
    return text;
  }
  // A message goes to the router and back.
  bool is_served(const RawPeer& peer) {
    peer.send_frame("hello", false);
    Bytes id;
    Frames frames;
    if (!wait_message(router_, id, frames)) return false;
    EXPECT_THAT(texts_of(frames), testing::ElementsAre("hello"));
    return router_.send(id, frames_of({"and back"})) == SendResult::kSent && frame_at(peer) == "and back";
  }

  // Turns, without receiving, until the condition holds.
  template <class Condition>
  [[nodiscard]] bool turns_until(Condition condition) {
    const auto since = std::chrono::steady_clock::now();
    Poller poller;
    poller.watch(hub_);
    while (!expired(since)) {
      if (condition()) return true;
      poller.wait(milliseconds(10));
    }
    return false;
  }
  [[nodiscard]] bool turns_for(Duration time) {
    const Instant until = ConnectionHub::now() + time;
    return turns_until([&] { return hub_.time() >= until; });
  }
  // All that were told of so far.
  const std::vector<FaultyConnection>& faults() {
    for (FaultyConnection& fault : hub_.take_faults()) faults_.push_back(std::move(fault));
    return faults_;
  }
  std::vector<std::string> reasons() {
    std::vector<std::string> texts;
    for (const FaultyConnection& fault : faults()) texts.push_back(fault.reason);
    return texts;
  }

  TemporaryFolder folder_;
  ConnectionHub hub_;
  RouterSocket router_;
  std::vector<FaultyConnection> faults_;
};

inline std::string repeated(const std::string& text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace eventmq::test
