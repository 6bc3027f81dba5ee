// What waits to be sent to one peer: whole messages in order, as bytes of ZMTP.
//
// Small frames are copied behind each other; large ones are shared with whoever else holds them. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/bytes.h"
#include "src/wire/frames.h"

namespace eventmq {

class SendQueue {
 public:
  // `frames` must not be empty.
  void push(const Frames& frames);
  // Bytes of ZMTP that are no message.
  void push(std::string_view bytes);

  enum class Written : uint8_t {
    kAll,
    kSome,    // the peer does not read so fast
    kBroken,  // the connection has ended
  };
  // Sends without blocking.
  Written write_to(int fd);

  bool empty() const { return pieces_.empty(); }
  // Of those that have not left: messages; bytes; bytes of large frames.
  size_t messages() const { return messages_; }
  size_t bytes() const { return bytes_; }
  size_t large_bytes() const { return large_bytes_; }

  // The bytes of large frames in a message: what it will add.
  static size_t large_bytes_of(const Frames& frames);

 private:
  // One of the two has content.
  struct Piece {
    std::string text;
    Bytes large;
    size_t messages = 0;  // whose end it has
    std::string_view view() const { return large.empty() ? std::string_view(text) : large.view(); }
  };
  std::string& text_piece();
  void sent(size_t bytes);
  void drop_sent_pieces();

  std::vector<Piece> pieces_;
  size_t first_ = 0;   // of pieces_ that has not left
  size_t offset_ = 0;  // in it
  size_t messages_ = 0, bytes_ = 0, large_bytes_ = 0;
};

}  // namespace eventmq
