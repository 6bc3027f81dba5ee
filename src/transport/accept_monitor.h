// The library's reports on the connections that a listening socket accepts and loses.
#pragma once

#include <cstdint>
#include <optional>

#include "src/base/result.h"

namespace eventmq {

class AcceptMonitor {
 public:
  // Why a connection has gone, as far as the library says.
  enum class End : uint8_t {
    kUnsaid,
    kLeftEarly,    // the peer did, before the handshake was over
    kTimedOut,     // the handshake was not over in its time, most likely
    kNoHandshake,  // what the peer said was none
  };
  struct Report {
    bool accepted;  // false: it has gone
    int fd;
    End end = End::kUnsaid;  // of one that has gone
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
  End end_ = End::kUnsaid;  // of the connection that will be reported next as gone
};

}  // namespace eventmq
