#include "src/transport/router_socket.h"

#include <fmt/format.h>

#include <random>

#include "src/base/assert.h"
#include "src/transport/router_socket_state.h"

namespace eventmq {

RoutingIdHash random_routing_id_hash() {
  std::random_device random;
  const auto number = [&] { return (static_cast<uint64_t>(random()) << 32) | random(); };
  return {{number(), number()}};
}

uint32_t random_first_id() { return std::random_device()(); }

RouterSocket::RouterSocket(ConnectionHub& hub, SocketOptions options) : state_(std::make_unique<State>(hub, options)) {}
RouterSocket::~RouterSocket() = default;
RouterSocket::RouterSocket(RouterSocket&&) noexcept = default;
RouterSocket& RouterSocket::operator=(RouterSocket&&) noexcept = default;

Result<void> RouterSocket::bind(const std::string& address) {
  EMQ_ASSERT(!state_->is_open(), "bound to {} already", state_->endpoint);
  Result<Listener> opened = Listener::open(address);
  if (!opened) return tl::unexpected(opened.error());
  state_->port.listener = std::move(*opened);
  if (Result<void> added = state_->hub.add(state_->port); !added) {
    state_->port.listener.close();
    return fail(added.error().code, fmt::format("cannot listen on {}: {}", address, added.error().text));
  }
  state_->endpoint = state_->port.listener.endpoint();
  return {};
}

const std::string& RouterSocket::endpoint() const { return state_->endpoint; }

void RouterSocket::State::close(Duration linger) {
  if (!is_open()) return;
  hub.remove(port, linger);
  port.number = 0;
}

void RouterSocket::close(Duration linger) { state_->close(linger); }

// --- In ---

bool RouterSocket::receive(Bytes& peer, Frames& frames) {
  EMQ_ASSERT(state_->is_open() && frames.size() == 0);
  // Each of the peers that are ready gets at most one turn, so that bytes without a message keep nobody here.
  for (bool looked = false;;) {
    if (state_->port.current != nullptr) {
      if (state_->read_message(peer, frames)) return true;
    } else if (!state_->next_turn()) {
      if (looked || !state_->find_ready()) return false;
      looked = true;
    }
  }
}

// The next of those that are ready has sent something, which is read. False if there is none.
bool RouterSocket::State::next_turn() {
  while (port.next_ready < port.ready.size()) {
    Connection* const connection = hub.find(port.ready[port.next_ready++]);
    if (connection == nullptr) continue;
    switch (connection->read(port.chunk.data(), port.chunk.size(), port.unread)) {
      case Connection::Read::kNothing:
        continue;
      case Connection::Read::kEnded:
        hub.close(*connection);
        continue;
      case Connection::Read::kSome:
        hub.heard(*connection);
        port.current = connection;
        return true;
    }
  }
  return false;
}

bool RouterSocket::State::find_ready() {
  std::array<epoll_event, Port::kReadyAtOnce> events;
  const int count = ::epoll_wait(port.input.get(), events.data(), events.size(), 0);
  port.ready.clear();
  port.next_ready = 0;
  for (int i = 0; i < count; ++i) port.ready.push_back(events[i].data.u64);
  return count > 0;
}

// A message of the connection whose turn it is. False if it has no more of them, which ends its turn.
bool RouterSocket::State::read_message(Bytes& peer, Frames& frames) {
  using Step = zmtp::MessageReader::Step;
  Connection& connection = *port.current;
  for (;;) {
    switch (connection.reader.read(port.unread)) {
      case Step::kMessage:
        connection.reader.take_message(frames);
        peer = connection.routing_id;
        hub.spoke(connection);
        hub.count_held(connection);
        return true;
      case Step::kCommand:
        hub.answer(connection, connection.reader.command());
        continue;
      case Step::kNeedsBytes:
        port.current = nullptr;
        hub.count_held(connection);
        return false;
      case Step::kFault:
        hub.cut(connection, ConnectionFault::kUnfinished, connection.reader.fault());
        return false;
    }
  }
}

// --- Out ---

SendResult RouterSocket::send(const Bytes& peer, const Frames& frames) {
  EMQ_ASSERT(state_->is_open());
  const auto found = state_->port.by_id.find(peer);
  if (found == state_->port.by_id.end() || found->second->unwritable) return SendResult::kUnreachable;
  Connection& connection = *found->second;
  const SocketOptions& options = state_->port.options;
  SendQueue& queue = connection.out;
  const auto full = [&] {
    const size_t waiting = queue.large_bytes(), more = SendQueue::large_bytes_of(frames);
    return queue.messages() >= static_cast<size_t>(options.send_queue_messages) ||
           (waiting > 0 && more > 0 && waiting + more > options.send_queue_bytes);
  };
  if (full() && !connection.blocked) state_->hub.write(connection);
  if (connection.unwritable) return SendResult::kUnreachable;
  if (full()) return SendResult::kFull;
  queue.push(frames);
  state_->hub.sent(connection);
  return SendResult::kSent;
}

}  // namespace eventmq
