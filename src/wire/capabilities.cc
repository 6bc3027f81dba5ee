#include "src/wire/capabilities.h"

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

}  // namespace

Capabilities parse_capabilities(const Bytes& text) {
  Capabilities result;
  CommaList list(text.view());
  for (std::string_view item; list.next(item);) {
    for (const Word& known : kWords) {
      if (item == known.word) result.*known.member = true;
    }
    if (!item.starts_with(kInstancePrefix)) continue;
    const std::string_view instance = item.substr(kInstancePrefix.size());
    if (is_id(instance)) result.instance = slice(text, instance);
  }
  return result;
}

std::string capabilities_text(const Capabilities& capabilities) {
  std::string text;
  for (const Word& known : kWords) {
    if (!(capabilities.*known.member)) continue;
    if (!text.empty()) text += ',';
    text += known.word;
  }
  if (!capabilities.instance.empty()) {
    if (!text.empty()) text += ',';
    text += kInstancePrefix;
    text += capabilities.instance.view();
  }
  return text;
}

}  // namespace eventmq
