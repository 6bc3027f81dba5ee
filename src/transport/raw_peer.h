// A peer that speaks ZMTP 3.0 by hand over a plain connection, to say what no library would. For tests.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
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

  // False if the other side takes no more.
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
  void hang_up() const { ::shutdown(fd_, SHUT_RDWR); }

  // Greeting and READY of a DEALER with the NULL mechanism; reads what the other side says of itself.
  bool handshake(const std::string& routing_id) const {
    std::string greeting("\xff\0\0\0\0\0\0\0\1\x7f\3\0NULL", 16);
    greeting.resize(64, '\0');
    send_bytes(greeting);
    std::string ready = std::string("\5READY") + property("Socket-Type", "DEALER") + property("Identity", routing_id);
    send_bytes(std::string("\4") + static_cast<char>(ready.size()) + ready);
    std::string theirs;
    char buffer[256];
    while (connected_ && theirs.find("READY") == std::string::npos) {
      if (!readable()) return false;
      const ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
      if (got <= 0) return false;
      theirs.append(buffer, static_cast<size_t>(got));
    }
    return connected_;
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

  template <class Address>
  void connect_to(const Address& address) {
    const auto* any = reinterpret_cast<const sockaddr*>(&address);
    fd_ = ::socket(any->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    connected_ = ::connect(fd_, any, sizeof address) == 0;
  }
  bool readable() const {
    pollfd item{fd_, POLLIN, 0};
    return ::poll(&item, 1, 60'000) == 1;
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
};

}  // namespace eventmq::test
