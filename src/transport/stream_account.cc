#include "src/transport/stream_account.h"

#include <algorithm>

namespace eventmq {

void StreamAccount::sample(uint64_t least, uint64_t most, Instant now) {
  if (overhead_allowed_until_ == Instant{0}) overhead_allowed_until_ = now;
  const int64_t seconds_passed = (now - overhead_allowed_until_).us / seconds(1).us;
  overhead_ += seconds_passed;
  overhead_allowed_until_ = overhead_allowed_until_ + seconds(seconds_passed);

  overhead_ = std::min(overhead_, static_cast<int64_t>(most - received_));
  sampled_ = least;
}

uint64_t StreamAccount::judge() {
  int64_t unfinished = static_cast<int64_t>(sampled_ - received_) - overhead_;
  // Whatever came out since the judgement before was not complete at that one's sample, so all of that sample is out.
  const int64_t read_since = static_cast<int64_t>(sampled_ - judged_);
  if (received_since_judgement() && unfinished > read_since) {
    overhead_ += unfinished - read_since;
    unfinished = read_since;
  }
  judged_ = sampled_;
  received_at_judgement_ = received_;
  return static_cast<uint64_t>(std::max<int64_t>(unfinished, 0));
}

}  // namespace eventmq
