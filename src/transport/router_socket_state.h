// The inside of a RouterSocket, which the Poller sees too.
#pragma once

#include <memory>
#include <string>

#include "src/transport/router_socket.h"

namespace eventmq {

struct RouterSocket::State {
  class SeenIds;
  class PeerQueues;

  State(ZmqContext& given_context, SocketOptions given_options);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  void close(Duration linger);

  ZmqContext& context;
  SocketOptions options;
  void* socket = nullptr;
  std::string endpoint;
  std::unique_ptr<SeenIds> seen_ids;
  std::unique_ptr<PeerQueues> peer_queues;
};

}  // namespace eventmq
