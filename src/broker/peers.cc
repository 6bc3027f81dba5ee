#include "src/broker/peers.h"

namespace eventmq {

PeerTable::PeerTable(KeyedHash hash) : by_side_{ById(0, hash), ById(0, hash), ById(0, hash)} {}

void PeerTable::add(std::unique_ptr<Peer> peer, Instant now) {
  Peer& added = *peer;
  added.connected_at = added.last_heard = added.last_sent = now;
  auto& side = by_side_[static_cast<size_t>(added.side)];
  const bool inserted = side.emplace(added.routing_id.view(), std::move(peer)).second;
  EMQ_ASSERT(inserted, "peer {} twice", added.routing_id.view());
  ++counts_[static_cast<size_t>(added.kind)];
  heard_order_.push_back(added);
  sent_order_.push_back(added);
  if (added.kind == PeerKind::kScheduler) schedulers_.push_back(added);
}

void PeerTable::remove(Peer& peer) {
  (peer.leave_deadline == Instant::never() ? heard_order_ : leaving_order_).remove(peer);
  if (peer.sent_link.linked) sent_order_.remove(peer);
  if (peer.scheduler_link.linked) schedulers_.remove(peer);
  --counts_[static_cast<size_t>(peer.kind)];
  auto& side = by_side_[static_cast<size_t>(peer.side)];
  const auto found = side.find(peer.routing_id.view());
  EMQ_ASSERT(found != side.end() && found->second.get() == &peer);
  const std::unique_ptr<Peer> keep = std::move(found->second);  // the map's key points into the peer
  side.erase(found);
}

Peer* PeerTable::find(Side side, std::string_view routing_id) const {
  const auto& peers = by_side_[static_cast<size_t>(side)];
  const auto found = peers.find(routing_id);
  return found == peers.end() ? nullptr : found->second.get();
}

void PeerTable::heard(Peer& peer, Instant now) {
  peer.last_heard = now;
  if (peer.leave_deadline == Instant::never()) heard_order_.move_to_back(peer);
}

void PeerTable::sent(Peer& peer, Instant now) {
  peer.last_sent = now;
  if (peer.sent_link.linked) sent_order_.move_to_back(peer);
}

// Rendezvous hashing: the scheduler with which the schedule makes the highest number. Nothing is remembered, and when
// one comes or goes, only the schedules for which it is the highest move.
Peer* PeerTable::scheduler_for(uint64_t schedule) const {
  Peer* best = nullptr;
  uint64_t highest = 0;
  for_each_scheduler([&](Peer& peer) {
    const uint64_t number = siphash(schedule, 0, peer.routing_id.view());
    if (best && number <= highest) return;
    best = &peer;
    highest = number;
  });
  return best;
}

void PeerTable::start_leaving(Peer& peer, Instant deadline) {
  if (peer.leave_deadline != Instant::never()) return;
  heard_order_.remove(peer);
  peer.leave_deadline = deadline;
  leaving_order_.push_back(peer);
  sent_order_.remove(peer);  // it wants to hear nothing more
}

}  // namespace eventmq
