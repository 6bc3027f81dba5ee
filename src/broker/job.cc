#include "src/broker/job.h"

#include <algorithm>

namespace eventmq {

std::string_view job_state_word(JobState state) {
  switch (state) {
    case JobState::kDelayed:
      return "delayed";
    case JobState::kWaiting:
      return "waiting";
    case JobState::kRunning:
      return "running";
  }
  EMQ_ASSERT(false);
}

size_t frames_memory_bytes(const Bytes& id, const JobHeaders& headers, const Bytes& payload) {
  const Bytes& text = headers.text;
  size_t bytes = id.held_size();
  if (text.block() != id.block()) bytes += text.held_size();
  if (payload.block() != id.block() && payload.block() != text.block()) bytes += payload.held_size();
  return bytes;
}

size_t ReplyRoute::memory_bytes() const {
  constexpr size_t kBlocks = 2 * 48;
  return sizeof(ReplyRoute) + kBlocks + peer.size() + request_id.size();
}

Follower& Job::follower(const Bytes& request_id) {
  const auto found = std::find_if(followers.begin(), followers.end(),
                                  [&](const ReplyRoute& route) { return route.request_id == request_id; });
  EMQ_ASSERT(found != followers.end(), "job {} has no follower {}", id.view(), request_id.view());
  return *found;
}

size_t Job::memory_bytes() const {
  // The blocks of the frames and the index entries; measured as about 200 bytes with glibc's allocator.
  constexpr size_t kOverhead = sizeof(Job) + 200;
  size_t bytes = kOverhead + frames_memory_bytes(id, headers, payload) + client.size() + history.size();
  if (!headers.unique.empty()) bytes += headers.unique.size() + limits::kQueueNameBytes;
  for (const ReplyRoute& follower : followers) bytes += follower.memory_bytes();
  return bytes;
}

}  // namespace eventmq
