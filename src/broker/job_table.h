// Owns all live jobs: finds them by id, counts their memory. A Job* stays valid until release().
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "src/base/siphash.h"
#include "src/broker/job.h"

namespace eventmq {

class JobTable {
 public:
  explicit JobTable(KeyedHash hash) : by_id_(0, hash) {}

  // Takes the job in; its id must not be present.
  Job& add(Job job);
  // The job must be in no list, timer heap or set any more.
  void release(Job& job);

  // One of the requests that share it asks for the guarantee.
  void make_guaranteed(Job& job);
  void change_history(Job& job, Bytes history);
  // Its newest sender is another peer.
  void change_client(Job& job, Side side, const Bytes& client);
  // One more request shares the job and wants its reply, or has its result kept.
  void add_follower(Job& job, const Follower& follower);
  // The follower's request came again, from another peer.
  void change_follower(Job& job, ReplyRoute& follower, const ReplyRoute& route);

  Job* find(std::string_view id) const;
  size_t size() const { return by_id_.size(); }
  uint64_t memory_bytes() const { return memory_bytes_; }
  // Of the guaranteed jobs among them.
  uint64_t guaranteed_bytes() const { return guaranteed_bytes_; }

  // Calls visit(const Job&) for the live jobs in at most `most` slots from `from` on, until it returns false for one.
  // The slot to go on with, that one's if there is one; nothing: those were all. A job keeps its slot, so whoever goes
  // on from slot to slot meets each that lives meanwhile once.
  template <class Visit>
  std::optional<size_t> visit_slots(size_t from, size_t most, Visit visit) const {
    const size_t end = from + std::min(most, slots_.size() - std::min(from, slots_.size()));
    for (size_t slot = from; slot < end; ++slot) {
      const bool live = !slots_[slot].id.empty();
      if (live && !visit(slots_[slot])) return slot;
    }
    return end < slots_.size() ? std::optional(end) : std::nullopt;
  }
  // Calls visit(const Job&) for each live job, in the same order.
  template <class Visit>
  void for_each(Visit visit) const {
    visit_slots(0, slots_.size(), [&visit](const Job& job) {
      visit(job);
      return true;
    });
  }

 private:
  void count(const Job& job, size_t bytes);
  void discount(const Job& job, size_t bytes);

  std::deque<Job> slots_;
  std::vector<Job*> free_;
  std::unordered_map<std::string_view, Job*, KeyedHash> by_id_;  // keys point into the jobs' own ids
  uint64_t memory_bytes_ = 0;
  uint64_t guaranteed_bytes_ = 0;
};

}  // namespace eventmq
