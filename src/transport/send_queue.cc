#include "src/transport/send_queue.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "src/base/assert.h"
#include "src/zmtp/protocol.h"

namespace eventmq {
namespace {

constexpr size_t kTextPieceBytes = 64 * 1024;
constexpr size_t kPiecesAtOnce = 64;
constexpr size_t kSentPiecesKept = 64;  // before the vector is moved up

}  // namespace

size_t SendQueue::large_bytes_of(const Frames& frames) {
  size_t total = 0;
  for (const Bytes& frame : frames) {
    if (frame.size() >= kLargeFrameBytes) total += frame.size();
  }
  return total;
}

std::string& SendQueue::text_piece() {
  if (pieces_.empty() || !pieces_.back().large.empty() || pieces_.back().text.size() >= kTextPieceBytes) {
    pieces_.emplace_back();
  }
  return pieces_.back().text;
}

void SendQueue::push(const Frames& frames) {
  EMQ_ASSERT(frames.size() > 0 && !frames.overflow());
  const Bytes* const last = frames.end() - 1;
  for (const Bytes& frame : frames) {
    std::string& text = text_piece();
    const size_t before = text.size();
    zmtp::append_frame_header(text, frame.size(), &frame != last);
    if (frame.size() < kLargeFrameBytes) {
      text += frame.view();
      bytes_ += text.size() - before;
    } else {
      bytes_ += text.size() - before + frame.size();
      large_bytes_ += frame.size();
      pieces_.push_back({{}, frame, 0});
    }
  }
  ++pieces_.back().messages;
  ++messages_;
}

void SendQueue::push(std::string_view bytes) {
  text_piece() += bytes;
  bytes_ += bytes.size();
}

SendQueue::Written SendQueue::write_to(int fd) {
  while (!pieces_.empty()) {
    std::array<iovec, kPiecesAtOnce> vectors;
    size_t count = 0;
    for (size_t i = first_; i < pieces_.size() && count < vectors.size(); ++i) {
      std::string_view view = pieces_[i].view();
      if (i == first_) view.remove_prefix(offset_);
      vectors[count++] = {const_cast<char*>(view.data()), view.size()};  // which sendmsg() only reads
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    const ssize_t written = ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written >= 0) {
      sent(static_cast<size_t>(written));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ENOMEM) {
      return Written::kSome;
    } else if (errno != EINTR) {
      return Written::kBroken;
    }
  }
  return Written::kAll;
}

void SendQueue::sent(size_t bytes) {
  bytes_ -= bytes;
  while (bytes > 0) {
    Piece& piece = pieces_[first_];
    const size_t left = piece.view().size() - offset_;
    if (bytes < left) {
      offset_ += bytes;
      break;
    }
    bytes -= left;
    messages_ -= piece.messages;
    large_bytes_ -= piece.large.size();
    piece = {};
    ++first_;
    offset_ = 0;
  }
  drop_sent_pieces();
}

void SendQueue::drop_sent_pieces() {
  if (first_ == pieces_.size()) {
    pieces_.clear();
    if (pieces_.capacity() > kSentPiecesKept) pieces_.shrink_to_fit();
    first_ = 0;
  } else if (first_ >= kSentPiecesKept && first_ * 2 >= pieces_.size()) {
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

}  // namespace eventmq
