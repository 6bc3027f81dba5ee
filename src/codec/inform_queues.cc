#include "src/codec/inform_queues.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "src/codec/queue_list_scanner.h"
#include "src/wire/limits.h"
#include "src/wire/names.h"
#include "src/wire/text.h"

namespace eventmq {
namespace {

using Queues = Result<std::vector<QueueWeight>>;

Queues parse_bare_names(const Bytes& text) {
  std::vector<QueueWeight> queues;
  CommaList list(text.view());
  for (std::string_view name; list.next(name);) {
    if (queues.size() == limits::kQueuesPerInform) {
      return fail(ErrorCode::kTooLarge, fmt::format("more than {} queues", limits::kQueuesPerInform));
    }
    if (std::optional<Error> fault = bare_queue_name_fault(name)) {
      return fail(fault->code, fmt::format("name {} {}", in_quotes(name), fault->text));
    }
    QueueWeight queue;
    queue.name = slice(text, name);
    queues.push_back(std::move(queue));
  }
  return queues;
}

// Nothing when every name is a queue's name and none is there twice.
std::optional<Error> names_fault(const std::vector<QueueWeight>& queues) {
  std::vector<std::string_view> names;
  names.reserve(queues.size());
  for (const QueueWeight& queue : queues) {
    if (std::optional<Error> fault = queue_name_fault(queue.name.view())) {
      fault->text = fmt::format("name {} {}", in_quotes(queue.name.view()), fault->text);
      return fault;
    }
    names.push_back(queue.name.view());
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice == names.end()) return std::nullopt;
  return Error{ErrorCode::kBadMessage, fmt::format("queue {} is given twice", in_quotes(*twice))};
}

}  // namespace

Queues parse_inform_queues(const Bytes& text) {
  if (text.size() > limits::kInformBytes) {
    return fail(ErrorCode::kTooLarge,
                fmt::format("has {} bytes; at most {} are taken", text.size(), limits::kInformBytes));
  }
  if (!is_utf8(text.view())) return fail(ErrorCode::kBadMessage, "is not UTF-8");
  const size_t first = text.view().find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return std::vector<QueueWeight>();
  Queues queues = text.view()[first] == '[' ? QueueListScanner(text).scan() : parse_bare_names(text);
  if (!queues) return queues;
  if (std::optional<Error> fault = names_fault(*queues)) return tl::unexpected<Error>(std::move(*fault));
  return queues;
}

std::string inform_queues_text(const std::vector<QueueWeight>& queues) {
  if (queues.empty()) return {};
  std::string text = "[";
  for (const QueueWeight& queue : queues) {
    if (text.size() > 1) text += ", ";
    fmt::format_to(std::back_inserter(text), "[{}, \"", queue.weight);
    // A queue's name has no control characters, so these two are all that JSON wants escaped.
    for (const char c : queue.name.view()) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += "\"]";
  }
  return text + ']';
}

}  // namespace eventmq
