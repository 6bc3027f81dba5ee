#include "src/broker/dedupe_window.h"

#include "src/base/prng.h"
#include "src/base/siphash.h"

namespace eventmq {

DedupeWindow::DedupeWindow(uint64_t seed, Duration window, uint64_t ids_max) : window_(window), ids_max_(ids_max) {
  Prng prng(seed);
  for (uint64_t& part : key_) part = prng.next();
}

void DedupeWindow::set_limits(Duration window, uint64_t ids_max) {
  window_ = window;
  ids_max_ = ids_max;
}

void DedupeWindow::remember(std::string_view id, Instant now, KnownId as) {
  if (ids_max_ > 0 && window_.us > 0) {
    const Fingerprint print = fingerprint(id);
    known_[print] = {now, as};
    order_.push_back({print, now});
  }
  forget_old(now);
}

bool DedupeWindow::recall(std::string_view id, Instant since, KnownId as) {
  if (room() == 0 || window_.us == 0) return false;
  const Fingerprint print = fingerprint(id);
  known_.try_emplace(print, Known{since, as});
  order_.push_front({print, since});
  return true;
}

KnownId DedupeWindow::find(std::string_view id, Instant now) const {
  const auto found = known_.find(fingerprint(id));
  return found != known_.end() && found->second.since + window_ > now ? found->second.as : KnownId::kNot;
}

bool DedupeWindow::ended_after(std::string_view id, Instant time, Instant now) const {
  return find(id, now) == KnownId::kEnded && known_.at(fingerprint(id)).since > time;
}

// A few at a time, so that no single step pays for a million ids that grow old together.
void DedupeWindow::forget_old(Instant now) {
  constexpr int kAtOnce = 16;
  for (int i = 0; i < kAtOnce && !order_.empty(); ++i) {
    const Entry& oldest = order_.front();
    if (order_.size() <= ids_max_ && oldest.since + window_ > now) return;
    const auto found = known_.find(oldest.print);
    if (found != known_.end() && found->second.since == oldest.since)
      known_.erase(found);  // else remembered again since
    order_.pop_front();
  }
}

DedupeWindow::Fingerprint DedupeWindow::fingerprint(std::string_view id) const {
  return {siphash(key_[0], key_[1], id), siphash(key_[2], key_[3], id)};
}

}  // namespace eventmq
