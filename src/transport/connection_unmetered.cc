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
                                whole_mib(gone.socket->options.announced_bytes_max)),
                    ConnectionFault::kUnfinished});
}

std::vector<ConnectionGuard::Connection*> ConnectionGuard::unmetered() {
  std::vector<Connection*> all;
  for (auto& [handle, watched] : sockets_) {
    if (watched.options.metered) continue;
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
  Level present = level(job_bytes);
  lower_levels(all, present);
  for (Connection* connection : all) note_sending(*connection, present);
  if (std::any_of(all.begin(), all.end(), [&](const Connection* each) { return is_over(*each, present); })) {
    present = level_without_freed(all, job_bytes);
  }
  for (Connection* connection : all) cut_unmetered(*connection, present, now);
  return all.size();
}

uint64_t ConnectionGuard::unmetered_most() const { return options_.unfinished_bytes + options_.unexplained_bytes; }

// Asks the kernel only when it may soon matter.
void ConnectionGuard::note_sending(Connection& connection, const Level& present) const {
  const bool grew_much = unexplained(connection, present) > unmetered_most() / 2;
  if (grew_much && connection.own.has_unread()) connection.seen_sending = true;
}

// Those go first that were seen to send. The others are mostly idle: they go if that does not help.
bool ConnectionGuard::is_over(const Connection& connection, const Level& present) const {
  const uint64_t more = connection.seen_sending ? 0 : options_.unexplained_bytes;
  return unexplained(connection, present) > unmetered_most() + more;
}

// What one had sent when it was first suspected must have been received, if it was whole.
void ConnectionGuard::cut_unmetered(Connection& connection, const Level& present, Instant now) {
  if (!is_over(connection, present)) {
    connection.sampled = false;
  } else if (!connection.sampled) {
    begin_sample(connection);
  } else if (all_was_received(connection)) {
    cut(connection, fmt::format("no message of it came while memory grew by {} MiB that nothing explains",
                                whole_mib(unexplained(connection, present))));
    give_back_soon(now);
  }
}

}  // namespace eventmq
