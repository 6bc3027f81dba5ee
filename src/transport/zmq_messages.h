// Frames in and out of a ZeroMQ socket; used by the sockets of this folder only.
#pragma once

#include <zmq.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>

#include "src/base/bytes.h"
#include "src/wire/frames.h"

namespace eventmq::zmq_messages {

// Frames below this size are copied, larger ones shared. A received frame of up to 8 KiB lies in the library's
// receive buffer and would keep all of it alive.
inline constexpr size_t kCopiedBytes = 4096;

// A frame's header has 2 or 9 bytes, as its sender likes.
inline constexpr size_t kFrameHeaderBytes = 9;

// Bytes of large frames that the library holds for one peer. Counted down on the I/O thread.
using QueuedBytes = std::atomic<size_t>;

// True: a message can be received.
bool has_input(void* socket);
// Receives the frames of one message into `frames` (after the routing id, if the socket has one). False, and
// nothing taken, if there is none.
bool receive(void* socket, Frames& frames);
struct Origin {
  int fd;             // of the connection that it came from; -1 if the library does not tell
  size_t wire_bytes;  // that it had there, at most
};
// Receives the rest of a message whose routing id was taken already. A frame that is larger than that is dropped, and
// `frames` is marked.
Origin receive_rest(void* socket, Frames& frames, size_t frame_bytes_max);

// A message ready to be sent, so that nothing can fail half-way.
class Outgoing {
 public:
  // `queued`, if given, is raised by the size of each large frame until the library has let go of it.
  Outgoing(const Frames& frames, const std::shared_ptr<QueuedBytes>& queued);
  ~Outgoing();
  Outgoing(const Outgoing&) = delete;
  Outgoing& operator=(const Outgoing&) = delete;

  // Sends all frames without blocking. False if the library took none or dropped the message.
  bool send(void* socket);

 private:
  std::array<zmq_msg_t, limits::kFramesPerMessage> messages_;
  size_t size_ = 0;
};

// The bytes of large frames in a message: what it will add to QueuedBytes.
size_t large_bytes(const Frames& frames);

// Retries a call that a signal interrupted.
template <class Call>
int uninterrupted(Call call) {
  int result;
  do {
    result = call();
  } while (result == -1 && zmq_errno() == EINTR);
  return result;
}

void set_option(void* socket, int option, int value);
// milliseconds of a duration, for an option
int whole_milliseconds(Duration duration);

}  // namespace eventmq::zmq_messages
