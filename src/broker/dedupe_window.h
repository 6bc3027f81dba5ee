// Remembers the ids of jobs that have ended, or wait in the store alone, for a time and up to a number, so that a
// REQUEST that a client sends again is ACKed again and not run again. Beyond the number the oldest is forgotten.
//
// Ids are kept as 128-bit keyed fingerprints: a collision needs about 2^64 ids, and cannot be forced from
// outside because the key is the broker's secret seed.
#pragma once

#include <cstdint>
#include <deque>
#include <string_view>
#include <unordered_map>

#include "src/base/time.h"

namespace eventmq {

// What is known of an id.
enum class KnownId {
  kNot,
  kEnded,
  kPlainEnded,
  kJoined,  // it shares a job by its unique key, and nothing of it is in the store
  kInBacklog,
};

class DedupeWindow {
 public:
  DedupeWindow(uint64_t seed, Duration window, uint64_t ids_max);

  void set_limits(Duration window, uint64_t ids_max);
  void remember(std::string_view id, Instant now) { remember(id, now, KnownId::kEnded); }
  // Of a job that was not guaranteed.
  void remember_plain(std::string_view id, Instant now) { remember(id, now, KnownId::kPlainEnded); }
  void remember_joined(std::string_view id, Instant now) { remember(id, now, KnownId::kJoined); }
  // Of a job that waits in the store alone.
  void remember_in_backlog(std::string_view id, Instant now) { remember(id, now, KnownId::kInBacklog); }
  // From an earlier life, `since` then: older than all that are remembered, so the newest must be recalled first. One
  // that is known already stays as it is. False: no more fit, and this one is not remembered.
  bool recall(std::string_view id, Instant since, KnownId as);
  // How many more fit before the oldest is forgotten.
  uint64_t room() const { return ids_max_ > order_.size() ? ids_max_ - order_.size() : 0; }
  KnownId find(std::string_view id, Instant now) const;
  // A guaranteed job of this id ended later than that, as far as is remembered.
  bool ended_after(std::string_view id, Instant time, Instant now) const;
  bool contains(std::string_view id, Instant now) const { return find(id, now) != KnownId::kNot; }
  // Some that are over age may still be counted: they are cleared away a few at a time.
  size_t size() const { return order_.size(); }

 private:
  struct Fingerprint {
    uint64_t high;
    uint64_t low;
    bool operator==(const Fingerprint&) const = default;
  };
  struct Hash {
    size_t operator()(const Fingerprint& print) const { return print.low; }
  };
  struct Entry {
    Fingerprint print;
    Instant since;
  };
  struct Known {
    Instant since;
    KnownId as;
  };

  void remember(std::string_view id, Instant now, KnownId as);
  Fingerprint fingerprint(std::string_view id) const;
  void forget_old(Instant now);

  uint64_t key_[4];
  Duration window_;
  uint64_t ids_max_;
  std::deque<Entry> order_;
  std::unordered_map<Fingerprint, Known, Hash> known_;
};

}  // namespace eventmq
