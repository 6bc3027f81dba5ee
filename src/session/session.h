// What the client's and the worker's end of a conversation have in common: they are state machines like the
// broker (event and time in, effects out), driven by a loop that owns one DEALER connection.
//
// A conversation is one connection with a routing id of its own. When the broker falls silent or the link is
// lost, the session asks for a new connection, perhaps to the next address, and begins again with INFORM:
// nothing of the old connection's queues can reach the new broker.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "src/base/time.h"
#include "src/wire/messages.h"

namespace eventmq {

// --- Events that both ends know ---
// A message from the broker on the current connection.
struct FromBroker {
  Message message;
};
// The current connection is made. It need not be said; the worker's end can tell more of a broker that is silent then.
struct LinkMade {};
// The current connection broke or could not be made.
struct LinkLost {
  bool refused = false;  // it was closed in its handshake, as when another one has its routing id
};
struct SessionTick {};

// --- Effects that both ends know; a loop carries them out in order ---
// Close the present connection, if any, and open this one. Later sends go to it.
struct Connect {
  std::string address;
  std::string routing_id;
};
struct ToBroker {
  Message message;
};
// The conversation is over for good: send what is queued (for at most a second or two), close, stop the loop.
struct SessionEnded {};
struct SessionLog {
  bool warning;
  std::string text;
};

// How the ends find the broker and notice that it is gone.
struct LinkSettings {
  std::vector<std::string> addresses;  // tried in turn
  std::string name;                    // routing id; empty: a new UUID for each conversation
  bool heartbeats_enabled = true;
  Duration heartbeat_interval = seconds(3);  // sent when nothing else was sent for so long
  Duration heartbeat_timeout = seconds(5);   // one missed heartbeat
  uint32_t heartbeat_liveness = 3;           // misses until the broker is taken for gone
  Duration reconnect_timeout = seconds(5);   // to wait for the ACK of INFORM before the next address is tried
};

}  // namespace eventmq
