// A ZeroMQ ROUTER socket: the broker's end, which many peers connect to. Nothing blocks.
//
// A peer is named by its routing id, 1 to 255 bytes. A connection whose routing id is taken is not served
// until the older one has gone; the older one is not harmed. A routing id that starts with a zero byte was
// made up by the library for a peer that gave none.
//
// Not thread-safe: one thread at a time owns a socket. The context must outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "src/base/bytes.h"
#include "src/base/result.h"
#include "src/transport/socket_options.h"
#include "src/transport/zmq_context.h"
#include "src/wire/frames.h"

namespace eventmq {

class ConnectionGuard;

enum class SendResult : uint8_t {
  kSent,         // queued; it can still be lost with the connection
  kUnreachable,  // no such peer is connected
  kFull,         // the peer has not read for so long that its queue is full
};

class RouterSocket {
 public:
  // The guard, if given, watches the connections if they are TCP, and must outlive the socket.
  RouterSocket(ZmqContext& context, SocketOptions options, ConnectionGuard* guard = nullptr);
  ~RouterSocket();
  RouterSocket(RouterSocket&&) noexcept;
  RouterSocket& operator=(RouterSocket&&) noexcept;

  // Listens. Errors: kBadValue (the address is malformed), kSystem (it is in use, not of this machine, not
  // permitted); the text says which and quotes the address.
  Result<void> bind(const std::string& address);
  // Where it listens, with the port that the system chose. Empty before bind().
  const std::string& endpoint() const;

  // Takes the next message, fairly from all peers; false if there is none now. Frames beyond
  // limits::kFramesPerMessage, and frames that are too large, are dropped and `frames` is marked. All small frames of a
  // message share one Block, so whoever keeps a slice of a message for long should copy it. `frames` must be empty.
  bool receive(Bytes& peer, Frames& frames);
  // Queues a whole message or nothing of it. `frames` must not be empty.
  SendResult send(const Bytes& peer, const Frames& frames);

  // Stops listening and closes all connections; what is queued leaves within the lingering time.
  void close(Duration linger);

 private:
  friend class Poller;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace eventmq
