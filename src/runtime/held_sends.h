// The sends that wait for a commit. A later send to the same peer waits behind an earlier one, so that a peer
// sees them in the order in which the broker made them; other peers do not wait.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include "src/broker/broker.h"

namespace eventmq {

class HeldSends {
 public:
  // Gives the send back if it may leave now that `committed` is durable; keeps it if not.
  std::optional<Send> pass_or_hold(Send send, CommitNumber committed);
  // The next send that `committed` lets go, in order; nothing if there is none.
  std::optional<Send> release(CommitNumber committed);
  size_t size() const { return queue_.size(); }

 private:
  struct Peer {
    Side side;
    Bytes id;
    bool operator==(const Peer&) const = default;
  };
  struct PeerHash {
    size_t operator()(const Peer& peer) const {
      return std::hash<Bytes>()(peer.id) * 3 + static_cast<size_t>(peer.side);
    }
  };

  // In the order held. Commits become durable in order too, so releasing from the front holds nothing back
  // for longer than the commits before its own take.
  std::deque<Send> queue_;
  std::unordered_map<Peer, uint32_t, PeerHash> waiting_;  // sends in the queue, by peer
};

}  // namespace eventmq
