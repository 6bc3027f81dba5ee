#include "src/wire/names.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/wire/text.h"

namespace eventmq {
namespace {

bool is_id_character(char c) { return c > 0x20 && c < 0x7f && c != ','; }

}  // namespace

bool is_id(std::string_view text, size_t size_max) {
  return !text.empty() && text.size() <= size_max && std::all_of(text.begin(), text.end(), is_id_character);
}

std::optional<Error> id_fault(std::string_view text, size_t size_max) {
  if (is_id(text, size_max)) return std::nullopt;
  if (text.empty()) return Error{ErrorCode::kBadMessage, "is empty; an id has 1 to 128 characters"};
  if (text.size() > size_max) {
    return Error{ErrorCode::kTooLarge, fmt::format("has {} bytes; an id has at most {}", text.size(), size_max)};
  }
  return Error{ErrorCode::kBadMessage, "is not an id: only printable ASCII without blanks and commas is"};
}

bool is_node_name(std::string_view text) { return is_id(text, limits::kRoutingIdBytes); }

std::optional<Error> queue_name_fault(std::string_view text) {
  if (text.empty()) return Error{ErrorCode::kBadMessage, "is empty; a queue has a name"};
  if (text.size() > limits::kQueueNameBytes) {
    return Error{ErrorCode::kTooLarge,
                 fmt::format("has {} bytes; a queue's name has at most {}", text.size(), limits::kQueueNameBytes)};
  }
  if (!is_utf8(text)) return Error{ErrorCode::kBadMessage, "is not UTF-8"};
  if (has_control_character(text)) return Error{ErrorCode::kBadMessage, "has a control character"};
  if (text.find(',') != std::string_view::npos) return Error{ErrorCode::kBadMessage, "has a comma"};
  return std::nullopt;
}

std::optional<Error> bare_queue_name_fault(std::string_view text) {
  constexpr std::string_view kOpening = "[]{}()\"'", kClosing = "]}\"";
  const bool marked = !text.empty() && (kOpening.find(text.front()) != std::string_view::npos ||
                                        kClosing.find(text.back()) != std::string_view::npos);
  if (!marked && text != "null" && text != "true" && text != "false") return std::nullopt;
  return Error{ErrorCode::kBadMessage, "is no bare name but part of a list or value; lists are like [[10, \"name\"]]"};
}

}  // namespace eventmq
