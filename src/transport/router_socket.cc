#include "src/transport/router_socket.h"

#include <fmt/format.h>
#include <zmq.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <random>
#include <unordered_map>

#include "src/base/assert.h"
#include "src/base/siphash.h"
#include "src/transport/address.h"
#include "src/transport/connection_guard.h"
#include "src/transport/router_socket_state.h"
#include "src/transport/zmq_messages.h"

namespace eventmq {
namespace {

using zmq_messages::QueuedBytes;
using zmq_messages::set_option;
using zmq_messages::whole_milliseconds;

constexpr size_t kSweepAtLeast = 1024;

// Peers choose their routing ids, so a table of them hashes with a key that they do not know.
struct RoutingIdHash {
  KeyedHash hash;
  size_t operator()(const Bytes& id) const { return hash(id.view()); }
};
RoutingIdHash random_hash() {
  std::random_device random;
  const auto number = [&] { return (static_cast<uint64_t>(random()) << 32) | random(); };
  return {{number(), number()}};
}

std::string bind_failure(const std::string& address, int error) {
  switch (error) {
    case EADDRINUSE:
      return fmt::format("cannot listen on {}: another program uses this address (does a broker run already?)",
                         address);
    case EADDRNOTAVAIL:
    case ENODEV:
      return fmt::format("cannot listen on {}: the host is no address of this machine (use 127.0.0.1, or * for all)",
                         address);
    case EACCES:
      return fmt::format(
          "cannot listen on {}: permission denied (ports below 1024 and foreign directories need rights)", address);
    default:
      return fmt::format("cannot listen on {}: {}", address, zmq_strerror(error));
  }
}

std::string last_endpoint(void* socket) {
  std::array<char, 1200> text{};
  size_t size = text.size();
  if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, text.data(), &size) != 0 || size == 0) return {};
  return std::string(text.data());
}

// What is larger is closed by the library, which tells nobody. On TCP the guard sees to what grows too large; on
// ipc://, where it cannot, it notices that the library did.
size_t announced_frame_max(const SocketOptions& options, HostKind host) {
  const size_t unmetered = options.frame_bytes_max + limits::kFrameBytesDefault;
  const size_t most = host == HostKind::kNone ? unmetered : limits::kFrameBytesAnnounced;
  return std::max(most, options.frame_bytes_max);
}

void set_options(void* socket, const SocketOptions& options, HostKind host) {
  set_option(socket, ZMQ_ROUTER_MANDATORY, 1);
  set_option(socket, ZMQ_BACKLOG, 4096);  // peers that all come back at once; the system may allow fewer
  set_option(socket, ZMQ_ROUTER_HANDOVER, 0);
  set_option(socket, ZMQ_HANDSHAKE_IVL, whole_milliseconds(options.handshake_timeout));
  set_option(socket, ZMQ_LINGER, whole_milliseconds(options.linger));
  set_option(socket, ZMQ_SNDHWM, options.send_queue_messages);
  set_option(socket, ZMQ_RCVHWM, options.receive_queue_messages);
  set_option(socket, ZMQ_TCP_KEEPALIVE, 1);
  set_option(socket, ZMQ_TCP_KEEPALIVE_IDLE, 15);
  set_option(socket, ZMQ_TCP_KEEPALIVE_INTVL, 5);
  set_option(socket, ZMQ_TCP_KEEPALIVE_CNT, 3);
  // With IPv6 on, an IPv4 address would be listened on in its mapped form, and be shown so.
  set_option(socket, ZMQ_IPV6, host == HostKind::kIpv4 ? 0 : 1);
  if (options.probe_interval > Duration{}) {
    set_option(socket, ZMQ_HEARTBEAT_IVL, whole_milliseconds(options.probe_interval));
    set_option(socket, ZMQ_HEARTBEAT_TIMEOUT, whole_milliseconds(options.probe_timeout));
  }
  const auto announced_max = static_cast<int64_t>(announced_frame_max(options, host));
  const int done = zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &announced_max, sizeof announced_max);
  EMQ_ASSERT(done == 0);
}

}  // namespace

// Routing ids seen lately, so that a busy peer's id is not copied for each of its messages.
class RouterSocket::State::SeenIds {
 public:
  Bytes find_or_copy(std::string_view id) {
    Bytes& slot = slots_[std::hash<std::string_view>()(id) % slots_.size()];
    if (slot.view() != id) slot = Bytes(id);
    return slot;
  }

 private:
  std::array<Bytes, 1024> slots_;
};

// How many bytes of large frames are queued for each peer. Peers with none are forgotten.
class RouterSocket::State::PeerQueues {
 public:
  const std::shared_ptr<QueuedBytes>& of(const Bytes& peer) {
    if (queues_.size() >= sweep_at_) sweep();
    std::shared_ptr<QueuedBytes>& queue = queues_[peer];
    if (!queue) queue = std::make_shared<QueuedBytes>(0);
    return queue;
  }

 private:
  void sweep() {
    std::erase_if(queues_, [](const auto& entry) { return entry.second->load(std::memory_order_relaxed) == 0; });
    sweep_at_ = std::max(kSweepAtLeast, queues_.size() * 2);
  }

  std::unordered_map<Bytes, std::shared_ptr<QueuedBytes>, RoutingIdHash> queues_{0, random_hash()};
  size_t sweep_at_ = kSweepAtLeast;
};

