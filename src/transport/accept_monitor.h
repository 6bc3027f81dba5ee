// The library's reports on the connections that a listening socket accepts and loses.
#pragma once

#include <optional>

#include "src/base/result.h"

namespace eventmq {

class AcceptMonitor {
 public:
  struct Report {
    bool accepted;  // false: it has gone
    int fd;
    // Of one that has gone: it was closed because its handshake failed, and not by the peer.
    bool handshake_failed = false;
    // Of those: not for what the peer said, so that most likely the time for it was over.
    bool timed_out = false;
    // Of one that has gone: the peer left before the handshake was over.
    bool left_early = false;
  };

  // `context` and `socket` are the library's. Before zmq_bind(), so that no connection is missed.
  static Result<AcceptMonitor> open(void* context, void* socket);
  AcceptMonitor(AcceptMonitor&& other) noexcept;
  AcceptMonitor& operator=(AcceptMonitor&&) = delete;
  // Before the socket is closed.
  ~AcceptMonitor();

  // The next one; none if there is none now. A connection that has gone is reported before its descriptor is closed,
  // so before it can be reused.
  std::optional<Report> next();

 private:
  AcceptMonitor(void* socket, void* monitor) : socket_(socket), monitor_(monitor) {}
  void* socket_;
  void* monitor_;
  Report end_{};  // what is known of the connection that will be reported next as gone
};

}  // namespace eventmq
