// The sends that wait for a commit. A later one that names a commit waits behind an earlier one to the same peer, so
// that a peer sees these in the order in which the broker made them. One that waits for nothing passes: plain jobs and
// heartbeats go on while the store is slow or away. Other peers do not wait.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include "src/base/siphash.h"
#include "src/broker/broker.h"

namespace eventmq {

class HeldSends {
 public:
  // Peers choose their routing ids, so the table of them hashes with a key that they do not know.
  explicit HeldSends(KeyedHash hash) : waiting_(0, PeerHash{hash}) {}

  // Gives the send back if it may leave now that `committed` is durable; keeps it if not.
  std::optional<Send> pass_or_hold(Send send, CommitNumber committed);
  // Throws away what is held for this peer.
  void discard(Side side, const Bytes& peer);
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
    KeyedHash hash;
    size_t operator()(const Peer& peer) const { return hash(peer.id.view()) * 3 + static_cast<size_t>(peer.side); }
  };

  // In the order held. Commits become durable in order too, so releasing from the front holds nothing back
  // for longer than the commits before its own take.
  std::deque<Send> queue_;
  std::unordered_map<Peer, uint32_t, PeerHash> waiting_;  // sends in the queue, by peer
};

}  // namespace eventmq
