// Owns all live jobs: finds them by id, counts their memory. A Job* stays valid until release().
#pragma once

#include <deque>
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

  // Calls visit(Job&) for each live job, in no stated order, until it returns false.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& entry : by_id_) {
      if (!visit(*entry.second)) return;
    }
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
