// What jobs ended with that asked for it to be kept (header result-ttl), of those that the store does not keep: plain
// jobs, and all if the store is not durable. Bounded in number and bytes; beyond, the oldest go before their time.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "src/base/siphash.h"
#include "src/wire/job_record.h"

namespace eventmq {

class KeptResults {
 public:
  explicit KeptResults(KeyedHash hash) : by_id_(0, hash) {}

  // At most so many from now on, also of bytes.
  void set_limits(uint64_t results, uint64_t bytes);
  // Takes the place of an earlier one of the same id. Those whose time is over by its end are forgotten. Returns how
  // many others had to go before their time; 1 if this one does not fit at all, and is not kept.
  uint64_t keep(ResultKept result);
  // False: there was none.
  bool forget(std::string_view id);
  // Null if there is none or its time is over. Valid until the next call that changes anything.
  const ResultKept* find(std::string_view id, Instant now) const;
  uint64_t bytes() const { return bytes_; }
  size_t size() const { return results_.size(); }

 private:
  static uint64_t cost(const ResultKept& result);
  void remove(uint64_t number);
  void forget_over(Instant now);
  uint64_t make_room();

  std::map<uint64_t, ResultKept> results_;                           // by number, which rises
  std::set<std::pair<Instant, uint64_t>> by_time_;                   // when its time is over, and its number
  std::unordered_map<std::string_view, uint64_t, KeyedHash> by_id_;  // keys point into the results
  uint64_t next_number_ = 1;
  uint64_t bytes_ = 0;
  uint64_t results_max_ = 0;
  uint64_t bytes_max_ = 0;
};

}  // namespace eventmq
