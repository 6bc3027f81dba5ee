// How many bytes of one connection belong to a message whose last frame has not come.
//
// Two counts are compared: what has been read from the connection, which the kernel knows, and what came out of it
// as whole messages, which the receiver knows. Both are looked at while another thread reads on, so a look has two
// steps: sample() notes what has been read by then; judge() is called once everything that was complete at the sample
// has been received, and only then is what is missing an unfinished message.
//
// The counts differ by more than that: the headers of frames have 2 or 9 bytes, and the probes of the connection and
// their answers never come out. So each frame is counted with 9, which errs in the peer's favour, and what cannot be
// is corrected: no more can have come out than went in; a message that was received after a look has used up all that
// was read by that look; and a byte a second is let pass, which is more than the answers to our own probes.
#pragma once

#include <cstdint>

#include "src/base/time.h"

namespace eventmq {

class StreamAccount {
 public:
  // A message came out; `bytes` with its frames' headers, at most.
  void received(uint64_t bytes) { received_ += bytes; }
  // Between `least` and `most` bytes have been read.
  void sample(uint64_t least, uint64_t most, Instant now);
  // The unfinished bytes at the sample.
  uint64_t judge();
  // The message that was unfinished then is not the one that is now.
  bool received_since_judgement() const { return received_ != received_at_judgement_; }
  bool received_nothing() const { return received_ == 0; }
  // By the last sample.
  uint64_t read() const { return sampled_; }
  uint64_t received() const { return received_; }

 private:
  // Of the bytes read, those that will never come out. Negative when frames had smaller headers than assumed.
  int64_t overhead_ = 0;
  uint64_t received_ = 0;
  uint64_t sampled_ = 0;
  uint64_t judged_ = 0, received_at_judgement_ = 0;  // the sample judged last, and what had come out by then
  Instant overhead_allowed_until_{0};
};

}  // namespace eventmq
