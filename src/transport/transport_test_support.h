// What the tests of sockets share.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <initializer_list>
#include <string>
#include <thread>
#include <vector>

#include "src/transport/dealer_socket.h"
#include "src/transport/poller.h"
#include "src/transport/router_socket.h"
#include "src/transport/wakeup.h"

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

// Waits for anything but kNothing, while the router, if given, makes its connections and sends what it could not send
// at once.
inline DealerInput wait_input(DealerSocket& socket, Frames& frames, RouterSocket* router = nullptr) {
  const auto since = std::chrono::steady_clock::now();
  Poller poller;
  poller.watch(socket);
  if (router != nullptr) poller.watch(*router);
  while (!expired(since)) {
    const DealerInput input = socket.receive(frames);
    if (input != DealerInput::kNothing) return input;
    poller.wait(milliseconds(1000));
  }
  return DealerInput::kNothing;
}

// The next message of a conversation, whatever the link says meanwhile; empty if the link is lost first.
inline std::vector<std::string> wait_texts(DealerSocket& socket, RouterSocket* router = nullptr) {
  for (;;) {
    Frames frames;
    const DealerInput input = wait_input(socket, frames, router);
    if (input == DealerInput::kMessage) return texts_of(frames);
    if (input != DealerInput::kConnected) return {};
  }
}

// Turns the router while `call`, which may block, runs on a thread of its own. What peers send is dropped if asked for.
template <class Call>
auto meanwhile(RouterSocket& router, Call call, bool drops_messages = false) {
  std::atomic<bool> ended{false};
  Wakeup wakeup;
  decltype(call()) result{};
  std::thread other([&] {
    result = call();
    ended = true;
    wakeup.notify();
  });
  Poller poller;
  poller.watch(router);
  poller.watch_readable(wakeup.fd());
  while (!ended) {
    poller.wait(Duration{-1});
    Bytes peer;
    for (Frames frames; drops_messages && router.receive(peer, frames); frames = Frames()) {
    }
  }
  other.join();
  return result;
}

inline SocketOptions small_options() {
  SocketOptions options;
  options.linger = Duration{};
  return options;
}

}  // namespace eventmq::test
