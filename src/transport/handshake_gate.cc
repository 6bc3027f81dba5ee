#include "src/transport/handshake_gate.h"

#include <fmt/format.h>
#include <zmq.h>

#include <string_view>
#include <utility>

#include "src/base/assert.h"
#include "src/transport/zmq_messages.h"

namespace eventmq {
namespace {

constexpr const char* kZapAddress = "inproc://zeromq.zap.01";
constexpr const char* kZapDomain = "eventmq";  // any name; without one the library does not ask
constexpr int kRequestNumber = 1;              // the place of its frame

}  // namespace

Result<HandshakeGate> HandshakeGate::open(void* context) {
  HandshakeGate gate(zmq_socket(context, ZMQ_REP));
  if (gate.socket_ != nullptr) zmq_messages::set_option(gate.socket_, ZMQ_LINGER, 0);
  if (gate.socket_ == nullptr || zmq_bind(gate.socket_, kZapAddress) != 0) {
    return fail(ErrorCode::kSystem, fmt::format("cannot watch a socket: {}", zmq_strerror(zmq_errno())));
  }
  return gate;
}

HandshakeGate::HandshakeGate(HandshakeGate&& other) noexcept
    : socket_(std::exchange(other.socket_, nullptr)), request_(std::move(other.request_)) {}

HandshakeGate::~HandshakeGate() {
  if (socket_ == nullptr) return;
  zmq_unbind(socket_, kZapAddress);  // at once, so that another gate can open; the library closes a socket later
  zmq_close(socket_);
}

void HandshakeGate::hold(void* socket) {
  const int done = zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, kZapDomain, std::string_view(kZapDomain).size());
  EMQ_ASSERT(done == 0);
}

bool HandshakeGate::take() {
  zmq_msg_t frame;
  zmq_msg_init(&frame);
  int got = 0;
  bool more = true;
  for (int place = 0; more; ++place) {
    got = zmq_messages::uninterrupted([&] { return zmq_msg_recv(&frame, socket_, ZMQ_DONTWAIT); });
    EMQ_ASSERT(got != -1 || zmq_errno() == EAGAIN, "zmq_msg_recv: {}", zmq_strerror(zmq_errno()));
    if (got == -1) break;
    if (place == kRequestNumber) {
      request_.assign(static_cast<const char*>(zmq_msg_data(&frame)), zmq_msg_size(&frame));
    }
    more = zmq_msg_more(&frame) != 0;
  }
  zmq_msg_close(&frame);
  return got != -1;
}

// Whoever asked may be gone; then the answer is dropped.
void HandshakeGate::answer() {
  const auto send = [&](std::string_view text, int flags) {
    const int sent =
        zmq_messages::uninterrupted([&] { return zmq_send(socket_, text.data(), text.size(), ZMQ_DONTWAIT | flags); });
    EMQ_ASSERT(sent != -1, "zmq_send: {}", zmq_strerror(zmq_errno()));
  };
  for (const std::string_view part : {std::string_view("1.0"), std::string_view(request_), std::string_view("200"),
                                      std::string_view("OK"), std::string_view("") /* user */}) {
    send(part, ZMQ_SNDMORE);
  }
  send("", 0);  // metadata
}

}  // namespace eventmq
