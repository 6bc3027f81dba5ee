// Reads the frames of one message by number, each by the rule for its kind, and keeps the first rule broken.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "src/base/result.h"
#include "src/wire/frames.h"
#include "src/wire/messages.h"

namespace eventmq {

// Every reading function returns true and fills `out`, or returns false and sets the error; then nothing more
// may be read. `name` is what the frame is called in docs/protocol.md, and so in the error's text:
// "frame 4 (queue) is not UTF-8". What is read shares the frames' memory and allocates nothing.
class FrameReader {
 public:
  // The frames must outlive the reader.
  explicit FrameReader(const Frames& frames) : frames_(frames) {}

  size_t size() const { return frames_.size(); }
  bool has(size_t index) const { return index < frames_.size(); }
  // Present and not empty.
  bool has_content(size_t index) const { return has(index) && !frames_[index].empty(); }

  // Any bytes.
  bool payload(size_t index, std::string_view name, Bytes& out);
  // UTF-8 of at most `size_max` bytes.
  bool text(size_t index, std::string_view name, size_t size_max, Bytes& out);
  // As text, but longer text is cut at a character.
  bool cut_text(size_t index, std::string_view name, size_t size_max, Bytes& out);
  bool id(size_t index, std::string_view name, Bytes& out, size_t size_max = limits::kIdBytes);
  // One id, or several with commas between them.
  bool ids(size_t index, std::string_view name, Bytes& out);
  // A queue's name, or empty.
  bool queue(size_t index, Bytes& out);
  bool headers(size_t index, JobHeaders& out);
  // A whole number from 1.
  bool attempt(size_t index, uint32_t& out);
  bool outcome(size_t index, Outcome& out);

  // Sets the error "frame <index> (<name>) <sentence>"; always false.
  bool refuse(size_t index, std::string_view name, ErrorCode code, std::string_view sentence);
  // The error of the reading function that returned false.
  Error take_error() { return std::move(error_); }

 private:
  bool present(size_t index, std::string_view name);

  const Frames& frames_;
  Error error_;
};

}  // namespace eventmq
