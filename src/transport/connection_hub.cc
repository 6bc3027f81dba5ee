#include "src/transport/connection_hub.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "src/base/assert.h"
#include "src/transport/port.h"
#include "src/wire/text.h"
#include "src/zmtp/protocol.h"

namespace eventmq {
namespace {

constexpr uint64_t kMiB = 1024 * 1024;
constexpr size_t kEventsAtOnce = 256;
constexpr size_t kGatheredBytes = 64 * 1024;  // for one connection
constexpr size_t kUnsentPongs = 4096;         // bytes that wait, beyond which a PING is not answered
constexpr size_t kDrainedBytes = 1 << 20;     // of a peer that is being left

// Without the port, or on ipc:// the process, which is another one each time that a peer comes again.
std::string_view host_of(std::string_view address) {
  constexpr std::string_view kOf = " of ";  // as in "process 1 of user 2"
  const size_t of = address.rfind(kOf);
  return of == std::string_view::npos ? address.substr(0, address.rfind(':')) : address.substr(of + kOf.size());
}

}  // namespace

ConnectionHub::ConnectionHub(HubOptions options)
    : options_(options), now_(now()), events_(::epoll_create1(EPOLL_CLOEXEC)) {}
ConnectionHub::~ConnectionHub() { EMQ_ASSERT(ports_.empty(), "a socket outlives its hub"); }

Instant ConnectionHub::now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::microseconds>(since).count()};
}

std::vector<FaultyConnection> ConnectionHub::take_faults() { return std::exchange(faults_, {}); }

Connection* ConnectionHub::find(uint64_t number) const {
  const auto found = connections_.find(number);
  return found == connections_.end() ? nullptr : found->second.get();
}

// --- Turns ---

Instant ConnectionHub::next_due() const {
  return std::min(accept_again_, connections_.empty() ? Instant::never() : next_look_);
}

void ConnectionHub::service(bool has_events) {
  now_ = now();
  std::array<epoll_event, kEventsAtOnce> events;
  const int count = has_events ? ::epoll_wait(events_.get(), events.data(), events.size(), 0) : 0;
  for (int i = 0; i < count; ++i) serve(events[static_cast<size_t>(i)].data.u64);
  if (now_ >= accept_again_) resume_accepting();
  if (now_ >= next_look_) look_at_times();
  cut_unread();
}

void ConnectionHub::serve(uint64_t number) {
  const auto port =
      std::find_if(ports_.begin(), ports_.end(), [&](const Port* each) { return each->number == number; });
  if (port != ports_.end()) return accept_some(**port);
  Connection* const connection = find(number);
  if (connection == nullptr) return;
  if (connection->blocked) write(*connection);
  if (!connection->admitted) advance_handshake(*connection);
}

// --- Handshakes ---

void ConnectionHub::advance_handshake(Connection& connection) {
  switch (connection.advance_handshake()) {
    case HandshakeStep::kGoesOn:
      return;
    case HandshakeStep::kMet:
      return claim_id(connection);
    case HandshakeStep::kLeft:
      return close(connection);
    case HandshakeStep::kFailed:
      return cut(connection, ConnectionFault::kHandshake, connection.handshake_fault());
  }
}

void ConnectionHub::claim_id(Connection& connection) {
  Port& port = connection.port;
  const Bytes id(connection.claimed_id());
  const auto owner = id.empty() ? port.by_id.end() : port.by_id.find(id);
  if (owner == port.by_id.end()) return admit(connection);
  if (waits_for_id(connection)) return close(connection);  // it has left
  Connection& other = *owner->second;
  if (port.heirs.contains(id) || !other.peer_has_left()) return refuse(connection, other);
  port.heirs.emplace(id, &connection);
  epoll_event event{EPOLLRDHUP, {.u64 = connection.number}};
  ::epoll_ctl(events_.get(), EPOLL_CTL_MOD, connection.fd.get(), &event);
}

bool ConnectionHub::waits_for_id(const Connection& connection) const {
  const auto heir = connection.port.heirs.find(Bytes(connection.claimed_id()));
  return heir != connection.port.heirs.end() && heir->second == &connection;
}

// Without an ERROR of ZMTP: a peer on libzmq would never try again. The owner may be on a host that has vanished: it is
// asked, so that its name becomes free soon.
void ConnectionHub::refuse(Connection& connection, Connection& owner) {
  const std::string id = in_quotes(connection.claimed_id());
  std::string reason = fmt::format("its routing id {} is that of a connection of {}", id, owner.address);
  probe(owner);
  cut(connection, ConnectionFault::kTaken, std::move(reason));
}

