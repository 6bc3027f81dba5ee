// The decoder on any frames: it never fails, what it refuses has an error, and what it accepts means one
// thing, so that encoding and decoding again changes nothing. The input is the frames, a newline between two.
#include <cstdint>
#include <string_view>

#include "src/base/assert.h"
#include "src/codec/codec.h"
#include "src/wire/names.h"
#include "src/wire/text.h"

namespace {

using namespace eventmq;

Frames frames_of(std::string_view input) {
  const Bytes whole(input);
  std::string_view rest = whole.view();
  Frames frames;
  for (bool more = true; more;) {
    if (frames.full()) {
      frames.mark_overflow();
      break;
    }
    const size_t end = rest.find('\n');
    // Each frame in memory of its own, so that a sanitizer sees a read beyond it.
    frames.push(Bytes(rest.substr(0, end)));
    more = end != std::string_view::npos;
    if (more) rest.remove_prefix(end + 1);
  }
  return frames;
}

bool same(const Frames& a, const Frames& b) {
  if (a.size() != b.size()) return false;
  for (size_t index = 0; index < a.size(); ++index) {
    if (!(a[index] == b[index])) return false;
  }
  return true;
}

void check_refusal(const DecodeError& refusal) {
  EMQ_ASSERT(!refusal.error.text.empty());
  EMQ_ASSERT(is_utf8(refusal.error.text), "an error's text is sent to peers");
  EMQ_ASSERT(refusal.error.text.size() <= limits::kErrorTextBytes);
  EMQ_ASSERT(refusal.offending_id.empty() || is_id(refusal.offending_id.view()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto message = decode(frames_of({reinterpret_cast<const char*>(data), size}));
  if (!message) {
    check_refusal(message.error());
    return 0;
  }
  const Frames emitted = encode(*message);
  const auto again = decode(emitted);
  EMQ_ASSERT(again, "what was emitted is refused: {}", again.error().error.text);
  EMQ_ASSERT(again->id == message->id && again->body.index() == message->body.index());
  EMQ_ASSERT(same(encode(*again), emitted), "the second encoding differs from the first");
  return 0;
}
