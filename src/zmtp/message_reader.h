// Makes messages of the bytes that a peer sends after its handshake, and holds no more of them than a message may have.
//
// What is over a limit is dropped as it comes, and the message marked (Frames::mark_overflow, mark_too_large), so that
// whoever sent it can be told. A message has a fault, with which its connection should end, when it goes on and on: its
// bytes, or those that a frame of it announces, pass limits::kFrameBytesAnnounced, or its frames
// limits::kFramesUntilCut.
//
//   std::string_view bytes = ...;   // as they came
//   for (;;) switch (reader.read(bytes)) { case kMessage: reader.take_message(frames); ... }
//
// A pure function of the bytes and the limit; not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/bytes.h"
#include "src/wire/frames.h"
#include "src/zmtp/protocol.h"

namespace eventmq::zmtp {

inline constexpr size_t kCommandKept = 64;  // a PING has up to 23

class MessageReader {
 public:
  enum class Step : uint8_t {
    kNeedsBytes,  // all were read
    kMessage,     // take_message() has it
    kCommand,     // command() is its content, or the first kCommandKept bytes of it, until the next read()
    kFault,       // the peer is broken or hostile: fault() says how; it stays so
  };

  // A larger frame is dropped.
  explicit MessageReader(size_t frame_bytes_max) : frame_bytes_max_(frame_bytes_max) {}

  // Reads from the front of `bytes`, and takes away what it read.
  Step read(std::string_view& bytes);
  void take_message(Frames& frames);  // `frames` must be empty
  std::string_view command() const { return command_; }
  // "it ..."
  const std::string& fault() const { return fault_; }

  // In the midst of a large frame: where its next bytes can be written without another copy; else empty. Valid until
  // anything else is called.
  std::span<char> room();
  // So many bytes were written there. The next read(), of whatever, goes on.
  void wrote(size_t bytes);

  // Memory that the content of the message that has begun takes: of a large frame up to eight times what came of it, or
  // kLargeFrameBytes.
  size_t held_bytes() const { return held_; }
  // What the message that has begun has had, and all that its present frame announced; 0: none has begun.
  uint64_t unfinished_bytes() const { return wire_bytes_; }
  // What all messages have had until now, this one too; not what is no message.
  uint64_t bytes_read() const { return bytes_read_; }

 private:
  // Memory whose size grows while a large frame comes, so that an announcement alone takes none.
  class Growing {
   public:
    void reserve(size_t capacity);
    char* data() const { return data_.get(); }
    size_t capacity() const { return capacity_; }
    Bytes release(size_t size);

   private:
    struct Free {
      void operator()(char* data) const;
    };
    std::unique_ptr<char, Free> data_;
    size_t capacity_ = 0;
  };
  // A frame of a message, in its order.
  struct Part {
    size_t small_bytes;  // in small_; if `large` is empty
    Bytes large;
  };
  enum class Into : uint8_t { kNowhere, kSmall, kLarge, kDropped, kCommand };

  bool read_header(std::string_view& bytes);
  void begin_frame(const FrameHeader& header);
  Into place_for(uint64_t size);
  void read_content(std::string_view& bytes);
  void grow(size_t at_least);
  Step end_frame();
  Step fail_with(std::string text);

  size_t frame_bytes_max_;
  // --- The frame that is being read ---
  std::array<char, kFrameHeaderBytes> header_{};
  uint8_t header_bytes_ = 0;
  Into into_ = Into::kNowhere;
  bool more_ = false;
  uint64_t frame_bytes_ = 0, frame_left_ = 0;
  Growing growing_;
  std::string command_;
  // --- The message that is being read ---
  std::vector<Part> parts_;
  std::string small_;  // the content of all small frames
  uint32_t frames_ = 0;
  uint64_t wire_bytes_ = 0;  // that it has had, and that the present frame will have
  size_t held_ = 0;
  bool overflow_ = false, complete_ = false;
  std::optional<Frames::TooLarge> too_large_;
  uint64_t bytes_read_ = 0;
  std::string fault_;
};

}  // namespace eventmq::zmtp