RouterSocket::State::State(ZmqContext& given_context, SocketOptions given_options, ConnectionGuard* given_guard)
    : context(given_context),
      options(given_options),
      guard(given_guard),
      seen_ids(std::make_unique<SeenIds>()),
      peer_queues(std::make_unique<PeerQueues>()) {}

RouterSocket::State::~State() { close(options.linger); }

Result<void> RouterSocket::State::watch(const std::string& address, void* opened) {
  const bool on_tcp = address.starts_with("tcp:"), on_ipc = address.starts_with("ipc:");
  if (guard == nullptr || !(on_tcp || on_ipc)) return {};
  return guard->watch(context.handle(), opened,
                      {.frame_bytes_max = options.frame_bytes_max,
                       .announced_bytes_max = announced_frame_max(options, host_kind(address)),
                       .own_connections = options.own_connections,
                       .metered = on_tcp});
}

void RouterSocket::State::close(Duration linger) {
  if (socket == nullptr) return;
  if (guard != nullptr) guard->forget(socket);
  set_option(socket, ZMQ_LINGER, whole_milliseconds(linger));
  zmq_close(socket);
  socket = nullptr;
}

RouterSocket::RouterSocket(ZmqContext& context, SocketOptions options, ConnectionGuard* guard)
    : state_(std::make_unique<State>(context, options, guard)) {}
RouterSocket::~RouterSocket() = default;
RouterSocket::RouterSocket(RouterSocket&&) noexcept = default;
RouterSocket& RouterSocket::operator=(RouterSocket&&) noexcept = default;

Result<void> RouterSocket::bind(const std::string& address) {
  EMQ_ASSERT(state_->socket == nullptr, "bound to {} already", state_->endpoint);
  if (Result<void> checked = check_address(address, AddressUse::kListen); !checked) return checked;
  if (somebody_listens(address)) return fail(ErrorCode::kSystem, bind_failure(address, EADDRINUSE));
  void* socket = zmq_socket(state_->context.handle(), ZMQ_ROUTER);
  if (socket == nullptr) {
    return fail(ErrorCode::kSystem, fmt::format("cannot open a socket: {}", zmq_strerror(zmq_errno())));
  }
  const std::string place = listening_place(address);
  set_options(socket, state_->options, host_kind(place));
  if (Result<void> watched = state_->watch(address, socket); !watched) {
    zmq_close(socket);
    return watched;
  }
  if (zmq_bind(socket, place.c_str()) != 0) {
    const int error = zmq_errno();
    if (state_->guard != nullptr) state_->guard->forget(socket);
    zmq_close(socket);
    return fail(error == EINVAL ? ErrorCode::kBadValue : ErrorCode::kSystem, bind_failure(address, error));
  }
  state_->socket = socket;
  state_->endpoint = last_endpoint(socket);
  return {};
}

const std::string& RouterSocket::endpoint() const { return state_->endpoint; }

bool RouterSocket::receive(Bytes& peer, Frames& frames) {
  EMQ_ASSERT(state_->socket != nullptr);
  zmq_msg_t id;
  zmq_msg_init(&id);
  const int got = zmq_messages::uninterrupted([&] { return zmq_msg_recv(&id, state_->socket, ZMQ_DONTWAIT); });
  if (got != -1) {
    peer = state_->seen_ids->find_or_copy({static_cast<const char*>(zmq_msg_data(&id)), zmq_msg_size(&id)});
  } else {
    EMQ_ASSERT(zmq_errno() == EAGAIN, "zmq_msg_recv: {}", zmq_strerror(zmq_errno()));
  }
  zmq_msg_close(&id);
  ConnectionGuard* const guard = state_->guard;
  if (got == -1) {
    if (guard != nullptr) guard->drained(state_->socket);
    return false;
  }
  const zmq_messages::Origin origin =
      zmq_messages::receive_rest(state_->socket, frames, state_->options.frame_bytes_max);
  if (guard != nullptr) guard->received(state_->socket, origin.fd, origin.wire_bytes);
  return true;
}

SendResult RouterSocket::send(const Bytes& peer, const Frames& frames) {
  EMQ_ASSERT(state_->socket != nullptr);
  if (peer.empty() || peer.size() > limits::kRoutingIdBytes) return SendResult::kUnreachable;
  std::shared_ptr<QueuedBytes> queued;
  if (const size_t bytes = zmq_messages::large_bytes(frames); bytes > 0) {
    queued = state_->peer_queues->of(peer);
    const size_t before = queued->load(std::memory_order_relaxed);
    if (before > 0 && before + bytes > state_->options.send_queue_bytes) return SendResult::kFull;
  }
  // The library decides on the routing id; what follows an accepted one is never refused.
  const int accepted = zmq_messages::uninterrupted(
      [&] { return zmq_send(state_->socket, peer.data(), peer.size(), ZMQ_DONTWAIT | ZMQ_SNDMORE); });
  if (accepted == -1) {
    const int error = zmq_errno();
    EMQ_ASSERT(error == EAGAIN || error == EHOSTUNREACH, "zmq_send: {}", zmq_strerror(error));
    return error == EAGAIN ? SendResult::kFull : SendResult::kUnreachable;
  }
  zmq_messages::Outgoing message(frames, queued);
  const bool sent = message.send(state_->socket);
  EMQ_ASSERT(sent, "a part of a message was refused: {}", zmq_strerror(zmq_errno()));
  return SendResult::kSent;
}

void RouterSocket::close(Duration linger) { state_->close(linger); }

}  // namespace eventmq
