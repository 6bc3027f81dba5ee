// The inside of a RouterSocket, which the Poller sees too.
#pragma once

#include "src/transport/port.h"
#include "src/transport/router_socket.h"

namespace eventmq {

struct RouterSocket::State {
  State(ConnectionHub& given_hub, const SocketOptions& options) : hub(given_hub) { port.options = options; }
  ~State() { close(port.options.linger); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  bool is_open() const { return port.number != 0; }
  // Something was read and is not yet taken.
  bool has_unread() const { return port.current != nullptr || port.next_ready < port.ready.size(); }
  void close(Duration linger);

  bool next_turn();
  bool find_ready();
  bool read_message(Bytes& peer, Frames& frames);

  ConnectionHub& hub;
  Port port;
  std::string endpoint;
};

}  // namespace eventmq
