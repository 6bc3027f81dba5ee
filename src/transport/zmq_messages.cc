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
  size_t wire_bytes = 0;  // at most
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
    incoming.wire_bytes += kFrameHeaderBytes + zmq_msg_size(&message);
    if (fits) {
      ++incoming.size;
    } else {
      incoming.overflow = true;
      zmq_msg_close(&extra);
    }
  }
  return true;
}

void drop_if_too_large(zmq_msg_t& message, size_t index, size_t bytes_max, Frames& frames) {
  const size_t bytes = zmq_msg_size(&message);
  if (bytes <= bytes_max) return;
  frames.mark_too_large({index, bytes, bytes_max});
  zmq_msg_close(&message);
  zmq_msg_init(&message);
}

void unpack(Incoming& incoming, Frames& frames, size_t frame_bytes_max) {
  size_t small = 0;
  for (size_t i = 0; i < incoming.size; ++i) {
    drop_if_too_large(incoming.messages[i], i, frame_bytes_max, frames);
    const size_t size = zmq_msg_size(&incoming.messages[i]);
    if (size < kCopiedBytes) small += size;
  }
  BytesPacker packer(small);
  for (size_t i = 0; i < incoming.size; ++i) {
    const std::string_view bytes = view(incoming.messages[i]);
    frames.push(bytes.size() < kCopiedBytes ? packer.add(bytes) : adopt(incoming.messages[i]));
  }
  if (incoming.overflow) frames.mark_overflow();
}

// Keeps a large frame alive while the library sends it.
struct Shared {
  Bytes bytes;
  std::shared_ptr<QueuedBytes> queued;
};

void release_shared(void*, void* hint) {
  auto* shared = static_cast<Shared*>(hint);
  if (shared->queued) shared->queued->fetch_sub(shared->bytes.size(), std::memory_order_relaxed);
  delete shared;
}

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
  unpack(incoming, frames, SIZE_MAX);
  return true;
}

Origin receive_rest(void* socket, Frames& frames, size_t frame_bytes_max) {
  EMQ_ASSERT(frames.size() == 0);
  Incoming incoming;
  const bool complete = receive_all(socket, incoming);
  EMQ_ASSERT(complete, "a routing id came without a message");
  // The routing id has it only if nobody asked whether there is input before it was received.
  const Origin origin{zmq_msg_get(&incoming.messages[0], ZMQ_SRCFD), incoming.wire_bytes};
  unpack(incoming, frames, frame_bytes_max);
  return origin;
}

Outgoing::Outgoing(const Frames& frames, const std::shared_ptr<QueuedBytes>& queued) {
  EMQ_ASSERT(frames.size() > 0 && !frames.overflow());
  for (const Bytes& frame : frames) {
    zmq_msg_t& message = messages_[size_];
    if (frame.size() < kCopiedBytes) {
      const int made = zmq_msg_init_size(&message, frame.size());
      EMQ_ASSERT(made == 0, "out of memory for a frame of {} bytes", frame.size());
      if (!frame.empty()) std::memcpy(zmq_msg_data(&message), frame.data(), frame.size());
    } else {
      if (queued) queued->fetch_add(frame.size(), std::memory_order_relaxed);
      // The library's messages are not const, but it only reads what it sends.
      const int made = zmq_msg_init_data(&message, const_cast<char*>(frame.data()), frame.size(), &release_shared,
                                         new Shared{frame, queued});
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

size_t large_bytes(const Frames& frames) {
  size_t total = 0;
  for (const Bytes& frame : frames) {
    if (frame.size() >= kCopiedBytes) total += frame.size();
  }
  return total;
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
