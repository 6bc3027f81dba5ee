// Frames in and out of a socket of libzmq; used by this folder only.
#pragma once

#include <zmq.h>

#include <array>
#include <cstddef>

#include "src/base/bytes.h"
#include "src/wire/frames.h"

namespace eventmq::zmq_messages {

// True: a message can be received.
bool has_input(void* socket);
// Receives the frames of one message into `frames`. Small ones are copied: one of up to 8 KiB lies in the library's
// receive buffer and would keep all of it alive. False, and nothing taken, if there is none.
bool receive(void* socket, Frames& frames);

// A message ready to be sent, so that nothing can fail half-way.
class Outgoing {
 public:
  explicit Outgoing(const Frames& frames);
  ~Outgoing();
  Outgoing(const Outgoing&) = delete;
  Outgoing& operator=(const Outgoing&) = delete;

  // Sends all frames without blocking. False if the library took none or dropped the message.
  bool send(void* socket);

 private:
  std::array<zmq_msg_t, limits::kFramesPerMessage> messages_;
  size_t size_ = 0;
};

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
