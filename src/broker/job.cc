#include "src/broker/job.h"

namespace eventmq {

std::string_view job_state_word(JobState state) {
  switch (state) {
    case JobState::kDelayed: return "delayed";
    case JobState::kWaiting: return "waiting";
    case JobState::kRunning: return "running";
  }
  EMQ_ASSERT(false);
}

size_t Job::memory_bytes() const {
  // The blocks of the frames and the index entries; measured as about 200 bytes with glibc's allocator.
  constexpr size_t kOverhead = sizeof(Job) + 200;
  return kOverhead + id.size() + headers.text.size() + payload.size() + client.size();
}

}  // namespace eventmq
