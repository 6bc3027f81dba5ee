// Lines over a non-blocking stream socket, buffered in both directions. Does not own the descriptor.
#pragma once

#include <string>
#include <string_view>

namespace eventmq {

class LineChannel {
 public:
  // A line longer than line_bytes_max is never completed; too_long() tells.
  LineChannel(int descriptor, size_t line_bytes_max) : descriptor_(descriptor), line_bytes_max_(line_bytes_max) {}

  // Sends as much as fits; the rest goes with later flush() calls. What cannot be sent, because the other end is
  // gone, is dropped: receive() tells of that.
  void send(std::string_view line);
  void flush();
  bool has_unsent() const { return sent_ < outgoing_.size(); }

  // Reads what is there, at most about `budget` bytes.
  void receive(size_t budget);
  // The next complete line without its line break, valid until the next call of receive(). False: none yet.
  bool take_line(std::string_view& line);
  bool too_long() const { return incoming_.size() - begin_ > line_bytes_max_ && scanned_ == incoming_.size(); }
  // The other end is closed or broken; lines that came before may still be taken.
  bool closed() const { return closed_; }

 private:
  void forget_taken_lines();

  int descriptor_;
  size_t line_bytes_max_;
  std::string outgoing_;
  size_t sent_ = 0;
  std::string incoming_;
  size_t begin_ = 0;    // of the next line
  size_t scanned_ = 0;  // no line break between begin_ and here
  bool closed_ = false;
};

}  // namespace eventmq
