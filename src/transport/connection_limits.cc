// What a ConnectionHub does about numbers and times: accepting, making room, handshakes that take too long, silence.
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "src/transport/connection_hub.h"
#include "src/transport/port.h"
#include "src/zmtp/protocol.h"

namespace eventmq {
namespace {

constexpr int kAcceptedAtOnce = 64;
constexpr Duration kAcceptPause = milliseconds(100);
constexpr Duration kAbsence = seconds(2);
constexpr Duration kLookAtLeast = milliseconds(5), kLookAtMost = seconds(1);
constexpr size_t kToldMost = 1000;

uint64_t above(uint64_t value, uint64_t floor) { return value > floor ? value - floor : 0; }

}  // namespace

uint64_t connections_possible() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return limits::kConnections;
  const uint64_t left = std::max<uint64_t>(above(files.rlim_cur, limits::kReservedFiles), files.rlim_cur / 2);
  return std::min(left, limits::kConnections);
}

// --- Accepting ---

bool ConnectionHub::listen(Port& port) {
  epoll_event event{EPOLLIN, {.u64 = port.number}};
  return ::epoll_ctl(events_.get(), EPOLL_CTL_ADD, port.listener.fd(), &event) == 0 || errno == EEXIST;
}

void ConnectionHub::accept_some(Port& port) {
  for (int i = 0; i < kAcceptedAtOnce; ++i) {
    FileDescriptor fd = port.listener.accept();
    if (fd.is_open()) {
      accepted(port, std::move(fd));
      continue;
    }
    const bool no_room = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    if (no_room && !port.listener.somebody_waits()) return;
    if (no_room && !shed("the router may open no more files")) return pause_accepting();
  }
}

void ConnectionHub::accepted(Port& port, FileDescriptor fd) {
  const uint64_t number = next_number_++;
  auto made = std::make_unique<Connection>(number, port, std::move(fd), port.options.frame_bytes_max, now_);
  Connection& connection = *made;
  if (connections_.empty()) schedule_look();
  connections_.emplace(number, std::move(made));
  port.silent.push_back(connection);
  ++port.open;
  epoll_event event{EPOLLIN, {.u64 = number}};
  if (::epoll_ctl(events_.get(), EPOLL_CTL_ADD, connection.fd.get(), &event) != 0) {
    return cut(connection, ConnectionFault::kShed, kNotWatched);
  }
  write(connection);
  if (counted() > options_.connections) {
    shed(fmt::format("there are more connections than {}", options_.connections));
  }
}

// Without room a listener is always ready, and would keep the loop busy.
void ConnectionHub::pause_accepting() {
  if (accept_again_ != Instant::never()) return;
  for (const Port* port : ports_) ::epoll_ctl(events_.get(), EPOLL_CTL_DEL, port->listener.fd(), nullptr);
  accept_again_ = now_ + kAcceptPause;
  const std::string reason = "newcomers must wait: the router may open no more files";
  if (!told_lately(reason)) faults_.push_back({ConnectionFault::kShed, "", reason});
}

void ConnectionHub::resume_accepting() {
  accept_again_ = Instant::never();
  for (Port* port : ports_) {
    if (!listen(*port)) accept_again_ = now_ + kAcceptPause;
  }
}

uint64_t ConnectionHub::counted() const {
  uint64_t sum = 0;
  for (const Port* port : ports_) sum += above(port->open, port->options.own_connections);
  return sum;
}

// Of all sockets that have more than their own, the oldest connection that never spoke, which may be the newcomer.
// False if there is none.
bool ConnectionHub::shed(const std::string& cause) {
  Connection* oldest = nullptr;
  for (const Port* port : ports_) {
    if (port->open <= port->options.own_connections || port->silent.empty()) continue;
    if (oldest == nullptr || port->silent.front()->number < oldest->number) oldest = port->silent.front();
  }
  if (oldest == nullptr) return false;
  cut(*oldest, ConnectionFault::kShed, cause + ", and of those that never sent a message it was the oldest");
  return true;
}

// --- Times ---

void ConnectionHub::schedule_look() {
  Duration shortest = kLookAtMost * 4;
  for (const Port* port : ports_) {
    shortest = std::min(shortest, port->options.handshake_timeout);
    if (port->options.probe_interval > Duration{}) {
      shortest = std::min({shortest, port->options.probe_interval, port->options.probe_timeout});
    }
  }
  next_look_ = now_ + std::clamp(shortest / 4, kLookAtLeast, kLookAtMost);
}

void ConnectionHub::look_at_times() {
  const bool absent = now_ - next_look_ > kAbsence;
  schedule_look();
  const Instant before = std::exchange(last_look_, now_);
  if (absent) return excuse_all();
  std::vector<uint64_t> all;  // as some of them go
  all.reserve(connections_.size());
  for (const auto& [number, connection] : connections_) all.push_back(number);
  for (const uint64_t number : all) {
    if (Connection* const connection = find(number); connection != nullptr) look_at(*connection, before);
  }
}

void ConnectionHub::excuse_all() {
  for (const auto& [number, connection] : connections_) {
    connection->since = connection->moved = now_;
    if (connection->probed) connection->probed = now_;
  }
}

void ConnectionHub::look_at(Connection& connection, Instant last_look) {
  if (!connection.admitted) return look_at_handshake(connection);
  if (connection.port.options.probe_interval == Duration{}) return;
  // It is our fault if something waits and nothing was read meanwhile.
  const Port& port = connection.port;
  const bool in_hand = port.current == &connection && !port.unread.empty();
  const bool unread = connection.heard < last_look && (in_hand || connection.has_unread());
  if (unread) connection.moved = now_;
  if (connection.reader.unfinished_bytes() > 0) return look_at_message(connection);
  look_at_silence(connection, unread);
}

void ConnectionHub::look_at_handshake(Connection& connection) {
  const Duration time = connection.port.options.handshake_timeout;
  if (now_ - connection.since < time || waits_for_id(connection)) return;
  cut(connection, ConnectionFault::kHandshake, fmt::format("its handshake took longer than {} s", time.seconds()));
}

// Who only answers probes does not go on with it.
void ConnectionHub::look_at_message(Connection& connection) {
  const uint64_t read = connection.reader.bytes_read();
  if (std::exchange(connection.read_at_look, read) != read) connection.moved = now_;
  if (now_ - connection.moved < connection.port.options.probe_timeout) return;
  cut(connection, ConnectionFault::kUnfinished, "it stopped in the midst of a message");
}

void ConnectionHub::look_at_silence(Connection& connection, bool unread) {
  const SocketOptions& options = connection.port.options;
  if (!connection.probed) {
    if (now_ - connection.heard >= options.probe_interval) probe(connection);
  } else if (unread) {
    heard(connection);
  } else if (now_ - *connection.probed >= options.probe_timeout) {
    close(connection);
  }
}

bool ConnectionHub::told_lately(const std::string& about) {
  if (told_.size() >= kToldMost)
    std::erase_if(told_, [&](const auto& entry) { return now_ - entry.second >= options_.told_again; });
  if (told_.size() >= kToldMost) return true;
  const auto [found, is_new] = told_.emplace(about, now_);
  if (!is_new && now_ - found->second < options_.told_again) return true;
  found->second = now_;
  return false;
}

}  // namespace eventmq
