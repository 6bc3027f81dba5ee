#include "src/executor/line_channel.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace eventmq {
namespace {

constexpr size_t kChunkBytes = 64 * 1024;
constexpr size_t kBufferBytesKept = 1024 * 1024;  // a buffer that grew beyond is given back once it is empty

void give_back_if_large(std::string& buffer) {
  if (buffer.empty() && buffer.capacity() > kBufferBytesKept) std::string().swap(buffer);
}

}  // namespace

void LineChannel::send(std::string_view line) {
  outgoing_ += line;
  flush();
}

void LineChannel::flush() {
  while (sent_ < outgoing_.size()) {
    const ssize_t count =
        ::send(descriptor_, outgoing_.data() + sent_, outgoing_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (count < 0) break;
    sent_ += static_cast<size_t>(count);
  }
  outgoing_.clear();
  sent_ = 0;
  give_back_if_large(outgoing_);
}

void LineChannel::receive(size_t budget) {
  forget_taken_lines();
  std::array<char, kChunkBytes> chunk;
  for (size_t total = 0; total < budget && !closed_ && !too_long();) {
    const ssize_t count = recv(descriptor_, chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (count <= 0) {
      closed_ = true;
      return;
    }
    incoming_.append(chunk.data(), static_cast<size_t>(count));
    total += static_cast<size_t>(count);
  }
}

bool LineChannel::take_line(std::string_view& line) {
  const size_t end = incoming_.find('\n', scanned_);
  if (end == std::string::npos) {
    scanned_ = incoming_.size();
    return false;
  }
  line = std::string_view(incoming_).substr(begin_, end - begin_);
  begin_ = scanned_ = end + 1;
  return true;
}

void LineChannel::forget_taken_lines() {
  incoming_.erase(0, begin_);
  scanned_ -= begin_;
  begin_ = 0;
  give_back_if_large(incoming_);
}

}  // namespace eventmq
