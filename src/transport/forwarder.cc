#include "src/transport/forwarder.h"

#include <fmt/format.h>
#include <zmq.h>

#include <array>
#include <atomic>

#include "src/base/assert.h"
#include "src/transport/wakeup.h"
#include "src/transport/zmq_messages.h"

namespace eventmq {

struct Forwarder::State {
  struct End {
    void* socket = nullptr;
    std::string peer;
    std::string endpoint;
  };

  explicit State(ZmqContext& given) : context(given) {}
  ~State() {
    for (End* end : {&frontend, &backend}) {
      if (end->socket != nullptr) zmq_close(end->socket);
    }
  }
  Result<void> open(End& end);
  static void forward_some(End& from, End& to);

  ZmqContext& context;
  End frontend;
  End backend;
  Wakeup wakeup;
  std::atomic<bool> stopped{false};
};

Result<void> Forwarder::State::open(End& end) {
  end.socket = zmq_socket(context.handle(), ZMQ_ROUTER);
  if (end.socket == nullptr) return fail(ErrorCode::kSystem, zmq_strerror(zmq_errno()));
  for (int option : {ZMQ_SNDHWM, ZMQ_RCVHWM, ZMQ_LINGER}) zmq_messages::set_option(end.socket, option, 0);
  std::array<char, 256> text{};
  size_t size = text.size();
  if (zmq_bind(end.socket, "tcp://127.0.0.1:*") != 0 ||
      zmq_getsockopt(end.socket, ZMQ_LAST_ENDPOINT, text.data(), &size) != 0) {
    return fail(ErrorCode::kSystem, fmt::format("cannot listen on a port of 127.0.0.1: {}", zmq_strerror(zmq_errno())));
  }
  end.endpoint = text.data();
  return {};
}

// As many messages in a turn as the router's loop takes.
void Forwarder::State::forward_some(End& from, End& to) {
  for (size_t i = 0; i < limits::kMessagesPerTurn; ++i) {
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    if (zmq_msg_recv(&frame, from.socket, ZMQ_DONTWAIT) == -1) {
      zmq_msg_close(&frame);
      return;
    }
    zmq_msg_close(&frame);  // the routing id of the sender
    zmq_send(to.socket, to.peer.data(), to.peer.size(), ZMQ_DONTWAIT | ZMQ_SNDMORE);
    for (bool more = true; more;) {
      zmq_msg_init(&frame);
      const int got = zmq_msg_recv(&frame, from.socket, ZMQ_DONTWAIT);
      EMQ_ASSERT(got != -1, "zmq_msg_recv: {}", zmq_strerror(zmq_errno()));
      more = zmq_msg_more(&frame) != 0;
      if (zmq_msg_send(&frame, to.socket, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) == -1) zmq_msg_close(&frame);
    }
  }
}

Forwarder::Forwarder(ZmqContext& context, std::string client, std::string worker)
    : state_(std::make_unique<State>(context)) {
  state_->frontend.peer = std::move(client);
  state_->backend.peer = std::move(worker);
}
Forwarder::~Forwarder() = default;

Result<void> Forwarder::open() {
  if (Result<void> opened = state_->open(state_->frontend); !opened) return opened;
  return state_->open(state_->backend);
}

const std::string& Forwarder::frontend() const { return state_->frontend.endpoint; }
const std::string& Forwarder::backend() const { return state_->backend.endpoint; }

void Forwarder::run() {
  std::array<zmq_pollitem_t, 3> items{{{state_->frontend.socket, 0, ZMQ_POLLIN, 0},
                                       {state_->backend.socket, 0, ZMQ_POLLIN, 0},
                                       {nullptr, state_->wakeup.fd(), ZMQ_POLLIN, 0}}};
  while (!state_->stopped.load(std::memory_order_relaxed)) {
    if (zmq_poll(items.data(), static_cast<int>(items.size()), -1) == -1) continue;
    if (items[0].revents != 0) State::forward_some(state_->frontend, state_->backend);
    if (items[1].revents != 0) State::forward_some(state_->backend, state_->frontend);
  }
}

void Forwarder::stop() {
  state_->stopped.store(true, std::memory_order_relaxed);
  state_->wakeup.notify();
}

}  // namespace eventmq
