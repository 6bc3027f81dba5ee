#include "src/transport/kernel_counts.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/tcp.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

// Of jemalloc, if the program is linked with it.
extern "C" int mallctl(const char*, void*, size_t*, void*, size_t) __attribute__((weak));

namespace eventmq::kernel_counts {
namespace {

constexpr const char* kPurgeAllArenas = "arena.4096.purge";  // MALLCTL_ARENAS_ALL

std::optional<tcp_info> info_of(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return {};
  return info;
}

std::string peer_process(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return {};
  return fmt::format("process {} of user {}", peer.pid, peer.uid);
}

}  // namespace

uint64_t cookie(int fd) {
  uint64_t number = 0;
  socklen_t size = sizeof number;
  return ::getsockopt(fd, SOL_SOCKET, SO_COOKIE, &number, &size) == 0 ? number : 0;
}

std::optional<BytesRead> bytes_read(int fd, uint64_t of) {
  const std::optional<tcp_info> before = info_of(fd);
  int unread = 0;
  if (::ioctl(fd, FIONREAD, &unread) != 0) return {};
  const std::optional<tcp_info> after = info_of(fd);
  if (!before || !after || cookie(fd) != of) return {};
  const auto waiting = static_cast<uint64_t>(unread);
  const auto read = [&](uint64_t arrived) { return arrived - std::min(arrived, waiting); };
  return BytesRead{read(before->tcpi_bytes_received), read(after->tcpi_bytes_received), after->tcpi_data_segs_in};
}

std::string peer_address(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    const auto& ip = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &ip.sin_addr, text.data(), text.size());
    return fmt::format("{}:{}", text.data(), ntohs(ip.sin_port));
  }
  if (address.ss_family == AF_UNIX) return peer_process(fd);
  if (address.ss_family != AF_INET6) return {};
  const auto& ip = reinterpret_cast<const sockaddr_in6&>(address);
  ::inet_ntop(AF_INET6, &ip.sin6_addr, text.data(), text.size());
  return fmt::format("[{}]:{}", text.data(), ntohs(ip.sin6_port));
}

OwnDescriptor::OwnDescriptor(int fd, uint64_t of) : fd_(::fcntl(fd, F_DUPFD_CLOEXEC, 0)) {
  if (cookie(fd_.get()) != of) fd_.close();
}

bool OwnDescriptor::peer_has_left() const {
  pollfd item{fd_.get(), POLLRDHUP, 0};
  return ::poll(&item, 1, 0) == 1;
}

bool OwnDescriptor::has_unread() const {
  int unread = 0;
  return ::ioctl(fd_.get(), FIONREAD, &unread) == 0 && unread > 0;
}

SpareDescriptor::SpareDescriptor()
    : nothing_(::open("/dev/null", O_RDONLY | O_CLOEXEC)), spare_(::open("/dev/null", O_RDONLY | O_CLOEXEC)) {}

bool SpareDescriptor::reset(int fd, uint64_t of) const {
  // A descriptor of our own cannot become another connection between the look and the deed.
  if (!spare_.is_open() || ::dup3(fd, spare_.get(), O_CLOEXEC) == -1) return false;
  const bool is_it = cookie(spare_.get()) == of;
  // On TCP not shutdown(): what has arrived, which may be 32 MiB, could still be read, and the peer would not be told.
  sockaddr nobody{};
  nobody.sa_family = AF_UNSPEC;
  const bool done =
      is_it && (::connect(spare_.get(), &nobody, sizeof nobody) == 0 || ::shutdown(spare_.get(), SHUT_RDWR) == 0);
  ::dup3(nothing_.get(), spare_.get(), O_CLOEXEC);
  return done;
}

bool SpareDescriptor::others_left() const {
  const int another = ::fcntl(nothing_.get(), F_DUPFD_CLOEXEC, 0);
  if (another == -1) return errno != EMFILE;
  ::close(another);
  return true;
}

ResidentMemory::ResidentMemory() : fd_(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC)) {}

uint64_t ResidentMemory::bytes() const {
  std::array<char, 256> text{};
  unsigned long long total = 0, resident = 0;
  if (!fd_.is_open() || ::pread(fd_.get(), text.data(), text.size() - 1, 0) <= 0) return 0;
  if (std::sscanf(text.data(), "%llu %llu", &total, &resident) != 2) return 0;
  static const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  return resident * page;
}

void return_freed_memory() {
  if (mallctl != nullptr) {
    mallctl(kPurgeAllArenas, nullptr, nullptr, nullptr, 0);
  } else {
    ::malloc_trim(0);
  }
}

}  // namespace eventmq::kernel_counts
