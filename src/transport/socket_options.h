// What can be set about a socket. The defaults are what the programs use.
#pragma once

#include <cstddef>

#include "src/base/time.h"
#include "src/wire/limits.h"

namespace eventmq {

struct SocketOptions {
  // ROUTER only: a larger frame is dropped as it comes, and its message marked (Frames::mark_too_large). A DEALER takes
  // what its broker sends, up to limits::kFrameBytesAnnounced, which no setting passes: a broken connection would not
  // say why, and break again for the same message.
  size_t frame_bytes_max = limits::kFrameBytesDefault;
  int send_queue_messages = limits::kSendQueueMessages;        // per peer
  size_t send_queue_bytes = limits::kSendQueueBytes;           // per peer, ROUTER only
  int receive_queue_messages = limits::kReceiveQueueMessages;  // DEALER only
  // A connection must be made, and its handshake done, within this time.
  Duration handshake_timeout = seconds(5);
  // What was sent but has not left when the socket is closed is given so long, and is then dropped. A ROUTER waits.
  Duration linger = seconds(1);
  // ROUTER only: a connection that has been quiet for so long is probed, and dropped if nothing at all comes back
  // within the timeout, so that the routing id of a host that vanished becomes free again. 0: never.
  Duration probe_interval = seconds(15);
  Duration probe_timeout = seconds(30);
  // ROUTER only: so many of its connections do not count for the limit of its hub.
  size_t own_connections = 0;
};

}  // namespace eventmq
