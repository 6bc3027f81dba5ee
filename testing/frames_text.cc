#include "testing/frames_text.h"

namespace eventmq::testing {
namespace {

constexpr std::string_view kSeparator = " | ";
constexpr std::string_view kEmptyFrame = "(empty)";

void add(Frames& frames, std::string_view text) {
  if (frames.full()) {
    frames.mark_overflow();
  } else {
    frames.push(Bytes(text));
  }
}

}  // namespace

std::string frames_text(const Frames& frames) {
  std::string line;
  for (size_t index = 0; index < frames.size(); ++index) {
    if (index > 0) line += kSeparator;
    line += frames[index].empty() ? kEmptyFrame : frames[index].view();
  }
  return line;
}

Frames frames_from_text(std::string_view line) {
  Frames frames;
  for (bool more = true; more;) {
    const size_t end = line.find(kSeparator);
    const std::string_view text = line.substr(0, end);
    add(frames, text == kEmptyFrame ? std::string_view() : text);
    more = end != std::string_view::npos;
    if (more) line.remove_prefix(end + kSeparator.size());
  }
  return frames;
}

Frames make_frames(std::initializer_list<std::string_view> texts) {
  Frames frames;
  for (const std::string_view text : texts) add(frames, text);
  return frames;
}

Frames make_message_frames(std::initializer_list<std::string_view> texts) {
  Frames frames = make_frames({"", "eMQP/1.0"});
  for (const std::string_view text : texts) add(frames, text);
  return frames;
}

}  // namespace eventmq::testing
