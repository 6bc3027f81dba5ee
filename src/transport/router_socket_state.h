// The inside of a RouterSocket, which the Poller sees too.
#pragma once

#include <memory>
#include <string>

#include "src/transport/router_socket.h"

namespace eventmq {

struct RouterSocket::State {
  class SeenIds;
  class PeerQueues;

  State(ZmqContext& given_context, SocketOptions given_options, ConnectionGuard* given_guard);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  Result<void> watch(const std::string& address, void* opened);
  void close(Duration linger);

  ZmqContext& context;
  SocketOptions options;
  ConnectionGuard* guard;
  void* socket = nullptr;
  std::string endpoint;
  std::unique_ptr<SeenIds> seen_ids;
  std::unique_ptr<PeerQueues> peer_queues;
};

}  // namespace eventmq
