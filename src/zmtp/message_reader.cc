#include "src/zmtp/message_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "src/base/assert.h"
#include "src/wire/limits.h"

namespace eventmq::zmtp {
namespace {

// Memory for a large frame is so many times what has come of it, up to this size, and then twice as much. What is held
// counts against a limit for all connections together, which must not be reached by a few bytes of each of many.
constexpr size_t kReservedTimes = 8, kReservedAhead = 256 * 1024;
// Buffers above this size are not kept for the next message, as most connections are idle.
constexpr size_t kKeptBytes = 1024;

struct OwnedBlock : Block {
  OwnedBlock(char* owned, size_t size) : Block(&destroy, size), data(owned) {}
  static void destroy(Block* block) {
    auto* self = static_cast<OwnedBlock*>(block);
    std::free(self->data);
    delete self;
  }
  char* data;
};

uint64_t mebibytes(uint64_t bytes) { return bytes / (1024 * 1024); }

}  // namespace

void MessageReader::Growing::Free::operator()(char* data) const { std::free(data); }

void MessageReader::Growing::reserve(size_t capacity) {
  char* const moved = static_cast<char*>(std::realloc(data_.get(), capacity));
  if (moved == nullptr) throw std::bad_alloc();
  static_cast<void>(data_.release());  // realloc() has taken it
  data_.reset(moved);
  capacity_ = capacity;
}

Bytes MessageReader::Growing::release(size_t size) {
  auto* const block = new OwnedBlock(data_.get(), capacity_);
  capacity_ = 0;
  return Bytes::adopt(block, data_.release(), size);
}

MessageReader::Step MessageReader::read(std::string_view& bytes) {
  EMQ_ASSERT(!complete_, "a message was not taken");
  while (fault_.empty()) {
    if (into_ == Into::kNowhere) {
      if (!read_header(bytes)) break;
    }
    read_content(bytes);
    if (frame_left_ > 0) break;
    if (const Step step = end_frame(); step != Step::kNeedsBytes) return step;
  }
  return fault_.empty() ? Step::kNeedsBytes : Step::kFault;
}

// False if it needs more bytes, or is none.
bool MessageReader::read_header(std::string_view& bytes) {
  if (bytes.empty()) return false;
  const size_t taken = std::min(bytes.size(), header_.size() - header_bytes_);
  std::memcpy(header_.data() + header_bytes_, bytes.data(), taken);
  const Result<std::optional<FrameHeader>> header = read_frame_header({header_.data(), header_bytes_ + taken});
  if (!header) {
    fail_with(header.error().text);
    return false;
  }
  if (!*header) {
    header_bytes_ = static_cast<uint8_t>(header_bytes_ + taken);
    bytes.remove_prefix(taken);
    return false;
  }
  bytes.remove_prefix((*header)->header_bytes - header_bytes_);
  header_bytes_ = 0;
  begin_frame(**header);
  return fault_.empty();
}

void MessageReader::begin_frame(const FrameHeader& header) {
  frame_bytes_ = frame_left_ = header.size;
  more_ = header.more;
  if (header.command) {
    if (header.size > kCommandBytes) {
      fail_with("it sent a command of ZMTP that is too long");
      return;
    }
    command_.clear();
    into_ = Into::kCommand;
    return;
  }
  if (header.size > limits::kFrameBytesAnnounced) {
    fail_with(fmt::format("it announced a frame of more than {} MiB", mebibytes(limits::kFrameBytesAnnounced)));
    return;
  }
  wire_bytes_ += header.header_bytes + header.size;
  bytes_read_ += header.header_bytes;
  if (wire_bytes_ - header.size > limits::kFrameBytesAnnounced) {
    fail_with(fmt::format("it sent more than {} MiB of one message and not its end",
                          mebibytes(limits::kFrameBytesAnnounced)));
    return;
  }
  if (++frames_ > limits::kFramesUntilCut) {
    fail_with(fmt::format("it sent more than {} frames of one message and not its end", limits::kFramesUntilCut));
    return;
  }
  into_ = place_for(header.size);
}

MessageReader::Into MessageReader::place_for(uint64_t size) {
  if (parts_.size() == limits::kFramesPerMessage) {
    overflow_ = true;
    return Into::kDropped;
  }
  const size_t message_bytes_max = frame_bytes_max_ + limits::kBesideLargestFrameBytes;
  if (size > frame_bytes_max_ || size > message_bytes_max - held_) {
    if (!too_large_) too_large_ = {parts_.size(), size, std::min(frame_bytes_max_, message_bytes_max - held_)};
    return Into::kDropped;
  }
  return size < kLargeFrameBytes ? Into::kSmall : Into::kLarge;
}

void MessageReader::read_content(std::string_view& bytes) {
  const auto taken = static_cast<size_t>(std::min<uint64_t>(bytes.size(), frame_left_));
  if (taken == 0) return;
  switch (into_) {
    case Into::kSmall:
      small_.append(bytes.data(), taken);
      held_ += taken;
      break;
    case Into::kCommand:
      command_.append(bytes.data(), std::min(taken, kCommandKept - command_.size()));
      break;
    case Into::kLarge: {
      const size_t had = frame_bytes_ - frame_left_;
      grow(had + taken);
      std::memcpy(growing_.data() + had, bytes.data(), taken);
      break;
    }
    case Into::kDropped:
    case Into::kNowhere:
      break;
  }
  frame_left_ -= taken;
  if (into_ != Into::kCommand) bytes_read_ += taken;
  bytes.remove_prefix(taken);
}

void MessageReader::grow(size_t at_least) {
  const size_t before = growing_.capacity();
  if (before >= at_least) return;
  const size_t wanted = std::max({kLargeFrameBytes, at_least * 2, std::min(at_least * kReservedTimes, kReservedAhead)});
  growing_.reserve(std::min<size_t>(frame_bytes_, wanted));
  held_ += growing_.capacity() - before;
}

std::span<char> MessageReader::room() {
  if (into_ != Into::kLarge || frame_left_ == 0) return {};
  const size_t had = frame_bytes_ - frame_left_;
  grow(had + 1);
  return {growing_.data() + had, growing_.capacity() - had};
}

void MessageReader::wrote(size_t bytes) {
  EMQ_ASSERT(into_ == Into::kLarge && bytes <= frame_left_);
  frame_left_ -= bytes;
  bytes_read_ += bytes;
}

MessageReader::Step MessageReader::end_frame() {
  const Into was = std::exchange(into_, Into::kNowhere);
  if (was == Into::kCommand) return Step::kCommand;
  if (was == Into::kLarge) {
    parts_.push_back({0, growing_.release(frame_bytes_)});
  } else if (was == Into::kSmall) {
    parts_.push_back({static_cast<size_t>(frame_bytes_), {}});
  } else if (parts_.size() < limits::kFramesPerMessage) {
    parts_.push_back({0, {}});  // in the place of one that is too large
  }
  complete_ = !more_;
  return complete_ ? Step::kMessage : Step::kNeedsBytes;
}

void MessageReader::take_message(Frames& frames) {
  EMQ_ASSERT(complete_ && frames.size() == 0);
  BytesPacker packer(small_.size());
  std::string_view small = small_;
  for (Part& part : parts_) {
    if (!part.large.empty()) {
      frames.push(std::move(part.large));
    } else {
      frames.push(packer.add(small.substr(0, part.small_bytes)));
      small.remove_prefix(part.small_bytes);
    }
  }
  if (overflow_) frames.mark_overflow();
  if (too_large_) frames.mark_too_large(*too_large_);
  parts_.clear();
  small_.clear();
  if (small_.capacity() > kKeptBytes) small_.shrink_to_fit();
  wire_bytes_ = held_ = frames_ = 0;
  overflow_ = complete_ = false;
  too_large_.reset();
}

MessageReader::Step MessageReader::fail_with(std::string text) {
  fault_ = std::move(text);
  return Step::kFault;
}

}  // namespace eventmq::zmtp
