#include "src/transport/zmq_messages.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "src/base/assert.h"

namespace eventmq::zmq_messages {
namespace {

std::string_view view(zmq_msg_t& message) {
  return {static_cast<const char*>(zmq_msg_data(&message)), zmq_msg_size(&message)};
}

// A received frame, kept in the library's own memory.
struct ReceivedBlock : Block {
  ReceivedBlock() : Block(&destroy) { zmq_msg_init(&message); }
  static void destroy(Block* block) {
    auto* self = static_cast<ReceivedBlock*>(block);
    zmq_msg_close(&self->message);
    delete self;
  }
  zmq_msg_t message;
};

Bytes adopt(zmq_msg_t& message) {
  auto* block = new ReceivedBlock;
  zmq_msg_move(&block->message, &message);
  const std::string_view bytes = view(block->message);
  return Bytes::adopt(block, bytes.data(), bytes.size());
}

// The frames of one message as they are received.
struct Incoming {
  std::array<zmq_msg_t, limits::kFramesPerMessage> messages;
  size_t size = 0;
  bool overflow = false;

  ~Incoming() {
    for (size_t i = 0; i < size; ++i) zmq_msg_close(&messages[i]);
  }
};

int receive_frame(void* socket, zmq_msg_t& message) {
  zmq_msg_init(&message);
  return uninterrupted([&] { return zmq_msg_recv(&message, socket, ZMQ_DONTWAIT); });
}

// The library hands a message over only when all of it is there, so only its first frame can be missing.
bool receive_all(void* socket, Incoming& incoming) {
  bool more = true;
  while (more) {
    zmq_msg_t extra;
    const bool fits = incoming.size < incoming.messages.size();
    zmq_msg_t& message = fits ? incoming.messages[incoming.size] : extra;
    if (receive_frame(socket, message) == -1) {
      EMQ_ASSERT(zmq_errno() == EAGAIN, "zmq_msg_recv: {}", zmq_strerror(zmq_errno()));
      zmq_msg_close(&message);
      incoming.overflow = incoming.size > 0;
      return incoming.size > 0;
    }
    more = zmq_msg_more(&message) != 0;
    if (fits) {
      ++incoming.size;
    } else {
      incoming.overflow = true;
      zmq_msg_close(&extra);
    }
  }
  return true;
}

void unpack(Incoming& incoming, Frames& frames) {
  size_t small = 0;
  for (size_t i = 0; i < incoming.size; ++i) {
    const size_t size = zmq_msg_size(&incoming.messages[i]);
    if (size < kLargeFrameBytes) small += size;
  }
  BytesPacker packer(small);
  for (size_t i = 0; i < incoming.size; ++i) {
    const std::string_view bytes = view(incoming.messages[i]);
    frames.push(bytes.size() < kLargeFrameBytes ? packer.add(bytes) : adopt(incoming.messages[i]));
  }
  if (incoming.overflow) frames.mark_overflow();
}

// A large frame is kept alive while the library sends it.
void release_shared(void*, void* hint) { delete static_cast<Bytes*>(hint); }

}  // namespace

bool has_input(void* socket) {
  int events = 0;
  size_t size = sizeof events;
  return zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLIN) != 0;
}

bool receive(void* socket, Frames& frames) {
  EMQ_ASSERT(frames.size() == 0);
  Incoming incoming;
  if (!receive_all(socket, incoming)) return false;
  unpack(incoming, frames);
  return true;
}

Outgoing::Outgoing(const Frames& frames) {
  EMQ_ASSERT(frames.size() > 0 && !frames.overflow());
  for (const Bytes& frame : frames) {
    zmq_msg_t& message = messages_[size_];
    if (frame.size() < kLargeFrameBytes) {
      const int made = zmq_msg_init_size(&message, frame.size());
      EMQ_ASSERT(made == 0, "out of memory for a frame of {} bytes", frame.size());
      if (!frame.empty()) std::memcpy(zmq_msg_data(&message), frame.data(), frame.size());
    } else {
      // The library's messages are not const, but it only reads what it sends.
      const int made =
          zmq_msg_init_data(&message, const_cast<char*>(frame.data()), frame.size(), &release_shared, new Bytes(frame));
      EMQ_ASSERT(made == 0, "out of memory for a frame");
    }
    ++size_;
  }
}

Outgoing::~Outgoing() {
  for (size_t i = 0; i < size_; ++i) zmq_msg_close(&messages_[i]);
}

bool Outgoing::send(void* socket) {
  bool all = true;
  for (size_t i = 0; i < size_; ++i) {
    const int more = i + 1 < size_ ? ZMQ_SNDMORE : 0;
    const int sent = uninterrupted([&] { return zmq_msg_send(&messages_[i], socket, ZMQ_DONTWAIT | more); });
    if (sent != -1) continue;
    EMQ_ASSERT(zmq_errno() == EAGAIN || zmq_errno() == EHOSTUNREACH, "zmq_msg_send: {}", zmq_strerror(zmq_errno()));
    all = false;
    // Refused whole. When a connection breaks within a message, though, the library has dropped its beginning
    // and wants the rest, which it drops too.
    if (i == 0) break;
  }
  return all;
}

void set_option(void* socket, int option, int value) {
  const int done = zmq_setsockopt(socket, option, &value, sizeof value);
  EMQ_ASSERT(done == 0, "zmq_setsockopt {} to {}: {}", option, value, zmq_strerror(zmq_errno()));
}

int whole_milliseconds(Duration duration) {
  const int64_t rounded_up = (duration.us + 999) / 1000;
  return static_cast<int>(std::clamp<int64_t>(rounded_up, 0, std::numeric_limits<int>::max()));
}

}  // namespace eventmq::zmq_messages
