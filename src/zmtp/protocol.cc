#include "src/zmtp/protocol.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/base/assert.h"
#include "src/wire/limits.h"

namespace eventmq::zmtp {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

constexpr size_t kSignatureBytes = 10, kMajorAt = 10, kMinorAt = 11, kMechanismAt = 12;
constexpr uint8_t kMajor = 3, kMinor = 1;
constexpr std::string_view kMechanism = "NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"sv;
static_assert(kMechanism.size() == 20);

constexpr unsigned kMore = 1, kLong = 2, kCommand = 4;
constexpr size_t kShortBytes = 255, kPingContextBytes = 16, kPingTtlBytes = 2;

uint64_t read_number(std::string_view bytes) {
  uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}
void append_number(std::string& to, uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) to += static_cast<char>(value >> (8 * i) & 0xff);
}

tl::unexpected<Error> broken(std::string text) { return fail(ErrorCode::kBadMessage, std::move(text)); }

// A name of ours is no longer than a byte can say.
void append_name(std::string& to, std::string_view name) {
  to += static_cast<char>(name.size());
  to += name;
}
std::string command(std::string_view name, std::string_view rest) {
  const size_t size = 1 + name.size() + rest.size();
  EMQ_ASSERT(size <= kShortBytes);
  std::string frame{static_cast<char>(kCommand), static_cast<char>(size)};
  append_name(frame, name);
  frame += rest;
  return frame;
}
void append_property(std::string& to, std::string_view name, std::string_view value) {
  append_name(to, name);
  append_number(to, value.size(), 4);
  to += value;
}

// Takes text behind its size from the front; false if there is not so much.
bool take(std::string_view& from, size_t size_bytes, std::string_view& text) {
  if (from.size() < size_bytes) return false;
  const uint64_t size = read_number(from.substr(0, size_bytes));
  if (from.size() - size_bytes < size) return false;
  text = from.substr(size_bytes, size);
  from.remove_prefix(size_bytes + size);
  return true;
}

// The names of properties know no case.
bool same_name(std::string_view one, std::string_view other) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [&](char a, char b) { return lower(a) == lower(b); });
}

}  // namespace

std::string greeting() {
  std::string bytes = "\xff\0\0\0\0\0\0\0\1\x7f"s;
  bytes += {static_cast<char>(kMajor), static_cast<char>(kMinor)};
  bytes += kMechanism;
  bytes.resize(kGreetingBytes, '\0');  // as-server: no; filler
  return bytes;
}

Result<std::optional<Greeting>> read_greeting(std::string_view bytes) {
  const auto has = [&](size_t at) { return bytes.size() > at; };
  const auto number_at = [&](size_t at) { return static_cast<uint8_t>(bytes[at]); };
  if (has(0) && bytes[0] != '\xff') return broken("it does not speak ZMTP");
  if (has(kSignatureBytes - 1) && bytes[kSignatureBytes - 1] != '\x7f') return broken("it does not speak ZMTP");
  if (has(kMajorAt) && number_at(kMajorAt) < kMajor) return broken("it speaks a version of ZMTP before 3");
  if (has(kMechanismAt) && !kMechanism.starts_with(bytes.substr(kMechanismAt, kMechanism.size()))) {
    return broken("it wants a security mechanism, and there is none here");
  }
  if (!has(kGreetingBytes - 1)) return std::nullopt;
  return Greeting{number_at(kMajorAt) > kMajor ? kMinor : number_at(kMinorAt)};
}

Result<std::optional<FrameHeader>> read_frame_header(std::string_view bytes) {
  if (bytes.empty()) return std::nullopt;
  const auto flags = static_cast<unsigned char>(bytes[0]);
  const bool more = (flags & kMore) != 0, is_command = (flags & kCommand) != 0;
  if ((flags & ~(kMore | kLong | kCommand)) != 0 || (more && is_command)) {
    return broken("it sent a frame that is not of ZMTP");
  }
  const size_t size_bytes = (flags & kLong) != 0 ? 8 : 1;
  if (bytes.size() < 1 + size_bytes) return std::nullopt;
  return FrameHeader{more, is_command, read_number(bytes.substr(1, size_bytes)), 1 + size_bytes};
}

void append_frame_header(std::string& to, size_t size, bool more) {
  const bool is_long = size > kShortBytes;
  to += static_cast<char>((more ? kMore : 0) | (is_long ? kLong : 0));
  append_number(to, size, is_long ? 8 : 1);
}

std::string ready() {
  std::string properties;
  append_property(properties, "Socket-Type", "ROUTER");
  append_property(properties, "Identity", "");
  return command("READY", properties);
}

std::string ping() { return command("PING", "\0\0"sv); }  // without a time to live
std::string pong(std::string_view context) { return command("PONG", context.substr(0, kPingContextBytes)); }

Result<Ready> read_ready(std::string_view command) {
  std::string_view name;
  if (!take(command, 1, name) || name != "READY") return broken("it did not say READY");
  std::string_view socket_type;
  Ready ready{};
  while (!command.empty()) {
    std::string_view value;
    if (!take(command, 1, name) || !take(command, 4, value)) return broken("its READY is malformed");
    if (same_name(name, "Socket-Type")) socket_type = value;
    if (same_name(name, "Identity")) ready.routing_id = value;
  }
  if (socket_type != "DEALER" && socket_type != "REQ" && socket_type != "ROUTER") {
    return broken("it has a socket that is no DEALER, REQ or ROUTER");
  }
  if (ready.routing_id.size() > limits::kRoutingIdBytes) return broken("its routing id has more than 255 bytes");
  // Those are made here, for peers that give none.
  if (ready.routing_id.starts_with('\0')) return broken("its routing id begins with a zero byte");
  return ready;
}

std::optional<std::string_view> read_ping(std::string_view command) {
  std::string_view name;
  if (!take(command, 1, name) || name != "PING" || command.size() < kPingTtlBytes) return std::nullopt;
  return command.substr(kPingTtlBytes, kPingContextBytes);
}

}  // namespace eventmq::zmtp
