#include "src/transport/dealer_socket.h"

#include <fmt/format.h>
#include <zmq.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "src/base/assert.h"
#include "src/transport/address.h"
#include "src/transport/dealer_socket_state.h"
#include "src/transport/zmq_messages.h"

namespace eventmq {
namespace {

using zmq_messages::set_option;
using zmq_messages::uninterrupted;
using zmq_messages::whole_milliseconds;

// The library must not reconnect by itself. It has a switch for that, but with it a broken connection loses
// the messages that came over it and were not read yet; a wait longer than any connection's life does not.
constexpr int kReconnectMilliseconds = 24 * 60 * 60 * 1000;

constexpr int kLinkEvents = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                            ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_CLOSED |
                            ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_DISCONNECTED;

tl::unexpected<Error> system_failure(const char* what, const std::string& address) {
  const int error = zmq_errno();
  return fail(error == EINVAL ? ErrorCode::kBadValue : ErrorCode::kSystem,
              fmt::format("cannot {} {}: {}", what, address, zmq_strerror(error)));
}

Result<void> check_routing_id(const std::string& routing_id) {
  if (routing_id.empty() || routing_id.size() > limits::kRoutingIdBytes || routing_id[0] == '\0') {
    return fail(ErrorCode::kBadValue, fmt::format("a routing id has 1 to {} bytes and does not start with a zero byte",
                                                  limits::kRoutingIdBytes));
  }
  return {};
}

std::string reason_of(int event, const std::string& address, bool handshake_done) {
  switch (event) {
    case ZMQ_EVENT_DISCONNECTED:
      if (handshake_done) return fmt::format("{} closed the connection", address);
      return fmt::format("{} accepted the connection but did not answer as a ZeroMQ peer", address);
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
      return fmt::format("{} closed the connection in its handshake", address);
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
      return fmt::format("{} did not answer as a ZeroMQ peer", address);
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
      return fmt::format("{} refused our credentials", address);
    default:
      return fmt::format("nobody answers at {}", address);
  }
}

}  // namespace

Result<void> DealerSocket::State::open(const std::string& new_address, const std::string& routing_id) {
  close(Duration{});
  // A name may have an IPv4 address, an IPv6 address or both, and the library tries one only.
  if (!address.empty() && !handshake_done) as_ipv6[address] = !as_ipv6[address];
  address = new_address;
  connected_untold = lost_untold = lost = handshake_done = refused = false;

  socket = zmq_socket(context.handle(), ZMQ_DEALER);
  if (socket == nullptr) return system_failure("open a socket for", address);
  set_options(address, routing_id);
  if (Result<void> opened = open_monitor(); !opened) {
    close(Duration{});
    return opened;
  }
  if (zmq_connect(socket, without_lookup(address, as_ipv6[address]).c_str()) != 0) {
    auto failure = system_failure("connect to", address);
    close(Duration{});
    return failure;
  }
  return {};
}

void DealerSocket::State::set_options(const std::string& to_address, const std::string& routing_id) {
  const HostKind host = host_kind(to_address);
  const bool ipv6 = host == HostKind::kIpv6 || (host == HostKind::kName && as_ipv6[to_address]);
  set_option(socket, ZMQ_IPV6, ipv6 ? 1 : 0);
  set_option(socket, ZMQ_HANDSHAKE_IVL, whole_milliseconds(options.handshake_timeout));
  set_option(socket, ZMQ_CONNECT_TIMEOUT, whole_milliseconds(options.handshake_timeout));
  set_option(socket, ZMQ_RECONNECT_IVL, kReconnectMilliseconds);
  set_option(socket, ZMQ_SNDHWM, options.send_queue_messages);
  set_option(socket, ZMQ_RCVHWM, options.receive_queue_messages);
  set_option(socket, ZMQ_TCP_KEEPALIVE, 1);
  set_option(socket, ZMQ_TCP_KEEPALIVE_IDLE, 15);
  set_option(socket, ZMQ_TCP_KEEPALIVE_INTVL, 5);
  set_option(socket, ZMQ_TCP_KEEPALIVE_CNT, 3);
  const auto announced_max = static_cast<int64_t>(limits::kFrameBytesAnnounced);
  int done = zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &announced_max, sizeof announced_max);
  EMQ_ASSERT(done == 0);
  done = zmq_setsockopt(socket, ZMQ_ROUTING_ID, routing_id.data(), routing_id.size());
  EMQ_ASSERT(done == 0);
}

