#include "src/transport/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <string>

namespace eventmq {
namespace {

constexpr std::string_view kTcp = "tcp://";
constexpr std::string_view kIpc = "ipc://";
constexpr std::string_view kInproc = "inproc://";

// Host and port of the part behind tcp://. The port is behind the last colon, since IPv6 hosts have colons.
struct HostPort {
  std::string_view host;
  std::string_view port;
};
bool split(std::string_view text, HostPort& out) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  out = {text.substr(0, colon), text.substr(colon + 1)};
  return true;
}

std::string_view without_brackets(std::string_view host) {
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') return host.substr(1, host.size() - 2);
  return host;
}

bool is_ipv4(std::string_view host) {
  in_addr unused;
  return inet_pton(AF_INET, std::string(host).c_str(), &unused) == 1;
}
bool is_ipv6(std::string_view host) {
  in6_addr unused;
  const std::string_view bare = host.substr(0, host.find('%'));  // a zone, as in fe80::1%eth0
  return inet_pton(AF_INET6, std::string(bare).c_str(), &unused) == 1;
}

bool port_is_good(std::string_view port, AddressUse use) {
  if (port == "*") return use == AddressUse::kListen;
  unsigned number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  return error == std::errc() && end == port.data() + port.size() && number >= 1 && number <= 65535;
}

// A name can be connected to; listened on are addresses of this machine.
std::string_view form(AddressUse use) {
  return use == AddressUse::kListen ? "tcp://127.0.0.1:port, or tcp://*:port for every interface" : "tcp://host:port";
}

bool is_any(std::string_view host) { return host == "*" || host == "0.0.0.0" || host == "[::]"; }

tl::unexpected<Error> malformed(std::string_view address, std::string_view why) {
  return fail(ErrorCode::kBadValue, fmt::format("the address '{}' {}", address, why));
}

}  // namespace

Result<void> check_address(std::string_view address, AddressUse use) {
  if (address.size() > 1024 || address.find('\0') != std::string_view::npos) {
    return malformed(address.substr(0, 64), "is too long or holds a zero byte");
  }
  if (address.starts_with(kIpc) && address.size() > kIpc.size()) return {};
  if (address.starts_with(kInproc) && address.size() > kInproc.size()) return {};
  if (!address.starts_with(kTcp)) {
    return malformed(address, "must look like tcp://127.0.0.1:47291 or ipc:///run/eventmq/frontend");
  }
  HostPort parts;
  if (!split(address.substr(kTcp.size()), parts)) {
    return malformed(address, fmt::format("has no port; write {}", form(use)));
  }
  if (parts.host.empty()) return malformed(address, fmt::format("has no host; write {}", form(use)));
  if (parts.host == "*" && use == AddressUse::kConnect) return malformed(address, "names no host to connect to");
  if (!port_is_good(parts.port, use)) return malformed(address, "has a port that is no number from 1 to 65535");
  return {};
}

HostKind host_kind(std::string_view address) {
  HostPort parts;
  if (!address.starts_with(kTcp) || !split(address.substr(kTcp.size()), parts)) return HostKind::kNone;
  if (parts.host == "*") return HostKind::kAny;
  if (is_ipv4(parts.host)) return HostKind::kIpv4;
  if (is_ipv6(without_brackets(parts.host))) return HostKind::kIpv6;
  return HostKind::kName;
}

bool somebody_listens(std::string_view address) {
  sockaddr_un path{};
  path.sun_family = AF_UNIX;
  if (!address.starts_with(kIpc)) return false;
  const std::string_view name = address.substr(kIpc.size());
  if (name.size() >= sizeof path.sun_path || name.starts_with('@')) return false;
  name.copy(path.sun_path, name.size());
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe == -1) return false;
  const int connected = ::connect(probe, reinterpret_cast<const sockaddr*>(&path), sizeof path);
  const bool answered = connected == 0 || errno == EAGAIN;  // its queue of connections is full
  ::close(probe);
  return answered;
}

std::string without_lookup(std::string_view address, bool as_ipv6) {
  HostPort parts;
  if (!address.starts_with(kTcp) || !split(address.substr(kTcp.size()), parts) || parts.host != "localhost") {
    return std::string(address);
  }
  return fmt::format("{}{}:{}", kTcp, as_ipv6 ? "[::1]" : "127.0.0.1", parts.port);
}

bool same_place(std::string_view one, std::string_view other) {
  HostPort a, b;
  const std::string one_found = without_lookup(one, false);
  const std::string other_found = without_lookup(other, false);
  const bool both_tcp = one_found.starts_with(kTcp) && split(std::string_view(one_found).substr(kTcp.size()), a) &&
                        other_found.starts_with(kTcp) && split(std::string_view(other_found).substr(kTcp.size()), b);
  if (!both_tcp) return one == other;
  if (a.port != b.port || a.port == "*" || a.port == "0") return false;
  return a.host == b.host || is_any(a.host) || is_any(b.host);
}

bool reachable_from_other_machines(std::string_view address) {
  HostPort parts;
  if (!address.starts_with(kTcp) || !split(address.substr(kTcp.size()), parts)) return false;
  const std::string_view host = without_brackets(parts.host);
  const bool loopback =
      (is_ipv4(host) && host.starts_with("127.")) || host == "::1" || host == "localhost" || host == "lo";
  return !loopback;
}

}  // namespace eventmq
