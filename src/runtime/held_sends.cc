#include "src/runtime/held_sends.h"

#include "src/base/assert.h"

namespace eventmq {

std::optional<Send> HeldSends::pass_or_hold(Send send, CommitNumber committed) {
  if (send.after == 0 || (queue_.empty() && send.after <= committed)) return send;
  Peer peer{send.side, send.peer};
  if (send.after <= committed && !waiting_.contains(peer)) return send;
  ++waiting_[std::move(peer)];
  queue_.push_back(std::move(send));
  return std::nullopt;
}

void HeldSends::discard(Side side, const Bytes& peer) {
  if (waiting_.erase(Peer{side, peer}) == 0) return;
  std::erase_if(queue_, [&](const Send& send) { return send.side == side && send.peer == peer; });
}

std::optional<Send> HeldSends::release(CommitNumber committed) {
  if (queue_.empty() || queue_.front().after > committed) return std::nullopt;
  Send send = std::move(queue_.front());
  queue_.pop_front();
  const auto peer = waiting_.find(Peer{send.side, send.peer});
  EMQ_ASSERT(peer != waiting_.end());
  if (--peer->second == 0) waiting_.erase(peer);
  return send;
}

}  // namespace eventmq
