#include "src/session/held_job.h"

#include <algorithm>

#include "src/wire/limits.h"

namespace eventmq {
namespace {

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }  // of UTF-8

Bytes cut_between_characters(const Bytes& text, size_t size) {
  if (text.size() <= size) return text;
  while (size > 0 && continues_character(text.data()[size])) --size;
  return Bytes(text.view().substr(0, size));
}

}  // namespace

Progress bounded_progress(Bytes request_id, double fraction, const Bytes& text) {
  const double bounded = fraction > 0 ? std::min(fraction, 1.0) : 0.0;  // not a number becomes 0
  return Progress{std::move(request_id), bounded, cut_between_characters(text, limits::kProgressTextBytes)};
}

}  // namespace eventmq
