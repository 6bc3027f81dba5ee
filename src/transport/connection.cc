#include "src/transport/connection.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "src/base/assert.h"
#include "src/transport/listener.h"

namespace eventmq {
namespace {

// Of a large frame at once, so that other peers get their turn.
constexpr size_t kLargeReadBytes = 256 * 1024;

ssize_t receive(int fd, char* to, size_t size) {
  ssize_t got;
  do {
    got = ::recv(fd, to, size, MSG_DONTWAIT);
  } while (got == -1 && errno == EINTR);
  return got;
}

bool nothing_now(ssize_t got) { return got == -1 && (errno == EAGAIN || errno == EWOULDBLOCK); }

}  // namespace

Connection::Connection(uint64_t its_number, Port& its_port, FileDescriptor descriptor, size_t frame_bytes_max,
                       Instant now)
    : number(its_number),
      port(its_port),
      fd(std::move(descriptor)),
      address(peer_address(fd.get())),
      reader(frame_bytes_max),
      since(now),
      heard(now),
      moved(now) {
  out.push(zmtp::greeting());
}

HandshakeStep Connection::advance_handshake() {
  for (;;) {
    std::optional<HandshakeStep> step;
    switch (expects_) {
      case Expects::kGreeting:
        step = take_greeting();
        break;
      case Expects::kReadyHeader:
        step = take_ready_header();
        break;
      case Expects::kReady:
        step = take_ready();
        break;
      case Expects::kNothing:
        return HandshakeStep::kMet;
    }
    if (step) return *step;
  }
}

std::optional<HandshakeStep> Connection::fill(size_t size) {
  if (handshake_.size() == size) return std::nullopt;
  std::array<char, 512> part;
  const ssize_t got = receive(fd.get(), part.data(), std::min(part.size(), size - handshake_.size()));
  if (nothing_now(got)) return HandshakeStep::kGoesOn;
  if (got <= 0) return HandshakeStep::kLeft;
  handshake_.append(part.data(), static_cast<size_t>(got));
  return std::nullopt;
}

HandshakeStep Connection::failed(std::string text) {
  handshake_fault_ = std::move(text);
  return HandshakeStep::kFailed;
}

std::optional<HandshakeStep> Connection::take_greeting() {
  if (const auto step = fill(zmtp::kGreetingBytes)) return step;
  const Result<std::optional<zmtp::Greeting>> greeting = zmtp::read_greeting(handshake_);
  if (!greeting) return failed(greeting.error().text);
  if (!*greeting) return std::nullopt;
  knows_ping = (*greeting)->minor >= 1;
  handshake_.clear();
  expects_ = Expects::kReadyHeader;
  return std::nullopt;
}

std::optional<HandshakeStep> Connection::take_ready_header() {
  // A short one has 2 bytes, a long one 9, which the first tells.
  if (const auto step = fill(handshake_.size() < 2 ? 2 : zmtp::kFrameHeaderBytes)) return step;
  const Result<std::optional<zmtp::FrameHeader>> header = zmtp::read_frame_header(handshake_);
  if (!header) return failed(header.error().text);
  if (!*header) return std::nullopt;
  if (!(*header)->command) return failed("it sent a message before its READY");
  if ((*header)->size > zmtp::kCommandBytes) return failed("its READY is too long");
  ready_bytes_ = (*header)->size;
  handshake_.clear();
  expects_ = Expects::kReady;
  return std::nullopt;
}

std::optional<HandshakeStep> Connection::take_ready() {
  if (const auto step = fill(ready_bytes_)) return step;
  if (handshake_.size() < ready_bytes_) return std::nullopt;
  const Result<zmtp::Ready> ready = zmtp::read_ready(handshake_);
  if (!ready) return failed(ready.error().text);
  claimed_id_ = ready->routing_id;
  handshake_ = std::string();
  expects_ = Expects::kNothing;
  return HandshakeStep::kMet;
}

Connection::Read Connection::read(char* chunk, size_t size, std::string_view& bytes) {
  const std::span<char> room = reader.room();
  const ssize_t got = room.empty() ? receive(fd.get(), chunk, size)
                                   : receive(fd.get(), room.data(), std::min(room.size(), kLargeReadBytes));
  if (nothing_now(got)) return Read::kNothing;
  if (got <= 0) return Read::kEnded;
  if (room.empty()) {
    bytes = {chunk, static_cast<size_t>(got)};
  } else {
    reader.wrote(static_cast<size_t>(got));
    bytes = {};
  }
  return Read::kSome;
}

bool Connection::has_unread() const {
  int unread = 0;
  return ::ioctl(fd.get(), FIONREAD, &unread) == 0 && unread > 0;
}

bool Connection::peer_has_left() const {
  pollfd item{fd.get(), POLLRDHUP, 0};
  return ::poll(&item, 1, 0) == 1;
}

}  // namespace eventmq
