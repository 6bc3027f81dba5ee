#include "src/wire/capabilities.h"

#include <charconv>
#include <system_error>

#include "src/wire/names.h"
#include "src/wire/text.h"

namespace eventmq {
namespace {

struct Word {
  std::string_view word;
  bool Capabilities::*member;
};
constexpr Word kWords[] = {
    {"settle", &Capabilities::settle},     {"errors", &Capabilities::errors},       {"cancel", &Capabilities::cancel},
    {"progress", &Capabilities::progress}, {"multi-ack", &Capabilities::multi_ack}, {"resume", &Capabilities::resume},
};
constexpr std::string_view kInstancePrefix = "instance:";
constexpr std::string_view kFrameMaxPrefix = "frame-max:";

// 0 for what is no number.
uint64_t bytes_of(std::string_view digits) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc() && end == digits.data() + digits.size() ? number : 0;
}

}  // namespace

Capabilities parse_capabilities(const Bytes& text) {
  Capabilities result;
  CommaList list(text.view());
  for (std::string_view item; list.next(item);) {
    for (const Word& known : kWords) {
      if (item == known.word) result.*known.member = true;
    }
    if (item.starts_with(kFrameMaxPrefix)) result.frame_bytes_max = bytes_of(item.substr(kFrameMaxPrefix.size()));
    if (!item.starts_with(kInstancePrefix)) continue;
    const std::string_view instance = item.substr(kInstancePrefix.size());
    if (is_id(instance)) result.instance = slice(text, instance);
  }
  return result;
}

std::string capabilities_text(const Capabilities& capabilities) {
  std::string text;
  const auto add = [&](std::string_view word, std::string_view value = {}) {
    if (!text.empty()) text += ',';
    text += word;
    text += value;
  };
  for (const Word& known : kWords) {
    if (capabilities.*known.member) add(known.word);
  }
  if (!capabilities.instance.empty()) add(kInstancePrefix, capabilities.instance.view());
  if (capabilities.frame_bytes_max > 0) add(kFrameMaxPrefix, std::to_string(capabilities.frame_bytes_max));
  return text;
}

}  // namespace eventmq
