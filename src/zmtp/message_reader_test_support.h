// What a peer sends, and what a MessageReader makes of it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/zmtp/message_reader.h"

namespace eventmq::zmtp {

using Texts = std::vector<std::string>;

inline std::string frame_bytes(std::string_view content, bool more) {
  std::string bytes;
  append_frame_header(bytes, content.size(), more);
  return bytes.append(content);
}
inline std::string message_bytes(const Texts& frames) {
  std::string bytes;
  for (const std::string& frame : frames) bytes += frame_bytes(frame, &frame != &frames.back());
  return bytes;
}
// The long form, in which any size fits.
inline std::string command_bytes(std::string_view content) {
  std::string bytes = "\6";
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(content.size() >> shift & 0xff);
  return bytes.append(content);
}

// What has come out of a reader.
struct Seen {
  std::vector<Frames> messages;
  Texts commands;
  std::string fault;

  Texts texts(size_t index) const {
    Texts all;
    for (const Bytes& frame : messages.at(index)) all.push_back(frame.str());
    return all;
  }
};

inline void feed(MessageReader& reader, std::string_view bytes, Seen& seen) {
  for (;;) {
    switch (reader.read(bytes)) {
      case MessageReader::Step::kMessage:
        reader.take_message(seen.messages.emplace_back());
        break;
      case MessageReader::Step::kCommand:
        seen.commands.emplace_back(reader.command());
        break;
      case MessageReader::Step::kNeedsBytes:
        EXPECT_TRUE(bytes.empty());
        return;
      case MessageReader::Step::kFault:
        seen.fault = reader.fault();
        return;
    }
  }
}

// Writes what fits into the reader's room, up to `most`, and takes it from `bytes`. False if it has none.
inline bool write_into_room(MessageReader& reader, std::string_view& bytes, size_t most) {
  const std::span<char> room = reader.room();
  const size_t size = std::min({room.size(), bytes.size(), most});
  if (size == 0) return false;
  std::memcpy(room.data(), bytes.data(), size);
  bytes.remove_prefix(size);
  reader.wrote(size);
  return true;
}

}  // namespace eventmq::zmtp
