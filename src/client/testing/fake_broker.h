// A broker for tests that says only what the test tells it to: a ROUTER in the test's own thread.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "src/codec/codec.h"
#include "src/transport/poller.h"
#include "src/transport/router_socket.h"

namespace eventmq::test {

// Long enough for any machine under any load; reached only when the thing waited for does not happen.
inline constexpr std::chrono::seconds kGenerous{60};

class FakeBroker {
 public:
  explicit FakeBroker(const std::string& address = "tcp://127.0.0.1:*") {
    const Result<void> bound = socket_.bind(address);
    EMQ_ASSERT(bound.has_value(), "{}", bound ? "" : bound.error().text);
  }
  const std::string& endpoint() const { return socket_.endpoint(); }

  // The next message of one kind; others are passed over.
  template <class Kind>
  Message expect() {
    const auto since = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - since < kGenerous) {
      Frames frames;
      if (!socket_.receive(peer_, frames)) {
        poller_.clear();
        poller_.watch(socket_);
        poller_.wait(milliseconds(200));
        continue;
      }
      auto message = decode(frames);
      EMQ_ASSERT(message.has_value(), "{}", message ? "" : message.error().error.text);
      if (std::holds_alternative<Kind>(message->body)) return std::move(*message);
    }
    ADD_FAILURE() << "the message expected never came";
    return {};
  }
  // To the peer that spoke last.
  void say(Body body) {
    EXPECT_EQ(socket_.send(peer_, encode(Message{Bytes("from-broker"), std::move(body)})), SendResult::kSent);
  }
  void acknowledge(const Message& message, std::string_view capabilities = "") {
    say(Ack{message.id, Bytes(capabilities)});
  }
  void welcome(std::string_view capabilities = "errors,progress,multi-ack,instance:one") {
    acknowledge(expect<Inform>(), capabilities);
  }

 private:
  static SocketOptions options() {
    SocketOptions options;
    options.linger = Duration{};
    return options;
  }

  ConnectionHub hub_;
  RouterSocket socket_{hub_, options()};
  Poller poller_;
  Bytes peer_;
};

}  // namespace eventmq::test
