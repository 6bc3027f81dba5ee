// How a connection is closed, and which ones when there are too many.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstddef>
#include <string>

#include "src/transport/connection_guard.h"

namespace eventmq {
namespace {

// What is cut at a look when the process may open no more files, though connections are not too many.
constexpr uint64_t kRoomMade = 16;

}  // namespace

uint64_t connections_possible() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return limits::kConnections;
  const uint64_t left = std::max<uint64_t>(above(files.rlim_cur, limits::kReservedFiles), files.rlim_cur / 2);
  return std::min(left, limits::kConnections);
}

uint64_t ConnectionGuard::too_many() const {
  uint64_t counted = 0;
  for (const auto& [handle, socket] : sockets_) counted += socket.counted();
  return above(counted, options_.connections);
}

// Those that never spoke, the oldest first; then the others, the newest first.
std::vector<ConnectionGuard::Connection*> ConnectionGuard::first_to_go(uint64_t count) {
  std::vector<Connection*> all;
  for (auto& [handle, socket] : sockets_) {
    if (socket.counted() == 0) continue;
    for (Connection& connection : socket.connections) {
      if (connection.cookie != 0) all.push_back(&connection);
    }
  }
  const size_t going = std::min<size_t>(count, all.size());
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(going);
  std::partial_sort(all.begin(), end, all.end(), [](const Connection* a, const Connection* b) {
    const bool a_silent = a->account.received_nothing(), b_silent = b->account.received_nothing();
    if (a_silent != b_silent) return a_silent;
    return a_silent ? a->number < b->number : a->number > b->number;
  });
  all.resize(going);
  return all;
}

// Says whether there were too many.
bool ConnectionGuard::shed() {
  uint64_t excess = too_many();
  std::string cause = fmt::format("there are more connections than {}", options_.connections);
  if (!spare_.others_left() && excess < kRoomMade) {
    excess = kRoomMade;
    cause = "the router may open no more files";
  }
  if (excess == 0) return false;
  uint64_t freed = 0;
  for (Connection* connection : first_to_go(excess)) {
    if (freed >= excess) break;
    if (connection->socket->counted() == 0) continue;  // the next look goes on with others
    freed += connection->socket->files_each();
    const bool silent = connection->account.received_nothing();
    const char* which = silent ? "of those that never sent a message it was the oldest" : "it was the newest";
    cut(*connection, fmt::format("{}, and {}", cause, which), ConnectionFault::kShed);
  }
  return true;
}

void ConnectionGuard::cut(Connection& connection, std::string reason, ConnectionFault fault) {
  if (spare_.reset(connection.fd, connection.cookie)) {
    found_.push_back({connection.address, std::move(reason), fault});
  }
  std::erase(suspects_, &connection);
  connection.cookie = 0;
  --connection.socket->open;
}

}  // namespace eventmq
