// What was handed to the store and is not durable yet, in bytes of messages and results.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "src/wire/job_record.h"

namespace eventmq {

class Uncommitted {
 public:
  // Commits come in order.
  void submitted(CommitNumber commit, const std::vector<JobRecord>& records) {
    size_t bytes = 0;
    for (const JobRecord& record : records) bytes += content_bytes(record);
    if (bytes == 0) return;
    waiting_.push_back({commit, bytes});
    bytes_ += bytes;
  }
  // Up to this one all are durable.
  void committed(CommitNumber commit) {
    for (; !waiting_.empty() && waiting_.front().commit <= commit; waiting_.pop_front())
      bytes_ -= waiting_.front().bytes;
  }
  size_t bytes() const { return bytes_; }

 private:
  struct Commit {
    CommitNumber commit;
    size_t bytes;
  };
  std::deque<Commit> waiting_;
  size_t bytes_ = 0;
};

}  // namespace eventmq
