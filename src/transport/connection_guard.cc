#include "src/transport/connection_guard.h"

#include <fmt/format.h>
#include <zmq.h>

#include <algorithm>
#include <utility>

#include "src/base/assert.h"
#include "src/transport/zmq_messages.h"

namespace eventmq {
namespace {

constexpr Duration kCheckAtRest = milliseconds(100);
constexpr Duration kCheckInHaste = milliseconds(20);
// A look at a connection costs 2 to 3 µs, so the looks take a twentieth of the time.
constexpr Duration kPerConnection = microseconds(50);
constexpr Duration kPerUnmetered = microseconds(2);  // a look at one of those costs less than 0.1 µs
constexpr size_t kLooksInTurn = 16;
constexpr uint64_t kGrowthSeen = 4 * 1024 * 1024;  // of memory, that makes us look at all connections
// A connection that was cut is gone by then, with what it held; the last time, surely.
constexpr Duration kUntilFreed = milliseconds(200);
constexpr int kTrims = 5;
constexpr uint64_t kLongBytes = 64 * 1024;  // so many are one long message on its way, which is bounded as such
constexpr Duration kUnheardAfter = seconds(3);
constexpr size_t kLetInPerTurn = 64;
constexpr uint64_t kMessagesOfARound = 512;  // beyond two for each connection

double mib(uint64_t bytes) { return static_cast<double>(bytes) / (1024 * 1024); }

}  // namespace

// --- What the sockets tell ---

Result<void> ConnectionGuard::watch(void* context, void* socket, const WatchOptions& given) {
  if (!given.metered) {
    if (!gate_) {
      Result<HandshakeGate> gate = HandshakeGate::open(context);
      if (!gate) return tl::unexpected(gate.error());
      gate_.emplace(std::move(*gate));
    }
    HandshakeGate::hold(socket);
  }
  Result<AcceptMonitor> monitor = AcceptMonitor::open(context, socket);
  if (!monitor) return tl::unexpected(monitor.error());
  sockets_.try_emplace(socket, std::move(*monitor), given);
  return {};
}

void ConnectionGuard::forget(void* socket) {
  const auto watched = sockets_.find(socket);
  if (watched == sockets_.end()) return;
  const auto is_of_it = [&](const Connection* connection) { return connection->socket == &watched->second; };
  std::erase_if(looked_at_, is_of_it);
  std::erase_if(suspects_, is_of_it);
  sockets_.erase(watched);
  const bool any_unmetered =
      std::any_of(sockets_.begin(), sockets_.end(), [](const auto& entry) { return !entry.second.options.metered; });
  if (!any_unmetered) gate_.reset();
}

ConnectionGuard::Connection& ConnectionGuard::Watched::at(int fd) {
  while (static_cast<size_t>(fd) >= connections.size()) {
    connections.push_back({.socket = this, .fd = static_cast<int>(connections.size())});
  }
  return connections[static_cast<size_t>(fd)];
}

void ConnectionGuard::received(void* socket, int fd, size_t bytes) {
  const auto watched = sockets_.find(socket);
  if (watched == sockets_.end()) return;
  ++watched->second.messages;
  if (fd < 0) return;
  Connection& connection = watched->second.at(fd);
  connection.account.received(bytes);
  if (connection.recent_turn != turn_) connection.recent = 0;
  connection.recent_turn = turn_;
  connection.recent += bytes;
}

void ConnectionGuard::drained(void* socket) {
  const auto watched = sockets_.find(socket);
  if (watched != sockets_.end()) ++watched->second.drained;
}

// When we hear of a handshake that waits, its connection has been reported before.
void ConnectionGuard::let_in(Instant now) {
  if (!gate_) return;
  for (size_t i = 0; i < kLetInPerTurn; ++i) {
    if (!gate_->let_in_next([&] { take_reports(now); })) return;
  }
}

void ConnectionGuard::take_reports(Instant now) {
  for (auto& [socket, watched] : sockets_) {
    while (const auto report = watched.monitor.next()) take_report(watched, *report, now);
  }
  take_descriptors();
  ++turn_;
}

// A newcomer, which is not let in: if its time was over, it waited for us; and of what is no ZMTP 3 the library reports
// the end, but not that its handshake failed.
bool ConnectionGuard::handshake_failed(const Connection& gone, AcceptMonitor::End end) {
  if (end == AcceptMonitor::End::kNoHandshake) return true;
  return end == (gone.newcomer ? AcceptMonitor::End::kUnsaid : AcceptMonitor::End::kTimedOut);
}

// A message may have come before the report of its connection. It is counted for whoever had the descriptor, and again
// for whoever has it now, since nothing tells whose it was.
void ConnectionGuard::take_report(Watched& socket, AcceptMonitor::Report report, Instant now) {
  if (report.fd < 0) return;
  Connection& connection = socket.at(report.fd);
  if (connection.cookie != 0) --socket.open;
  if (!report.accepted && handshake_failed(connection, report.end)) {
    found_.push_back(
        {std::move(connection.address), "it did not make a ZeroMQ handshake", ConnectionFault::kHandshake});
  } else if (!report.accepted) {
    tell_refused(connection);
  }
  Connection fresh{.socket = &socket, .fd = report.fd};
  fresh.recent = connection.recent_turn == turn_ ? connection.recent : 0;
  fresh.recent_turn = connection.recent_turn;
  if (report.accepted) {
    fresh.account.received(fresh.recent);
    fresh.cookie = kernel_counts::cookie(report.fd);
    fresh.address = kernel_counts::peer_address(report.fd);
    fresh.since = now;
    fresh.number = ++connections_seen_;
    if (fresh.cookie != 0) ++socket.open;
    fresh.newcomer = !socket.options.metered;
    if (fresh.newcomer) socket.newcomers.push_back(report.fd);
  }
  connection = std::move(fresh);
}

// --- Looking ---

std::vector<FaultyConnection> ConnectionGuard::check(Instant now, uint64_t job_bytes) {
  let_in(now);
  if (now < next_check()) return std::exchange(found_, {});
  take_reports(now);
  const bool crowded = shed();
  if (now >= next_look_) look(now, job_bytes);
  next_check_ = crowded ? now + kCheckInHaste : std::min(next_look_, now + kCheckAtRest);
  return std::exchange(found_, {});
}

void ConnectionGuard::look(Instant now, uint64_t job_bytes) {
  if (now >= trim_at_) {
    kernel_counts::return_freed_memory();
    trim_at_ = --trims_left_ > 0 ? now + kUntilFreed : Instant::never();
  }
  look_for_input();
  judge(now);
  cut_too_large();
  cut_largest_of_too_many();
  cut_unexplained(job_bytes, now);
  const size_t unmetered = look_at_unmetered(job_bytes, now);

  const uint64_t resident = memory_.bytes();
  const bool grew = resident == 0 || resident > resident_ + kGrowthSeen;
  resident_ = grew ? resident : std::min(resident_, resident);
  sample_some(now, grew);
  const Duration pause = grew || !suspects_.empty() ? kCheckInHaste : kCheckAtRest;
  const Duration metered_rest = kPerConnection * static_cast<int64_t>(looked_at_.size());
  next_look_ = now + std::max(pause, metered_rest + kPerUnmetered * static_cast<int64_t>(unmetered));
}

void ConnectionGuard::look_for_input() {
  for (auto& [socket, watched] : sockets_) {
    if (!zmq_messages::has_input(socket)) ++watched.drained;
  }
}

// The library takes one message of each connection that has one in turn. So a connection that had one at the sample
// has none of those if the socket was empty since, or if all others had two turns and this one had none.
bool ConnectionGuard::all_was_received(const Connection& connection) {
  const Watched& socket = *connection.socket;
  if (socket.drained != connection.drained_at_sample) return true;
  const uint64_t since = socket.messages - connection.messages_at_sample;
  return since > 2 * socket.open + kMessagesOfARound && connection.account.received() == connection.received_at_sample;
}

void ConnectionGuard::judge(Instant now) {
  suspects_.clear();
  std::vector<Connection*> unjudged;
  for (Connection* connection : looked_at_) {
    if (connection->cookie == 0 || !connection->sampled) continue;
    if (all_was_received(*connection)) {
      judge(*connection, now);
    } else {
      unjudged.push_back(connection);
    }
    if (connection->suspect) suspects_.push_back(connection);
  }
  looked_at_ = std::move(unjudged);
}

void ConnectionGuard::judge(Connection& connection, Instant now) {
  connection.sampled = false;
  if (connection.account.received_since_judgement()) connection.suspect = false;
  connection.unfinished = connection.account.judge();
  const bool suspect = connection.unfinished >= limits::kSuspectBytes;
  if (suspect && !connection.suspect) connection.lowest.resident = 0;  // set by lower_levels()
  connection.suspect = suspect;
  tell_unheard(connection, now);
}

// Its first message may also be a long one that is on its way.
void ConnectionGuard::tell_unheard(Connection& connection, Instant now) {
  const bool unheard = connection.account.received_nothing() && connection.unheard.speaks() &&
                       connection.account.read() < kLongBytes && connection.since + kUnheardAfter <= now;
  if (connection.told || !unheard) return;
  connection.told = true;
  found_.push_back({connection.address,
                    fmt::format("it sent {} bytes and no message has come: another peer has its routing id, or the "
                                "message is long",
                                connection.account.read()),
                    ConnectionFault::kUnheard});
}

void ConnectionGuard::begin_sample(Connection& connection) {
  connection.sampled = true;
  connection.messages_at_sample = connection.socket->messages;
  connection.drained_at_sample = connection.socket->drained;
  connection.received_at_sample = connection.account.received();
}

void ConnectionGuard::sample(Connection& connection, Instant now) {
  if (connection.cookie == 0 || connection.sampled) return;
  const std::optional<kernel_counts::BytesRead> read = kernel_counts::bytes_read(connection.fd, connection.cookie);
  if (!read) return;  // closed; the report is on its way
  connection.account.sample(read->least, read->most, now);
  connection.unheard.sample(read->least, read->segments, now - connection.since);
  begin_sample(connection);
  looked_at_.push_back(&connection);
}

void ConnectionGuard::sample_some(Instant now, bool all) {
  for (Connection* connection : suspects_) sample(*connection, now);
  for (auto& [handle, socket] : sockets_) {
    if (!socket.options.metered) continue;
    size_t left = all ? socket.open : std::min(kLooksInTurn, socket.open);
    for (size_t step = 0; step < socket.connections.size() && left > 0; ++step) {
      socket.next_in_turn = (socket.next_in_turn + 1) % socket.connections.size();
      Connection& connection = socket.connections[socket.next_in_turn];
      if (connection.cookie == 0) continue;
      sample(connection, now);
      --left;
    }
  }
}

// --- Deciding ---

ConnectionGuard::Level ConnectionGuard::level(uint64_t job_bytes) const {
  Level level{memory_.bytes(), job_bytes, 0};
  for (const Connection* suspect : suspects_) level.unfinished += suspect->unfinished;
  return level;
}

uint64_t ConnectionGuard::unexplained(const Connection& suspect, const Level& now) const {
  const Level& then = suspect.lowest;
  const uint64_t explained = above(now.unfinished, then.unfinished) + 2 * above(now.jobs, then.jobs);
  return above(now.resident, then.resident + explained);
}

bool ConnectionGuard::any_unexplained(const Level& now) const {
  return std::any_of(suspects_.begin(), suspects_.end(), [&](const Connection* suspect) {
    return unexplained(*suspect, now) > options_.unexplained_bytes;
  });
}

void ConnectionGuard::lower_levels(const std::vector<Connection*>& suspects, const Level& now) {
  for (Connection* suspect : suspects) {
    Level& lowest = suspect->lowest;
    const bool lower = above(now.resident, now.unfinished) < above(lowest.resident, lowest.unfinished);
    if (lower || lowest.resident == 0) lowest = now;
  }
}

ConnectionGuard::Level ConnectionGuard::level_without_freed(const std::vector<Connection*>& suspects,
                                                            uint64_t job_bytes) const {
  kernel_counts::return_freed_memory();
  const Level present = level(job_bytes);
  lower_levels(suspects, present);
  return present;
}

void ConnectionGuard::cut_too_large() {
  for (Connection* suspect : suspects_by_size()) {
    if (suspect->unfinished <= suspect->socket->message_bytes_max) continue;
    cut(*suspect, fmt::format("it sent {:.1f} MiB of one message and not its end", mib(suspect->unfinished)));
  }
}

void ConnectionGuard::cut_largest_of_too_many() {
  const uint64_t all = level(0).unfinished;
  uint64_t left = all;
  for (Connection* suspect : suspects_by_size()) {
    if (left <= options_.unfinished_bytes) return;
    left -= suspect->unfinished;
    cut(*suspect, fmt::format("all connections together sent {:.1f} MiB of messages and not their ends, it {:.1f} MiB",
                              mib(all), mib(suspect->unfinished)));
  }
}

void ConnectionGuard::cut_unexplained(uint64_t job_bytes, Instant now) {
  if (suspects_.empty()) return;
  Level present = level(job_bytes);
  lower_levels(suspects_, present);
  if (!any_unexplained(present)) return;
  present = level_without_freed(suspects_, job_bytes);
  for (Connection* suspect : suspects_by_size()) {
    const uint64_t grown = unexplained(*suspect, present);
    if (grown <= options_.unexplained_bytes) continue;
    cut(*suspect,
        fmt::format("it sent {:.3f} MiB of one message and not its end while memory grew by {:.0f} MiB more than that",
                    mib(suspect->unfinished), mib(grown)));
    give_back_soon(now);
  }
}

void ConnectionGuard::give_back_soon(Instant now) {
  trim_at_ = now + kUntilFreed;
  trims_left_ = kTrims;
}

std::vector<ConnectionGuard::Connection*> ConnectionGuard::suspects_by_size() const {
  std::vector<Connection*> sorted = suspects_;
  std::sort(sorted.begin(), sorted.end(),
            [](const Connection* a, const Connection* b) { return a->unfinished > b->unfinished; });
  return sorted;
}

}  // namespace eventmq
