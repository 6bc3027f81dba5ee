// A ROUTER socket of ZeroMQ: the broker's end, which many peers connect to. Nothing blocks.
//
// A peer is named by its routing id, 1 to 255 bytes. A connection whose routing id is taken is refused; the older one
// is not harmed. A routing id that starts with a zero byte was made up here for a peer that gave none.
//
// Its hub (connection_hub.h) makes the connections and does all that is not sending or receiving a message, while
// somebody waits with a Poller that watches the socket. Not thread-safe: one thread at a time owns a hub and its
// sockets. The hub must outlive them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "src/base/bytes.h"
#include "src/base/result.h"
#include "src/transport/connection_hub.h"
#include "src/transport/socket_options.h"
#include "src/wire/frames.h"

namespace eventmq {

enum class SendResult : uint8_t {
  kSent,         // queued; it can still be lost with the connection
  kUnreachable,  // no such peer is connected
  kFull,         // the peer has not read for so long that its queue is full
};

class RouterSocket {
 public:
  RouterSocket(ConnectionHub& hub, SocketOptions options);
  ~RouterSocket();
  RouterSocket(RouterSocket&&) noexcept;
  RouterSocket& operator=(RouterSocket&&) noexcept;

  // Listens. Errors: of Listener::open().
  Result<void> bind(const std::string& address);
  // Where it listens, with the port that the system chose. Empty before bind().
  const std::string& endpoint() const;

  // Takes the next message, fairly from all peers; false if there is none now, or none was found in a turn of the
  // peers that are ready. Frames beyond limits::kFramesPerMessage, and frames that are too large, are dropped and
  // `frames` is marked. All small frames of a message share one Block, so whoever keeps a slice of a message for long
  // should copy it. `frames` must be empty.
  bool receive(Bytes& peer, Frames& frames);
  // Queues a whole message or nothing of it. `frames` must not be empty.
  SendResult send(const Bytes& peer, const Frames& frames);

  // Stops listening and closes all connections. Waits, at most so long, for what is queued to leave.
  void close(Duration linger);

 private:
  friend class Poller;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace eventmq
