// A ZeroMQ DEALER socket with one connection: a peer's end of the conversation with a broker. Nothing blocks.
//
// Unlike plain ZeroMQ it never reconnects in silence. When the connection breaks or cannot be made, receive()
// says kLost once, and a conversation begins anew by another connect(): what was queued for the old broker
// can never reach the new one.
//
// Not thread-safe: one thread at a time owns a socket. The context must outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "src/base/result.h"
#include "src/transport/socket_options.h"
#include "src/transport/zmq_context.h"
#include "src/wire/frames.h"

namespace eventmq {

enum class DealerInput : uint8_t {
  kNothing,    // nothing now; wait with a Poller
  kMessage,    // `frames` holds it
  kConnected,  // the connection is made and the handshake done; said once for a connect(), before any message
  kLost,       // it broke, was refused or failed its handshake; said once for a connect(), after all messages
};

class DealerSocket {
 public:
  DealerSocket(ZmqContext& context, SocketOptions options);
  ~DealerSocket();
  DealerSocket(DealerSocket&&) noexcept;
  DealerSocket& operator=(DealerSocket&&) noexcept;

  // Drops the present connection, if any, with what is queued on it, and begins to make this one. Sends are
  // queued until it is made. The routing id has 1 to 255 bytes and must not start with a zero byte.
  // Errors: kBadValue (malformed address or routing id), kSystem. A broker that is not there is no error here:
  // receive() will say kLost. A host name is tried as IPv4 and IPv6 in turn, one with each connect().
  Result<void> connect(const std::string& address, const std::string& routing_id);
  bool is_open() const;

  // What happened next on the connection. `frames` must be empty.
  DealerInput receive(Frames& frames);
  // The reason of the last kLost, for a log line.
  const std::string& lost_reason() const;
  // The last kLost came because the other side closed the connection in its handshake, as our broker does if another
  // one has its routing id.
  bool refused() const;
  // Queues a whole message or nothing of it; false if the queue is full or no connect() was made.
  bool send(const Frames& frames);

  // Closes the connection; what is queued may still leave within `linger`, in the background.
  void close(Duration linger);

 private:
  friend class Poller;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace eventmq
