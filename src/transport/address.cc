#include "src/transport/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <memory>
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

// In whatever case: host names know none (RFC 4343).
bool is_localhost(std::string_view host) {
  return host.size() == 9 && ::strncasecmp(host.data(), "localhost", host.size()) == 0;
}

// Empty if there is no such interface, or it has none.
std::string ipv4_of_interface(std::string_view name) {
  ifaddrs* found = nullptr;
  if (::getifaddrs(&found) != 0) return {};
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> all(found, &::freeifaddrs);
  for (const ifaddrs* each = all.get(); each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || each->ifa_addr->sa_family != AF_INET || name != each->ifa_name) continue;
    char text[INET_ADDRSTRLEN] = "";
    return ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(each->ifa_addr)->sin_addr, text, sizeof text);
  }
  return {};
}

// Whatever way its path is written.
bool same_file(std::string_view one, std::string_view other) {
  return std::filesystem::path(one).lexically_normal() == std::filesystem::path(other).lexically_normal();
}

tl::unexpected<Error> malformed(std::string_view address, std::string_view why) {
  return fail(ErrorCode::kBadValue, fmt::format("the address '{}' {}", address, why));
}

}  // namespace

Result<void> check_address(std::string_view address, AddressUse use) {
  if (address.size() > 1024 || address.find('\0') != std::string_view::npos) {
    return malformed(address.substr(0, 64), "is too long or holds a zero byte");
  }
  // libzmq would choose a file; we would make one of this name.
  if (address == "ipc://*") return malformed(address, "names no file; write ipc:///run/eventmq/frontend");
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
  // Only a refusal says that nobody does: its queue of connections may be full, or we may not be allowed to try.
  const bool answered = connected == 0 || (errno != ECONNREFUSED && errno != ENOENT);
  ::close(probe);
  return answered;
}

std::string without_lookup(std::string_view address, bool as_ipv6) {
  HostPort parts;
  if (!address.starts_with(kTcp) || !split(address.substr(kTcp.size()), parts) || !is_localhost(parts.host)) {
    return std::string(address);
  }
  return fmt::format("{}{}:{}", kTcp, as_ipv6 ? "[::1]" : "127.0.0.1", parts.port);
}

std::string listening_place(std::string_view address) {
  HostPort parts;
  if (!address.starts_with(kTcp) || !split(address.substr(kTcp.size()), parts)) return std::string(address);
  std::string host(is_localhost(parts.host) ? "127.0.0.1" : parts.host);
  if (host_kind(address) == HostKind::kName && !is_localhost(parts.host)) {
    if (std::string found = ipv4_of_interface(parts.host); !found.empty()) host = std::move(found);
  }
  const size_t digit = std::min(parts.port.find_first_not_of('0'), parts.port.size() - 1);
  return fmt::format("{}{}:{}", kTcp, host, parts.port.substr(digit));
}

bool same_place(std::string_view one, std::string_view other) {
  if (one.starts_with(kIpc) && other.starts_with(kIpc)) {
    return same_file(one.substr(kIpc.size()), other.substr(kIpc.size()));
  }
  HostPort a, b;
  const std::string one_found = listening_place(one);
  const std::string other_found = listening_place(other);
  const bool both_tcp = one_found.starts_with(kTcp) && split(std::string_view(one_found).substr(kTcp.size()), a) &&
                        other_found.starts_with(kTcp) && split(std::string_view(other_found).substr(kTcp.size()), b);
  if (!both_tcp) return one == other;
  if (a.port != b.port || a.port == "*" || a.port == "0") return false;
  return a.host == b.host || is_any(a.host) || is_any(b.host);
}

bool reachable_from_other_machines(std::string_view address) {
  HostPort parts;
  const std::string place = listening_place(address);
  if (!place.starts_with(kTcp) || !split(std::string_view(place).substr(kTcp.size()), parts)) return false;
  const std::string_view host = without_brackets(parts.host);
  return !(is_ipv4(host) && host.starts_with("127.")) && host != "::1";
}

}  // namespace eventmq
