// The replies of jobs that ended not long ago, for a client whose connection broke before it had its reply: it
// sends the REQUEST again, and is answered from here. Bounded in number and bytes; beyond, the oldest is forgotten.
#pragma once

#include <cstdint>
#include <deque>
#include <string_view>
#include <unordered_map>

#include "src/base/bytes.h"
#include "src/base/siphash.h"
#include "src/base/time.h"
#include "src/wire/messages.h"

namespace eventmq {

class RecentReplies {
 public:
  struct Entry {
    Bytes id;
    Outcome outcome;
    Bytes payload;
    Instant ended_at;
  };

  explicit RecentReplies(KeyedHash hash) : by_id_(0, hash) {}

  // Takes the place of an earlier reply of the same id.
  void remember(std::string_view id, Outcome outcome, const Bytes& payload, Instant ended_at);
  // Forgets what ended before `oldest`.
  void forget_before(Instant oldest);
  // Null when it is not remembered. Valid until the next call that changes anything.
  const Entry* find(std::string_view id) const;
  uint64_t bytes() const { return bytes_; }
  size_t size() const { return entries_.size(); }

 private:
  static uint64_t cost(const Entry& entry);
  void forget_oldest();

  std::deque<Entry> entries_;
  std::unordered_map<std::string_view, const Entry*, KeyedHash> by_id_;  // keys point into the entries
  uint64_t bytes_ = 0;
};

}  // namespace eventmq
