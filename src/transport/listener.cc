#include "src/transport/listener.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "src/transport/address.h"

namespace eventmq {
namespace {

constexpr std::string_view kTcp = "tcp://", kIpc = "ipc://";
constexpr int kBacklog = 4096;  // peers that all come back at once; the system may allow fewer
// Keep-alive: a host that vanished is noticed after 30 s, if nothing is on its way to it.
constexpr int kQuietSeconds = 15, kProbeSeconds = 5, kProbes = 3;

std::string bind_failure(const std::string& address, int error) {
  switch (error) {
    case EADDRINUSE:
      return fmt::format("cannot listen on {}: another program uses this address (does a broker run already?)",
                         address);
    case EADDRNOTAVAIL:
    case ENODEV:
      return fmt::format("cannot listen on {}: the host is no address of this machine (use 127.0.0.1, or * for all)",
                         address);
    case EACCES:
      return fmt::format(
          "cannot listen on {}: permission denied (ports below 1024 and foreign directories need rights)", address);
    default:
      return fmt::format("cannot listen on {}: {}", address, std::strerror(error));
  }
}
tl::unexpected<Error> failed(const std::string& address, int error) {
  return fail(ErrorCode::kSystem, bind_failure(address, error));
}

void set(int fd, int level, int option, int value) { ::setsockopt(fd, level, option, &value, sizeof value); }

// What is accepted has the options of the socket that listens.
void set_options(int fd) {
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(fd, IPPROTO_TCP, TCP_KEEPIDLE, kQuietSeconds);
  set(fd, IPPROTO_TCP, TCP_KEEPINTVL, kProbeSeconds);
  set(fd, IPPROTO_TCP, TCP_KEEPCNT, kProbes);
}

FileDescriptor new_socket(int family) {
  return FileDescriptor(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

// 0, or errno.
int listen_at(const FileDescriptor& fd, const sockaddr* place, socklen_t size) {
  if (::bind(fd.get(), place, size) != 0 || ::listen(fd.get(), kBacklog) != 0) return errno;
  return 0;
}

using Addresses = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;
// Of numbers only. None if the host is no such.
Addresses numeric(std::string_view host, std::string_view port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (::getaddrinfo(std::string(host).c_str(), std::string(port).c_str(), &hints, &found) != 0) found = nullptr;
  return {found, &::freeaddrinfo};
}

std::string ip_text(const sockaddr_storage& address) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  const bool v6 = address.ss_family == AF_INET6;
  const socklen_t size = v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  if (::getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, host.data(), host.size(), port.data(),
                    port.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return {};
  }
  return v6 ? fmt::format("[{}]:{}", host.data(), port.data()) : fmt::format("{}:{}", host.data(), port.data());
}

// An IPv4 peer of a socket that listens by IPv6 too (RFC 4291, 2.5.5.2) is named as any other.
sockaddr_storage unmapped(const sockaddr_storage& address) {
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  if (address.ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return address;
  sockaddr_storage plain{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(plain);
  v4.sin_family = AF_INET;
  v4.sin_port = v6.sin6_port;
  std::memcpy(&v4.sin_addr, &v6.sin6_addr.s6_addr[12], sizeof v4.sin_addr);
  return plain;
}

// Its socket listens.
struct Opened {
  FileDescriptor fd;
  int error = 0;
};

Opened open_tcp(std::string_view host, std::string_view port) {
  const Addresses addresses = numeric(host, port);
  if (!addresses) return {{}, ENODEV};
  Opened opened{new_socket(addresses->ai_family)};
  if (!opened.fd.is_open()) return {{}, errno};
  set_options(opened.fd.get());
  set(opened.fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  set(opened.fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  opened.error = listen_at(opened.fd, addresses->ai_addr, addresses->ai_addrlen);
  return opened;
}

// Every interface, by IPv6 too if the machine has that.
Opened open_everywhere(std::string_view port) {
  Opened opened = open_tcp("::", port);
  return opened.error == 0 || opened.error == EADDRINUSE || opened.error == EACCES ? std::move(opened)
                                                                                   : open_tcp("0.0.0.0", port);
}

}  // namespace

Result<Listener> Listener::open(const std::string& address) {
  if (Result<void> checked = check_address(address, AddressUse::kListen); !checked) {
    return tl::unexpected(checked.error());
  }
  const std::string place = listening_place(address);
  return place.starts_with(kTcp) ? at_port(address, place) : at_path(address);
}

Result<Listener> Listener::at_port(const std::string& address, std::string_view place) {
  const size_t colon = place.rfind(':');
  const std::string_view host = place.substr(kTcp.size(), colon - kTcp.size());
  std::string_view port = place.substr(colon + 1);
  if (port == "*") port = "0";
  Opened opened = host == "*" ? open_everywhere(port) : open_tcp(host, port);
  if (opened.error != 0) return failed(address, opened.error);
  Listener listener;
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (::getsockname(opened.fd.get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0) return failed(address, errno);
  listener.endpoint_ = fmt::format("{}{}", kTcp, ip_text(bound));
  listener.fd_ = std::move(opened.fd);
  return listener;
}

Result<Listener> Listener::at_path(const std::string& address) {
  if (!address.starts_with(kIpc)) {
    return fail(ErrorCode::kBadValue, fmt::format("cannot listen on {}: write tcp://host:port or ipc://path", address));
  }
  const std::string path = address.substr(kIpc.size());
  sockaddr_un place{};
  place.sun_family = AF_UNIX;
  if (path.size() >= sizeof place.sun_path) return failed(address, ENAMETOOLONG);
  path.copy(place.sun_path, path.size());
  const bool abstract = path.starts_with('@');  // not a file
  if (abstract) place.sun_path[0] = '\0';

  struct stat file {};
  const bool there = !abstract && ::lstat(path.c_str(), &file) == 0;
  if (there && !S_ISSOCK(file.st_mode)) {
    return fail(ErrorCode::kSystem, fmt::format("cannot listen on {}: there is a file that is no socket", address));
  }
  if (there && somebody_listens(address)) return failed(address, EADDRINUSE);
  if (there) ::unlink(path.c_str());  // what a program left that ended
  Listener listener;
  listener.fd_ = new_socket(AF_UNIX);
  if (!listener.is_open()) return failed(address, errno);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1));
  if (const int error = listen_at(listener.fd_, reinterpret_cast<const sockaddr*>(&place), size); error != 0) {
    return failed(address, error);
  }
  listener.endpoint_ = address;
  if (!abstract && ::lstat(path.c_str(), &file) == 0) {
    listener.path_ = path;
    listener.device_ = file.st_dev;
    listener.inode_ = file.st_ino;
  }
  return listener;
}

FileDescriptor Listener::accept() const {
  return FileDescriptor(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

bool Listener::somebody_waits() const {
  pollfd item{fd_.get(), POLLIN, 0};
  return ::poll(&item, 1, 0) == 1;
}

void Listener::close() {
  if (!fd_.is_open()) return;
  struct stat file {};
  if (!path_.empty() && ::lstat(path_.c_str(), &file) == 0 && file.st_dev == device_ && file.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
  fd_.close();
}

std::string peer_address(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  if (address.ss_family != AF_UNIX) return ip_text(unmapped(address));
  ucred peer{};
  size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return {};
  return fmt::format("process {} of user {}", peer.pid, peer.uid);
}

}  // namespace eventmq
