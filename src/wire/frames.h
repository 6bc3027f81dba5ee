// A message as frames, the unit a transport moves. Holds up to limits::kFramesPerMessage without allocating.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "src/base/assert.h"
#include "src/base/bytes.h"
#include "src/wire/limits.h"

namespace eventmq {

// Smaller frames are copied, into a block that all those of a message share; others have one of their own, which is
// shared with whoever holds or sends them.
inline constexpr size_t kLargeFrameBytes = 4096;

class Frames {
 public:
  void push(Bytes frame) {
    EMQ_ASSERT(size_ < limits::kFramesPerMessage);
    frames_[size_++] = std::move(frame);
  }
  // A transport that met more frames than fit dropped the rest and says so; the decoder refuses the message.
  void mark_overflow() { overflow_ = true; }
  bool overflow() const { return overflow_; }
  // The same for a frame that was too large; an empty one stands in its place.
  struct TooLarge {
    size_t index, bytes, bytes_max;
  };
  void mark_too_large(TooLarge frame) { too_large_ = frame; }
  const std::optional<TooLarge>& too_large() const { return too_large_; }

  size_t size() const { return size_; }
  bool full() const { return size_ == limits::kFramesPerMessage; }
  const Bytes& operator[](size_t index) const {
    EMQ_ASSERT(index < size_);
    return frames_[index];
  }
  const Bytes* begin() const { return frames_.data(); }
  const Bytes* end() const { return frames_.data() + size_; }

 private:
  std::array<Bytes, limits::kFramesPerMessage> frames_;
  size_t size_ = 0;
  bool overflow_ = false;
  std::optional<TooLarge> too_large_;
};

}  // namespace eventmq
