// The ZeroMQ Message Transport Protocol, ZMTP 3.1 (rfc.zeromq.org/spec/37), as a listening ROUTER speaks it with the
// NULL mechanism (section "The NULL Security Mechanism"): greetings, commands, and the headers of frames. Values in and
// out; no sockets. Peers of ZMTP 3.0 differ in that they know no PING.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "src/base/result.h"

namespace eventmq::zmtp {

inline constexpr size_t kGreetingBytes = 64;
inline constexpr size_t kFrameHeaderBytes = 9;     // at most
inline constexpr size_t kCommandBytes = 2 * 1024;  // the longest command that we take; a peer's READY has about 50

// --- Greetings ---
std::string greeting();
struct Greeting {
  uint8_t minor;  // of the peer's version 3.x
};
// `bytes` are the first that came. The greeting once they are enough; nothing yet if they may become one.
// Errors: kBadMessage: they cannot. The text continues "it ...".
Result<std::optional<Greeting>> read_greeting(std::string_view bytes);

// --- Frames ---
struct FrameHeader {
  bool more;     // another frame of the message follows
  bool command;  // not a frame of a message
  uint64_t size;
  size_t header_bytes;
};
// The same for a frame's header.
Result<std::optional<FrameHeader>> read_frame_header(std::string_view bytes);
// Adds the header of a message's frame.
void append_frame_header(std::string& to, size_t size, bool more);

// --- Commands: those to send are whole frames; those that came are the frame's content ---
std::string ready();
std::string ping();
std::string pong(std::string_view context);

struct Ready {
  std::string_view routing_id;  // empty if the peer gave none
};
// Errors: kBadMessage: it is none, or of a peer that a ROUTER does not talk to. The text continues "it ...".
Result<Ready> read_ready(std::string_view command);
// The context of a PING, to be sent back; nothing if the command is another.
std::optional<std::string_view> read_ping(std::string_view command);

}  // namespace eventmq::zmtp
