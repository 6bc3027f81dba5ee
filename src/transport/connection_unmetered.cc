// ipc:// connections: of their bytes nothing is known but the messages that came.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "src/transport/connection_guard.h"

namespace eventmq {
namespace {

// Who says INFORM and HEARTBEAT, as job managers, schedulers and subscribers do, is silent for a quarter of this.
constexpr Duration kSilentAfter = seconds(60);

uint64_t whole_mib(uint64_t bytes) { return bytes / (1024 * 1024); }

}  // namespace

void ConnectionGuard::take_descriptors() {
  for (auto& [handle, watched] : sockets_) {
    for (const int fd : std::exchange(watched.newcomers, {})) {
      Connection& connection = watched.at(fd);
      connection.newcomer = false;
      if (connection.cookie != 0) connection.own = {fd, connection.cookie};
    }
  }
}

// The library closed it: its peer is still there.
void ConnectionGuard::tell_refused(Connection& gone) {
  if (gone.cookie == 0 || !gone.own.is_open() || gone.own.peer_has_left()) return;
  found_.push_back({std::move(gone.address),
                    fmt::format("it announced a frame of more than {} MiB, sent what is no ZeroMQ message, or answered "
                                "no probe",
                                whole_mib(gone.socket->socket.announced_bytes_max)),
                    ConnectionFault::kUnfinished});
}

std::vector<ConnectionGuard::Connection*> ConnectionGuard::unmetered() {
  std::vector<Connection*> all;
  for (auto& [handle, watched] : sockets_) {
    if (watched.socket.metered) continue;
    for (Connection& connection : watched.connections) {
      if (connection.cookie != 0) all.push_back(&connection);
    }
  }
  return all;
}

void ConnectionGuard::tell_silent(Connection& connection, Instant now) {
  if (connection.told || !connection.account.received_nothing() || connection.since + kSilentAfter > now) return;
  connection.told = true;
  found_.push_back(
      {connection.address,
       fmt::format("it said nothing for {} s, or another peer has its routing id", kSilentAfter.us / 1'000'000),
       ConnectionFault::kUnheard});
}

size_t ConnectionGuard::look_at_unmetered(uint64_t job_bytes, Instant now) {
  const std::vector<Connection*> all = unmetered();
  for (Connection* connection : all) {
    tell_silent(*connection, now);
    if (connection->account.received() != connection->received_at_look) {
      connection->lowest.resident = 0;
      connection->seen_sending = false;
    }
    connection->received_at_look = connection->account.received();
  }
  cut_unmetered(all, job_bytes, now);
  return all.size();
}

// Those go first that were seen to send. The others are mostly idle: they go if that does not help.
uint64_t ConnectionGuard::unmetered_most(Connection& connection, uint64_t grown) const {
  const uint64_t most = options_.unfinished_bytes + options_.unexplained_bytes;
  if (grown > most / 2 && connection.own.has_unread()) connection.seen_sending = true;
  return connection.seen_sending ? most : most + options_.unexplained_bytes;
}

// What one had sent when it was first suspected must have been received, if it was whole.
void ConnectionGuard::cut_unmetered(const std::vector<Connection*>& all, uint64_t job_bytes, Instant now) {
  Level present = level(job_bytes);
  lower_levels(all, present);
  const bool any_over = std::any_of(all.begin(), all.end(), [&](Connection* connection) {
    const uint64_t grown = unexplained(*connection, present);
    return grown > unmetered_most(*connection, grown);
  });
  if (any_over) present = level_without_freed(all, job_bytes);
  for (Connection* connection : all) {
    const uint64_t grown = unexplained(*connection, present);
    if (grown <= unmetered_most(*connection, grown)) {
      connection->sampled = false;
    } else if (!connection->sampled) {
      begin_sample(*connection);
    } else if (all_was_received(*connection)) {
      cut(*connection,
          fmt::format("no message of it came while memory grew by {} MiB that nothing explains", whole_mib(grown)));
      give_back_soon(now);
    }
  }
}

}  // namespace eventmq
