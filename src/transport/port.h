// The inside of a RouterSocket: what its hub knows of it. Used by this folder only.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "src/base/siphash.h"
#include "src/transport/connection.h"
#include "src/transport/listener.h"
#include "src/transport/socket_options.h"

namespace eventmq {

// Peers choose their routing ids, so a table of them hashes with a key that they do not know.
struct RoutingIdHash {
  KeyedHash hash;
  size_t operator()(const Bytes& id) const { return hash(id.view()); }
};
RoutingIdHash random_routing_id_hash();
uint32_t random_first_id();

inline constexpr const char* kNotWatched = "the system cannot watch another connection (fs.epoll.max_user_watches)";

struct Port {
  using ByRoutingId = std::unordered_map<Bytes, Connection*, RoutingIdHash>;
  static constexpr size_t kReadBytes = 16 * 1024;  // at once of one connection, so that others get their turn
  static constexpr size_t kReadyAtOnce = 256;      // connections

  SocketOptions options;
  uint64_t number = 0;  // of no connection
  Listener listener;
  FileDescriptor input;  // epoll: connections that may have messages
  ByRoutingId by_id{0, random_routing_id_hash()};
  ByRoutingId heirs{0, random_routing_id_hash()};  // wait until the owner of their routing id has been read to its end
  IntrusiveList<Connection, &Connection::silent_link> silent;  // never spoke; in the order that they came
  size_t open = 0;                                             // connections
  // For a peer that gives none; not what another life of the router gave, as replies to those may be waiting.
  uint32_t next_id = random_first_id();

  // --- Reading ---
  std::vector<uint64_t> ready;  // numbers of connections, whose turn comes
  size_t next_ready = 0;
  Connection* current = nullptr;  // whose turn it is
  std::string_view unread;        // of what it sent
  std::array<char, kReadBytes> chunk;
};

}  // namespace eventmq
