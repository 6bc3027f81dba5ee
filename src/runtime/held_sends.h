// The sends that wait for a commit. A later one that names a commit waits behind an earlier one to the same peer, so
// that a peer sees these in the order in which the broker made them. One that waits for nothing passes: plain jobs and
// heartbeats go on while the store is slow or away. Other peers do not wait.
#pragma once

#include <cstdint>
#include <deque>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "src/base/siphash.h"
#include "src/broker/broker.h"

namespace eventmq {

class HeldSends {
 public:
  // Peers choose their routing ids, so the table of them hashes with a key that they do not know.
  explicit HeldSends(KeyedHash hash) : waiting_(0, PeerHash{hash}) {}

  // Takes the send and keeps it: true. False, and it is left as it was: it may leave now that `committed` is durable.
  bool hold(Send& send, CommitNumber committed);
  // Throws away what is held for this peer.
  void discard(Side side, const Bytes& peer);
  // Calls deliver(Send&&) for each send that `committed` lets go, in order. That must not call anything here.
  template <class Deliver>
  void release(CommitNumber committed, Deliver deliver) {
    while (!queue_.empty() && queue_.front().send.after <= committed) {
      forget(queue_.front());
      deliver(std::move(queue_.front().send));
      queue_.pop_front();
    }
  }
  size_t size() const { return queue_.size(); }

 private:
  struct Peer {
    Side side;
    Bytes id;
  };
  struct PeerView {
    Side side;
    std::string_view id;
    explicit PeerView(const Peer& peer) : side(peer.side), id(peer.id.view()) {}
    explicit PeerView(const Send& send) : side(send.side), id(send.peer.view()) {}
    PeerView(Side its_side, const Bytes& its_id) : side(its_side), id(its_id.view()) {}
    bool operator==(const PeerView&) const = default;
  };
  struct PeerHash {
    using is_transparent = void;
    KeyedHash hash;
    size_t operator()(const PeerView& peer) const { return hash(peer.id) * 3 + static_cast<size_t>(peer.side); }
    size_t operator()(const Peer& peer) const { return (*this)(PeerView(peer)); }
  };
  struct SamePeer {
    using is_transparent = void;
    bool operator()(const Peer& a, const Peer& b) const { return PeerView(a) == PeerView(b); }
    bool operator()(const Peer& a, const PeerView& b) const { return PeerView(a) == b; }
    bool operator()(const PeerView& a, const Peer& b) const { return a == PeerView(b); }
  };
  using Waiting = std::unordered_map<Peer, uint32_t, PeerHash, SamePeer>;
  struct Held {
    Send send;
    uint32_t* waiting;  // in waiting_, of its peer
  };
  void forget(Held& held);

  // In the order held. Commits become durable in order too, so releasing from the front holds nothing back
  // for longer than the commits before its own take.
  std::deque<Held> queue_;
  Waiting waiting_;  // sends in the queue, by peer
};

}  // namespace eventmq