Result<void> DealerSocket::State::open_monitor() {
  static std::atomic<uint64_t> next{1};
  const std::string name = fmt::format("inproc://eventmq-link-{}", next.fetch_add(1));
  if (zmq_socket_monitor(socket, name.c_str(), kLinkEvents) != 0) return system_failure("watch", address);
  monitor = zmq_socket(context.handle(), ZMQ_PAIR);
  if (monitor == nullptr) return system_failure("watch", address);
  // The I/O thread waits until its report is taken, so the queue for reports must have no limit. They are few:
  // a connection is made once and lost once.
  set_option(monitor, ZMQ_RCVHWM, 0);
  set_option(monitor, ZMQ_LINGER, 0);
  if (zmq_connect(monitor, name.c_str()) != 0) return system_failure("watch", address);
  return {};
}

bool DealerSocket::State::receive_link_event() {
  zmq_msg_t message;
  zmq_msg_init(&message);
  if (uninterrupted([&] { return zmq_msg_recv(&message, monitor, ZMQ_DONTWAIT); }) == -1) {
    EMQ_ASSERT(zmq_errno() == EAGAIN, "zmq_msg_recv: {}", zmq_strerror(zmq_errno()));
    zmq_msg_close(&message);
    return false;
  }
  uint16_t event = 0;
  EMQ_ASSERT(zmq_msg_size(&message) >= sizeof event);
  std::memcpy(&event, zmq_msg_data(&message), sizeof event);
  const bool more = zmq_msg_more(&message) != 0;
  zmq_msg_close(&message);
  if (more) {  // the address, which we know
    zmq_msg_init(&message);
    uninterrupted([&] { return zmq_msg_recv(&message, monitor, ZMQ_DONTWAIT); });
    zmq_msg_close(&message);
  }
  if (lost || event == ZMQ_EVENT_MONITOR_STOPPED) return true;
  if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
    connected_untold = handshake_done = true;
  } else {
    lost = lost_untold = true;
    refused = event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
    lost_reason = reason_of(event, address, handshake_done);
  }
  return true;
}

void DealerSocket::State::receive_link_events() {
  while (receive_link_event()) {
  }
}

void DealerSocket::State::close(Duration linger) {
  if (socket == nullptr) return;
  // In this order: the library blocks for ever on a report that nobody can take any more.
  zmq_socket_monitor(socket, nullptr, 0);
  if (monitor != nullptr) zmq_close(monitor);
  set_option(socket, ZMQ_LINGER, lost ? 0 : whole_milliseconds(linger));
  zmq_close(socket);
  socket = monitor = nullptr;
}

DealerSocket::DealerSocket(ZmqContext& context, SocketOptions options)
    : state_(std::make_unique<State>(context, options)) {}
DealerSocket::~DealerSocket() = default;
DealerSocket::DealerSocket(DealerSocket&&) noexcept = default;
DealerSocket& DealerSocket::operator=(DealerSocket&&) noexcept = default;

Result<void> DealerSocket::connect(const std::string& address, const std::string& routing_id) {
  if (Result<void> checked = check_address(address, AddressUse::kConnect); !checked) return checked;
  if (Result<void> checked = check_routing_id(routing_id); !checked) return checked;
  return state_->open(address, routing_id);
}

bool DealerSocket::is_open() const { return state_->socket != nullptr; }

DealerInput DealerSocket::receive(Frames& frames) {
  State& state = *state_;
  if (state.socket == nullptr) return DealerInput::kNothing;
  if (!state.handshake_done) {
    state.receive_link_events();
    // The report on the handshake was queued before the first message, so it is there if the message is.
    if (!state.handshake_done && zmq_messages::has_input(state.socket)) state.receive_link_events();
  }
  if (state.connected_untold) {
    state.connected_untold = false;
    return DealerInput::kConnected;
  }
  if (zmq_messages::receive(state.socket, frames)) return DealerInput::kMessage;
  state.receive_link_events();
  // A message that came just before the end may have become readable since we looked.
  if (state.lost && zmq_messages::receive(state.socket, frames)) return DealerInput::kMessage;
  if (state.lost_untold) {
    state.lost_untold = false;
    return DealerInput::kLost;
  }
  return DealerInput::kNothing;
}

const std::string& DealerSocket::lost_reason() const { return state_->lost_reason; }
bool DealerSocket::refused() const { return state_->refused; }

bool DealerSocket::send(const Frames& frames) {
  if (state_->socket == nullptr) return false;
  zmq_messages::Outgoing message(frames);
  return message.send(state_->socket);
}

void DealerSocket::close(Duration linger) { state_->close(linger); }

}  // namespace eventmq
