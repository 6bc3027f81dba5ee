// Waits for sockets, plain file descriptors and time.
//
//   poller.clear();
//   auto broker = poller.watch(dealer);
//   auto pipe = poller.watch_readable(fd);
//   poller.wait(milliseconds(200));
//   if (poller.ready(pipe)) ...
//
// Registering is cheap: a loop whose descriptors change clears and registers anew before each wait. What is
// watched must live until the next clear(). Whoever waits lets the watched sockets and hubs do their work: what was
// sent leaves, connections are made. Not thread-safe.
#pragma once

#include <cstddef>
#include <memory>

#include "src/base/time.h"
#include "src/transport/connection_hub.h"
#include "src/transport/dealer_socket.h"
#include "src/transport/router_socket.h"

namespace eventmq {

class Poller {
 public:
  using Token = size_t;

  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  void clear();
  // Ready when receive() may have something. A socket that is not open is never ready.
  Token watch(RouterSocket& socket);
  Token watch(const DealerSocket& socket);
  // For its sockets that are not watched themselves. Never ready.
  void watch(ConnectionHub& hub);
  // Readiness includes hang-up and error, which the next read or write then tells.
  Token watch_readable(int fd);
  Token watch_writable(int fd);

  // Returns when something is ready, the timeout has passed, a signal handler ran, or a hub had something to do. Zero:
  // looks only. Negative: waits without limit. Timeouts are rounded up to whole milliseconds.
  void wait(Duration timeout);
  bool ready(Token token) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace eventmq
