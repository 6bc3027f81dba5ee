// Makes the handshakes of a listening socket wait for us.
//
// Of each new connection of a socket that has a ZAP domain the library asks whoever listens at inproc://zeromq.zap.01
// whether it may come in, and no message can come over it before the answer (https://rfc.zeromq.org/spec/27/). We let
// everybody in. What we want is the moment: the connection is there, and nothing but a handshake has come over it.
//
// One for all sockets of a ZeroMQ context, since the address is the context's. While nobody calls let_in_next(), nobody
// comes in. Not thread-safe.
#pragma once

#include <string>

#include "src/base/result.h"

namespace eventmq {

class HandshakeGate {
 public:
  // `context` is the library's. kSystem if it has a gate, or no more sockets can be opened.
  static Result<HandshakeGate> open(void* context);
  HandshakeGate(HandshakeGate&& other) noexcept;
  HandshakeGate& operator=(HandshakeGate&&) = delete;
  ~HandshakeGate();

  // Before `socket`, which is the library's, is bound.
  static void hold(void* socket);
  // The library's socket, that has input when somebody waits.
  void* handle() const { return socket_; }
  // Calls `before` and lets one in. False if nobody waits.
  template <class Before>
  bool let_in_next(Before before) {
    if (!take()) return false;
    before();
    answer();
    return true;
  }

 private:
  explicit HandshakeGate(void* socket) : socket_(socket) {}
  bool take();
  void answer();

  void* socket_;
  std::string request_;  // the library's number of it
};

}  // namespace eventmq
