// What the tests of sockets share.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <initializer_list>
#include <string>
#include <vector>

#include "src/transport/dealer_socket.h"
#include "src/transport/poller.h"
#include "src/transport/router_socket.h"

namespace eventmq::test {

// Long enough for any machine under any load; reached only when the thing waited for does not happen.
inline constexpr std::chrono::seconds kGenerous{60};

inline Frames frames_of(std::initializer_list<std::string_view> texts) {
  Frames frames;
  for (std::string_view text : texts) frames.push(Bytes(text));
  return frames;
}

inline std::vector<std::string> texts_of(const Frames& frames) {
  std::vector<std::string> texts;
  for (const Bytes& frame : frames) texts.push_back(frame.str());
  return texts;
}

inline bool expired(std::chrono::steady_clock::time_point since) {
  return std::chrono::steady_clock::now() - since > kGenerous;
}

// Waits for the next message; false if none came.
inline bool wait_message(RouterSocket& socket, Bytes& peer, Frames& frames) {
  const auto since = std::chrono::steady_clock::now();
  Poller poller;
  poller.watch(socket);
  while (!socket.receive(peer, frames)) {
    if (expired(since)) return false;
    poller.wait(milliseconds(1000));
  }
  return true;
}

// Waits for anything but kNothing.
inline DealerInput wait_input(DealerSocket& socket, Frames& frames) {
  const auto since = std::chrono::steady_clock::now();
  Poller poller;
  poller.watch(socket);
  while (!expired(since)) {
    const DealerInput input = socket.receive(frames);
    if (input != DealerInput::kNothing) return input;
    poller.wait(milliseconds(1000));
  }
  return DealerInput::kNothing;
}

// The next message of a conversation, whatever the link says meanwhile; empty if the link is lost first.
inline std::vector<std::string> wait_texts(DealerSocket& socket) {
  for (;;) {
    Frames frames;
    const DealerInput input = wait_input(socket, frames);
    if (input == DealerInput::kMessage) return texts_of(frames);
    if (input != DealerInput::kConnected) return {};
  }
}

inline SocketOptions small_options() {
  SocketOptions options;
  options.linger = Duration{};
  return options;
}

}  // namespace eventmq::test
