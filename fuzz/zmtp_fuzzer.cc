// What a peer of the broker may send: its greeting, its READY, and then frames. However the bytes are cut, the same
// comes of them: the same messages, commands and fault; and the memory held of them has its bound. The first byte of
// the input says how the others are cut, and of those kFiller and a number stand for many bytes, so that frames become
// large.
//
// links: eventmq_zmtp
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/assert.h"
#include "src/wire/limits.h"
#include "src/zmtp/message_reader.h"
#include "src/zmtp/protocol.h"

namespace {

using namespace eventmq;
using Step = zmtp::MessageReader::Step;

constexpr size_t kFrameBytesMax = 8 * 1024, kInputBytesMax = 20 * 1024;
constexpr char kFiller = '\xee';
constexpr size_t kFillerTimes = 64;

std::string with_filler(std::string_view input) {
  std::string bytes;
  for (size_t at = 0; at < input.size(); ++at) {
    if (input[at] != kFiller || at + 1 == input.size() || bytes.size() > kInputBytesMax) {
      bytes += input[at];
    } else {
      bytes.append(kFillerTimes * static_cast<uint8_t>(input[++at]), 'f');
    }
  }
  return bytes;
}

// Memory of exactly so many bytes, so that a sanitizer sees a read beyond them. Of none, null.
struct Alone {
  explicit Alone(std::string_view bytes)
      : memory(bytes.empty() ? nullptr : new char[bytes.size()]), size(bytes.size()) {
    if (size > 0) std::memcpy(memory.get(), bytes.data(), size);
  }
  std::string_view view() const { return {memory.get(), size}; }
  std::unique_ptr<char[]> memory;
  size_t size;
};

// The sizes of pieces: up to 1, 4, 16, ... 16,384 bytes, and in one of 32 orders.
class Cuts {
 public:
  explicit Cuts(uint8_t how) : most_(size_t{1} << 2 * (how & 7)), state_(how >> 3) {}
  size_t next() {
    state_ = state_ * 1664525 + 1013904223;
    return 1 + (state_ >> 8) % most_;
  }

 private:
  size_t most_;
  uint32_t state_;
};

void check_text(const std::string& text) { EMQ_ASSERT(text.starts_with("it"), "the text is \"{}\"", text); }

// --- Messages ---

std::string described(const Frames& frames) {
  std::string text = frames.overflow() ? "message, cut" : "message";
  if (const auto& mark = frames.too_large()) {
    EMQ_ASSERT(mark->index < frames.size() && frames[mark->index].empty() && mark->bytes > mark->bytes_max);
    text += fmt::format(", {} of {} too large for {}", mark->index, mark->bytes, mark->bytes_max);
  }
  for (const Bytes& frame : frames) {
    EMQ_ASSERT(frame.size() <= kFrameBytesMax);
    text += fmt::format(", {}:", frame.size()).append(frame.view());
  }
  return text;
}

// A reader, and all that came out of it.
struct Run {
  zmtp::MessageReader reader{kFrameBytesMax};
  std::vector<std::string> seen;
  size_t given = 0;

  void read(std::string_view piece) {
    const Alone alone(piece);
    given += piece.size();
    std::string_view bytes = alone.view();
    while (step(bytes)) check_held();
    check_held();
  }
  bool step(std::string_view& bytes) {
    switch (reader.read(bytes)) {
      case Step::kMessage: {
        Frames frames;
        reader.take_message(frames);
        EMQ_ASSERT(reader.held_bytes() == 0 && reader.unfinished_bytes() == 0);
        seen.push_back(described(frames));
        return true;
      }
      case Step::kCommand:
        EMQ_ASSERT(reader.command().size() <= zmtp::kCommandKept);
        seen.push_back("command " + std::string(reader.command()));
        return true;
      case Step::kNeedsBytes:
        EMQ_ASSERT(bytes.empty());
        return false;
      case Step::kFault:
        check_text(reader.fault());
        return false;
    }
    return false;
  }
  // Whole frames have their size, and the present one up to eight times what came of it.
  void check_held() const {
    EMQ_ASSERT(reader.held_bytes() <= kFrameBytesMax + limits::kBesideLargestFrameBytes);
    EMQ_ASSERT(reader.held_bytes() <= kLargeFrameBytes + 8 * given);
    EMQ_ASSERT(reader.held_bytes() == 0 || reader.unfinished_bytes() > 0);
  }
  size_t write(std::string_view piece) {
    const std::span<char> room = reader.room();
    const size_t size = std::min(room.size(), piece.size());
    if (size == 0) return 0;
    std::memcpy(room.data(), piece.data(), size);
    reader.wrote(size);
    given += size;
    return size;
  }
};

void read_in_pieces(Run& run, std::string_view bytes, Cuts cuts, bool into_room) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, cuts.next());
    const size_t written = into_room ? run.write(piece) : 0;
    run.read(written > 0 ? std::string_view() : piece);
    bytes.remove_prefix(written > 0 ? written : piece.size());
  }
}

void check_messages(std::string_view bytes, Cuts cuts) {
  Run whole;
  whole.read(bytes);
  for (const bool into_room : {false, true}) {
    Run cut;
    read_in_pieces(cut, bytes, cuts, into_room);
    EMQ_ASSERT(cut.reader.fault() == whole.reader.fault(), "{}, else {}", cut.reader.fault(), whole.reader.fault());
    EMQ_ASSERT(cut.seen == whole.seen, "{} steps, else {}", cut.seen.size(), whole.seen.size());
    EMQ_ASSERT(cut.reader.unfinished_bytes() == whole.reader.unfinished_bytes());
  }
}

// --- Handshakes ---

// What was refused stays so, and what was taken means the same with more behind it.
void check_greeting(std::string_view bytes) {
  bool refused = false;
  for (size_t size = 0; size <= std::min(bytes.size(), zmtp::kGreetingBytes + 4); ++size) {
    const Alone alone(bytes.substr(0, size));
    const auto greeting = zmtp::read_greeting(alone.view());
    EMQ_ASSERT(!refused || !greeting, "{} bytes are a greeting, but not fewer", size);
    refused = !greeting;
    if (refused) check_text(greeting.error().text);
    EMQ_ASSERT(refused || greeting->has_value() == (size >= zmtp::kGreetingBytes));
  }
}

void check_commands(std::string_view bytes) {
  const Alone alone(bytes);
  const auto ready = zmtp::read_ready(alone.view());
  if (!ready) check_text(ready.error().text);
  EMQ_ASSERT(!ready || ready->routing_id.size() <= limits::kRoutingIdBytes);
  const auto context = zmtp::read_ping(alone.view());
  if (!context) return;
  EMQ_ASSERT(!ready, "a command is two");
  const std::string pong = zmtp::pong(*context);
  const auto header = zmtp::read_frame_header(pong);
  EMQ_ASSERT(header && *header && (*header)->command && (*header)->size + (*header)->header_bytes == pong.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string bytes = with_filler({reinterpret_cast<const char*>(data) + 1, size - 1});
  check_greeting(bytes);
  check_commands(bytes);
  check_messages(bytes, Cuts(data[0]));
  return 0;
}
