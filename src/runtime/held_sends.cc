#include "src/runtime/held_sends.h"

#include "src/base/assert.h"

namespace eventmq {

bool HeldSends::hold(Send& send, CommitNumber committed) {
  if (send.after == 0 || (queue_.empty() && send.after <= committed)) return false;
  auto waiting = waiting_.find(PeerView(send));
  if (send.after <= committed && waiting == waiting_.end()) return false;
  if (waiting == waiting_.end()) waiting = waiting_.try_emplace(Peer{send.side, send.peer}, 0).first;
  ++waiting->second;
  queue_.push_back({std::move(send), &waiting->second});
  return true;
}

void HeldSends::discard(Side side, const Bytes& peer) {
  const auto waiting = waiting_.find(PeerView(side, peer));
  if (waiting == waiting_.end()) return;
  std::erase_if(queue_, [&](const Held& held) { return held.waiting == &waiting->second; });
  waiting_.erase(waiting);
}

void HeldSends::forget(Held& held) {
  EMQ_ASSERT(*held.waiting > 0);
  if (--*held.waiting > 0) return;
  waiting_.erase(waiting_.find(PeerView(held.send)));
}

}  // namespace eventmq
