#include "src/executor/manager_channel.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace eventmq {

ManagerChannel::ManagerChannel(int descriptor) : descriptor_(descriptor) {
  fcntl(descriptor_, F_SETFD, FD_CLOEXEC);  // programs that a job starts have no part in this
}

bool ManagerChannel::read_line(std::string& line) {
  const std::lock_guard lock(read_mutex_);
  while (!take_line(line)) {
    if (!receive(0)) return false;
  }
  return true;
}

bool ManagerChannel::poll_line(std::string& line) {
  const std::unique_lock lock(read_mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return false;  // another thread looks right now
  while (!take_line(line)) {
    if (!receive(MSG_DONTWAIT)) return false;
  }
  return true;
}

void ManagerChannel::write_line(std::string_view line) {
  const std::lock_guard lock(write_mutex_);
  if (write_all(line)) write_all("\n");
}

bool ManagerChannel::take_line(std::string& line) {
  const size_t end = incoming_.find('\n', scanned_);
  scanned_ = incoming_.size();
  if (end == std::string::npos) return false;
  line.assign(incoming_, 0, end);
  incoming_.erase(0, end + 1);
  scanned_ = 0;
  return true;
}

bool ManagerChannel::receive(int flags) {
  std::array<char, 64 * 1024> chunk;
  ssize_t count = 0;
  do {
    count = recv(descriptor_, chunk.data(), chunk.size(), flags);
  } while (count < 0 && errno == EINTR);
  if (count <= 0) return false;
  incoming_.append(chunk.data(), static_cast<size_t>(count));
  return true;
}

bool ManagerChannel::write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    text.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

}  // namespace eventmq
