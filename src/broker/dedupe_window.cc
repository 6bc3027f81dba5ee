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

void DedupeWindow::remember(std::string_view id, Instant now) {
  forget_old(now);
  if (ids_max_ == 0 || window_.us == 0) return;
  const Fingerprint print = fingerprint(id);
  if (!known_.insert(print).second) return;
  order_.push_back({print, now});
}

bool DedupeWindow::contains(std::string_view id, Instant now) {
  forget_old(now);
  return known_.contains(fingerprint(id));
}

void DedupeWindow::forget_old(Instant now) {
  while (!order_.empty() && (order_.size() >= ids_max_ + 1 || order_.front().ended_at + window_ <= now)) {
    known_.erase(order_.front().print);
    order_.pop_front();
  }
}

DedupeWindow::Fingerprint DedupeWindow::fingerprint(std::string_view id) const {
  return {siphash(key_[0], key_[1], id), siphash(key_[2], key_[3], id)};
}

}  // namespace eventmq
