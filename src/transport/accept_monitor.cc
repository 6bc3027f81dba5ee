#include "src/transport/accept_monitor.h"

#include <fmt/format.h>
#include <zmq.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "src/base/assert.h"
#include "src/transport/zmq_messages.h"

namespace eventmq {
namespace {

tl::unexpected<Error> failure() {
  return fail(ErrorCode::kSystem, fmt::format("cannot watch a socket: {}", zmq_strerror(zmq_errno())));
}

// A report is two frames: number and value, and the address.
bool receive(void* monitor, uint16_t& event, int32_t& value) {
  zmq_msg_t message;
  zmq_msg_init(&message);
  const int got = zmq_messages::uninterrupted([&] { return zmq_msg_recv(&message, monitor, ZMQ_DONTWAIT); });
  if (got != -1) {
    EMQ_ASSERT(zmq_msg_size(&message) >= sizeof event + sizeof value);
    const char* bytes = static_cast<const char*>(zmq_msg_data(&message));
    std::memcpy(&event, bytes, sizeof event);
    std::memcpy(&value, bytes + sizeof event, sizeof value);
    if (zmq_msg_more(&message) != 0) {
      zmq_messages::uninterrupted([&] { return zmq_msg_recv(&message, monitor, ZMQ_DONTWAIT); });
    }
  } else {
    EMQ_ASSERT(zmq_errno() == EAGAIN, "zmq_msg_recv: {}", zmq_strerror(zmq_errno()));
  }
  zmq_msg_close(&message);
  return got != -1;
}

constexpr int kEvents = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                        ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

// Of a handshake that failed. Whoever only looks whether somebody listens also leaves before it, and has done nothing
// wrong.
AcceptMonitor::End end_of_handshake(uint16_t event, int32_t value) {
  if (event != ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) return AcceptMonitor::End::kNoHandshake;
  const bool peer_left = value == EPIPE || value == ECONNRESET;
  return peer_left ? AcceptMonitor::End::kLeftEarly : AcceptMonitor::End::kTimedOut;
}

}  // namespace

Result<AcceptMonitor> AcceptMonitor::open(void* context, void* socket) {
  static std::atomic<uint64_t> next{1};
  const std::string name = fmt::format("inproc://eventmq-accept-{}", next.fetch_add(1));
  if (zmq_socket_monitor(socket, name.c_str(), kEvents) != 0) return failure();
  AcceptMonitor opened(socket, zmq_socket(context, ZMQ_PAIR));
  if (opened.monitor_ == nullptr) return failure();
  // The I/O thread waits until its report is taken, so the queue for reports must have no limit.
  zmq_messages::set_option(opened.monitor_, ZMQ_RCVHWM, 0);
  zmq_messages::set_option(opened.monitor_, ZMQ_LINGER, 0);
  if (zmq_connect(opened.monitor_, name.c_str()) != 0) return failure();
  return opened;
}

AcceptMonitor::AcceptMonitor(AcceptMonitor&& other) noexcept
    : socket_(std::exchange(other.socket_, nullptr)), monitor_(std::exchange(other.monitor_, nullptr)) {}

AcceptMonitor::~AcceptMonitor() {
  // In this order: the library blocks for ever on a report that nobody can take any more.
  if (socket_ != nullptr) zmq_socket_monitor(socket_, nullptr, 0);
  if (monitor_ != nullptr) zmq_close(monitor_);
}

std::optional<AcceptMonitor::Report> AcceptMonitor::next() {
  uint16_t event = 0;
  int32_t value = 0;
  while (receive(monitor_, event, value)) {
    // The library reports a failed handshake without saying whose, and the end of that connection right behind it.
    const End end = std::exchange(end_, End::kUnsaid);
    if (event == ZMQ_EVENT_DISCONNECTED) return Report{false, value, end};
    if (event == ZMQ_EVENT_ACCEPTED) return Report{true, value};
    if (event != ZMQ_EVENT_MONITOR_STOPPED) end_ = end_of_handshake(event, value);
  }
  return {};
}

}  // namespace eventmq