Bytes ConnectionHub::made_id(Port& port) {
  for (;;) {
    const uint32_t number = port.next_id++;
    std::string made(1, '\0');
    for (int shift = 24; shift >= 0; shift -= 8) made += static_cast<char>(number >> shift & 0xff);
    if (Bytes id(made); !port.by_id.contains(id)) return id;
  }
}

void ConnectionHub::admit(Connection& connection) {
  Port& port = connection.port;
  connection.routing_id = connection.claimed_id().empty() ? made_id(port) : Bytes(connection.claimed_id());
  port.by_id.emplace(connection.routing_id, &connection);
  connection.admitted = true;
  connection.heard = now_;
  connection.out.push(zmtp::ready());
  ::epoll_ctl(events_.get(), EPOLL_CTL_DEL, connection.fd.get(), nullptr);
  connection.blocked = false;
  epoll_event event{EPOLLIN, {.u64 = connection.number}};
  if (::epoll_ctl(port.input.get(), EPOLL_CTL_ADD, connection.fd.get(), &event) != 0) {
    return cut(connection, ConnectionFault::kShed, kNotWatched);
  }
  write(connection);
}

// --- Out ---

void ConnectionHub::sent(Connection& connection) {
  if (connection.blocked) return count_unsent(connection);
  if (options_.gathers_sends && connection.out.bytes() < kGatheredBytes) return to_flush(connection);
  write(connection);
}

void ConnectionHub::count_unsent(Connection& connection) {
  unsent_ += connection.out.bytes();
  unsent_ -= std::exchange(connection.unsent, connection.out.bytes());
}

void ConnectionHub::to_flush(Connection& connection) {
  if (connection.to_flush) return;
  connection.to_flush = true;
  to_flush_.push_back(connection.number);
}

void ConnectionHub::flush() {
  flushed_.swap(to_flush_);
  for (const uint64_t number : flushed_) {
    Connection* const connection = find(number);
    if (connection == nullptr) continue;
    connection->to_flush = false;
    if (!connection->blocked) write(*connection);
  }
  flushed_.clear();
  cut_unread();
}

// A connection that broke may have left messages, which are read before it goes. One that takes more again is there,
// though it has not come to the PING behind what it was sent.
void ConnectionHub::write(Connection& connection) {
  if (connection.unwritable) return;
  const size_t waiting = connection.out.bytes();
  const SendQueue::Written written = connection.out.write_to(connection.fd.get());
  if (connection.blocked && connection.probed && connection.out.bytes() < waiting) connection.probed = now_;
  if (written == SendQueue::Written::kBroken) {
    connection.unwritable = true;
    connection.out = SendQueue();
  }
  count_unsent(connection);
  watch_writable(connection, written == SendQueue::Written::kSome);
}

void ConnectionHub::watch_writable(Connection& connection, bool on) {
  if (connection.blocked == on) return;
  connection.blocked = on;
  epoll_event event{on ? EPOLLOUT : 0u, {.u64 = connection.number}};
  if (!connection.admitted) {
    event.events |= EPOLLIN;
    ::epoll_ctl(events_.get(), EPOLL_CTL_MOD, connection.fd.get(), &event);
  } else if (::epoll_ctl(events_.get(), on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, connection.fd.get(), &event) != 0 && on) {
    connection.blocked = false;  // the system cannot watch another one: it is tried again in the next turn
    to_flush(connection);
  }
}

void ConnectionHub::probe(Connection& connection) {
  if (!connection.knows_ping || connection.probed || connection.unwritable) return;
  connection.probed = now_;
  connection.out.push(zmtp::ping());
  to_flush(connection);
}

// --- In ---

void ConnectionHub::heard(Connection& connection) {
  connection.heard = now_;
  connection.probed.reset();
}

void ConnectionHub::answer(Connection& connection, std::string_view command) {
  const std::optional<std::string_view> context = zmtp::read_ping(command);
  if (!context || connection.out.bytes() > kUnsentPongs) return;
  connection.out.push(zmtp::pong(*context));
  to_flush(connection);
}

void ConnectionHub::spoke(Connection& connection) {
  if (std::exchange(connection.spoke, true)) return;
  connection.port.silent.remove(connection);
}

