// A peer that speaks ZMTP 3.1 by hand over a plain connection, to say what no library would. For tests.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace eventmq::test {

class RawPeer {
 public:
  // `endpoint` is tcp://127.0.0.1:port or ipc://path.
  explicit RawPeer(const std::string& endpoint) {
    if (endpoint.rfind(kIpc, 0) == 0) {
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      endpoint.copy(address.sun_path, sizeof address.sun_path - 1, kIpc.size());
      connect_to(address);
    } else {
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(static_cast<uint16_t>(std::atoi(endpoint.c_str() + endpoint.rfind(':') + 1)));
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      connect_to(address);
    }
  }
  ~RawPeer() { ::close(fd_); }
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;

  // Waits until the other side has taken all but what the system buffers. False if it takes no more.
  bool send_bytes(const std::string& bytes) const {
    size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t now = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (now <= 0) return false;
      sent += static_cast<size_t>(now);
    }
    return true;
  }

  // The connection is to break when this peer leaves, as when its host does: on TCP with a reset.
  void leave_rudely() const {
    const linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  void stop_sending() const { ::shutdown(fd_, SHUT_WR); }
  void hang_up() const { ::shutdown(fd_, SHUT_RDWR); }

  // Greeting and READY of a DEALER with the NULL mechanism; reads what the other side says of itself. False if it
  // refuses us: last_frame() says how.
  bool handshake(const std::string& routing_id, int minor_version = 1) const {
    send_bytes(greeting(minor_version) + ready(routing_id));
    return is_met();
  }
  bool is_met() const {
    if (!connected_ || !receive_until(kGreetingBytes)) return false;
    received_.erase(0, kGreetingBytes);
    return next_frame() && last_frame_.find("READY") != std::string::npos;
  }
  static std::string greeting(int minor_version = 1, const std::string& mechanism = "NULL") {
    std::string bytes("\xff\0\0\0\0\0\0\0\1\x7f\3", 11);
    bytes += static_cast<char>(minor_version);
    bytes += mechanism;
    bytes.resize(kGreetingBytes, '\0');
    return bytes;
  }
  static std::string ready(const std::string& routing_id, const std::string& socket_type = "DEALER") {
    return command("\5READY" + property("Socket-Type", socket_type) + property("Identity", routing_id));
  }
  // Its content begins with its name, whose size is before it.
  static std::string command(const std::string& content) { return '\6' + big_endian(content.size(), 8) + content; }

  // Waits for the next frame, of a message or a command; false if the connection has ended.
  bool next_frame() const {
    if (!receive_until(2)) return false;
    const bool is_long = (received_[0] & 2) != 0;
    const size_t header = is_long ? 9 : 2;
    if (!receive_until(header)) return false;
    uint64_t size = 0;
    for (size_t i = 1; i < header; ++i) size = size << 8 | static_cast<unsigned char>(received_[i]);
    if (!receive_until(header + size)) return false;
    last_frame_ = received_.substr(header, size);
    received_.erase(0, header + size);
    return true;
  }
  // Its content.
  const std::string& last_frame() const { return last_frame_; }
  // What has arrived and was not read as a frame; does not wait.
  size_t bytes_arrived() const {
    std::string more(1 << 20, '\0');
    for (;;) {
      const ssize_t got = ::recv(fd_, more.data(), more.size(), MSG_DONTWAIT);
      if (got <= 0) return received_.size();
      received_.append(more, 0, static_cast<size_t>(got));
    }
  }

  static std::string frame(const std::string& text, bool more) { return frame_header(text.size(), more) + text; }
  void send_frame(const std::string& text, bool more) const { send_bytes(frame(text, more)); }
  // The header of a frame of this size, and none of the frame.
  void announce_frame(uint64_t size) const { send_bytes(frame_header(size, false)); }

  // Reads and drops until the other side has closed; false if it does not.
  bool closed_by_other_side() const {
    char buffer[4096];
    while (readable()) {
      if (::recv(fd_, buffer, sizeof buffer, 0) <= 0) return true;
    }
    return false;
  }

 private:
  static constexpr std::string_view kIpc = "ipc://";
  static constexpr size_t kGreetingBytes = 64;
  static constexpr int kPatienceSeconds = 60;  // reached only when what a test waits for does not happen

  template <class Address>
  void connect_to(const Address& address) {
    const auto* any = reinterpret_cast<const sockaddr*>(&address);
    fd_ = ::socket(any->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    connected_ = ::connect(fd_, any, sizeof address) == 0;
    const timeval patience{kPatienceSeconds, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  }
  bool readable() const {
    pollfd item{fd_, POLLIN, 0};
    return ::poll(&item, 1, kPatienceSeconds * 1000) == 1;
  }
  bool receive_until(size_t bytes) const {
    char buffer[16 * 1024];
    while (received_.size() < bytes) {
      if (!readable()) return false;
      const ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
      if (got <= 0) return false;
      received_.append(buffer, static_cast<size_t>(got));
    }
    return true;
  }
  static std::string big_endian(uint64_t value, int bytes) {
    std::string text;
    for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>((value >> (8 * i)) & 0xff);
    return text;
  }
  static std::string property(const std::string& name, const std::string& value) {
    return static_cast<char>(name.size()) + name + big_endian(value.size(), 4) + value;
  }
  static std::string frame_header(uint64_t size, bool more) {
    const char flags = static_cast<char>(2 + (more ? 1 : 0));  // a long frame
    return flags + big_endian(size, 8);
  }

  int fd_ = -1;
  bool connected_ = false;
  mutable std::string received_, last_frame_;
};

}  // namespace eventmq::test
