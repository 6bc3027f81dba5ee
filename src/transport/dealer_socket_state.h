// The inside of a DealerSocket, which the Poller sees too.
#pragma once

#include <map>
#include <string>

#include "src/transport/dealer_socket.h"

namespace eventmq {

struct DealerSocket::State {
  State(ZmqContext& given_context, SocketOptions given_options) : context(given_context), options(given_options) {}
  ~State() { close(options.linger); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  Result<void> open(const std::string& address, const std::string& routing_id);
  void set_options(const std::string& address, const std::string& routing_id);
  Result<void> open_monitor();
  // Takes the library's next word on the connection; false if there is none.
  bool receive_link_event();
  void receive_link_events();
  void close(Duration linger);

  ZmqContext& context;
  SocketOptions options;
  void* socket = nullptr;
  void* monitor = nullptr;  // a PAIR on which the library reports about the connection
  bool connected_untold = false;
  bool lost_untold = false;
  bool lost = false;  // nothing the library reports after this matters
  bool handshake_done = false;
  bool refused = false;
  std::map<std::string, bool> as_ipv6;  // how the host name of an address is looked up at its next connect()
  std::string address;
  std::string lost_reason;
};

}  // namespace eventmq