void ConnectionHub::count_held(Connection& connection) {
  held_ += connection.reader.held_bytes();
  held_ -= std::exchange(connection.held, connection.reader.held_bytes());
  if (held_ > options_.unfinished_bytes) cut_largest();
}

Connection& ConnectionHub::with_most(size_t Connection::*bytes) const {
  return *std::max_element(connections_.begin(), connections_.end(), [&](const auto& a, const auto& b) {
            return (*a.second).*bytes < (*b.second).*bytes;
          })->second;
}

void ConnectionHub::cut_largest() {
  Connection& largest = with_most(&Connection::held);
  cut(largest, ConnectionFault::kUnfinished,
      fmt::format("unfinished messages had more than {} MiB together, and its one had the most, {} MiB",
                  options_.unfinished_bytes / kMiB, largest.held / kMiB));
}

// Not while something is written, when whoever does it still has the connection in hand.
void ConnectionHub::cut_unread() {
  while (unsent_ > options_.unsent_bytes) {
    Connection& largest = with_most(&Connection::unsent);
    cut(largest, ConnectionFault::kUnread,
        fmt::format("what waits for peers that do not read had more than {} MiB together, and it has the most, {} MiB",
                    options_.unsent_bytes / kMiB, largest.unsent / kMiB));
  }
}

// --- Ends ---

void ConnectionHub::cut(Connection& connection, ConnectionFault fault, std::string reason) {
  if (told_lately(fmt::format("{}: {}", host_of(connection.address), reason))) reason.clear();
  faults_.push_back({fault, connection.address, std::move(reason)});
  say_goodbye(connection);
  close(connection);
}

// Sends what the system takes. If something were unread at the end, the system would throw away what is on its way.
void ConnectionHub::say_goodbye(Connection& connection) {
  connection.out.write_to(connection.fd.get());
  ::shutdown(connection.fd.get(), SHUT_WR);
  std::array<char, 16 * 1024> nothing;
  for (size_t drained = 0; drained < kDrainedBytes;) {
    const ssize_t got = ::recv(connection.fd.get(), nothing.data(), nothing.size(), MSG_DONTWAIT);
    if (got <= 0) break;
    drained += static_cast<size_t>(got);
  }
}

// The descriptor leaves both epolls as it is closed.
void ConnectionHub::close(Connection& connection) {
  Port& port = connection.port;
  if (port.current == &connection) port.current = nullptr;
  if (!connection.spoke) port.silent.remove(connection);
  --port.open;
  held_ -= connection.held;
  unsent_ -= connection.unsent;
  Connection* heir = nullptr;
  if (connection.admitted) {
    port.by_id.erase(connection.routing_id);
    if (const auto found = port.heirs.find(connection.routing_id); found != port.heirs.end()) {
      heir = found->second;
      port.heirs.erase(found);
    }
  } else if (waits_for_id(connection)) {
    port.heirs.erase(Bytes(connection.claimed_id()));
  }
  connections_.erase(connection.number);
  if (heir != nullptr) admit(*heir);
}

Result<void> ConnectionHub::add(Port& port) {
  port.number = next_number_++;
  port.input = FileDescriptor(::epoll_create1(EPOLL_CLOEXEC));
  if (!events_.is_open() || !port.input.is_open() || !listen(port)) {
    const int error = errno;
    port.number = 0;
    return fail(ErrorCode::kSystem, fmt::format("cannot watch for connections: {}", std::strerror(error)));
  }
  ports_.push_back(&port);
  schedule_look();
  return {};
}

void ConnectionHub::remove(Port& port, Duration linger_time) {
  port.listener.close();
  flush();
  linger(port, linger_time);
  std::vector<Connection*> all;
  for (const auto& [number, connection] : connections_) {
    if (&connection->port == &port) all.push_back(connection.get());
  }
  port.heirs.clear();
  for (Connection* connection : all) {
    say_goodbye(*connection);
    close(*connection);
  }
  std::erase(ports_, &port);
}

void ConnectionHub::linger(const Port& port, Duration time) {
  const Instant until = now() + time;
  const auto waits = [&](const auto& entry) { return &entry.second->port == &port && entry.second->blocked; };
  while (std::any_of(connections_.begin(), connections_.end(), waits)) {
    const Duration left = until - now();
    if (left <= Duration{}) return;
    epoll_event any;
    ::epoll_wait(events_.get(), &any, 1, static_cast<int>(std::min<int64_t>(left.ms() + 1, 1000)));
    service(true);
  }
}

}  // namespace eventmq
