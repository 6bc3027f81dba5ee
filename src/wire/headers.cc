#include "src/wire/headers.h"

#include <fmt/format.h>

#include <array>

#include "src/wire/text.h"

namespace eventmq {
namespace {

enum class Header : uint8_t {
  kReplyRequested,
  kRetryCount,
  kTimeout,
  kGuarantee,
  kNohaste,
  kRunCount,
  kDelay,
  kExpires,
  kPriority,
  kUnique,
  kTrace,
  kBackoff,
  kResultTtl,
};
struct KnownHeader {
  std::string_view name;
  bool has_value;
};
// In the order of the enumeration.
constexpr std::array kKnown = std::to_array<KnownHeader>({
    {"reply-requested", false},
    {"retry-count", true},
    {"timeout", true},
    {"guarantee", false},
    {"nohaste", false},
    {"run_count", true},
    {"delay", true},
    {"expires", true},
    {"priority", true},
    {"unique", true},
    {"trace", true},
    {"backoff", true},
    {"result-ttl", true},
});
static_assert(kKnown.size() == static_cast<size_t>(Header::kResultTtl) + 1);

// One header of the text: its name, and what follows the colon.
struct Item {
  std::string_view name;
  bool has_value;
  std::string_view value;
};

Item split(std::string_view item) {
  const size_t colon = item.find(':');
  if (colon == std::string_view::npos) return {item, false, {}};
  return {item.substr(0, colon), true, trimmed(item.substr(colon + 1))};
}

// The index of a known header; kKnown.size() if it is not known.
size_t find_known(std::string_view name) {
  size_t index = 0;
  while (index < kKnown.size() && kKnown[index].name != name) ++index;
  return index;
}

// The result of one header: nothing, or the error.
using Fault = std::optional<Error>;

[[gnu::cold]] Fault fault(std::string text) { return Error{ErrorCode::kBadMessage, std::move(text)}; }

Fault read_number(const Item& item, uint32_t greatest, uint32_t& out) {
  if (parse_number(item.value, greatest, out) == NumberFault::kNone) return std::nullopt;
  return fault(
      fmt::format("header {} takes a whole number from 0 to {}, not {}", item.name, greatest, in_quotes(item.value)));
}

Fault read_seconds(const Item& item, Duration& out, Duration longest = limits::kHeaderDuration) {
  if (parse_seconds(item.value, longest, out) == NumberFault::kNone) return std::nullopt;
  return fault(fmt::format("header {} takes seconds from 0 to {}, such as 5 or 0.5, not {}", item.name,
                           longest.us / 1'000'000, in_quotes(item.value)));
}

Fault read_optional_seconds(const Item& item, std::optional<Duration>& out) {
  Duration value;
  Fault result = read_seconds(item, value);
  if (!result) out = value;
  return result;
}

Fault read_run_count(const Item& item, std::optional<uint32_t>& out) {
  uint32_t value = 0;
  Fault result = read_number(item, UINT32_MAX, value);
  if (!result) out = value;
  return result;
}

Fault read_priority(const Item& item, uint8_t& out) {
  uint32_t value = 0;
  Fault result = read_number(item, limits::kPriorityHighest, value);
  if (!result) out = static_cast<uint8_t>(value);
  return result;
}

Fault read_text(const Item& item, const Bytes& whole, Bytes& out) {
  if (item.value.empty()) return fault(fmt::format("header {} has an empty value", item.name));
  out = slice(whole, item.value);
  return std::nullopt;
}

// Stores a known header whose form (value or none) has been checked.
Fault read_known(Header header, const Item& item, JobHeaders& headers) {
  switch (header) {
    case Header::kReplyRequested:
      headers.reply_requested = true;
      return std::nullopt;
    case Header::kGuarantee:
      headers.guarantee = true;
      return std::nullopt;
    case Header::kNohaste:
      headers.nohaste = true;
      return std::nullopt;
    case Header::kRetryCount:
      return read_number(item, limits::kRetryCount, headers.retry_count);
    case Header::kTimeout:
      return read_seconds(item, headers.timeout);
    case Header::kDelay:
      return read_seconds(item, headers.delay);
    case Header::kExpires:
      return read_optional_seconds(item, headers.expires);
    case Header::kBackoff:
      return read_optional_seconds(item, headers.backoff);
    case Header::kResultTtl:
      return read_seconds(item, headers.result_ttl, limits::kResultTtl);
    case Header::kRunCount:
      return read_run_count(item, headers.run_count);
    case Header::kPriority:
      return read_priority(item, headers.priority);
    case Header::kUnique:
      return read_text(item, headers.text, headers.unique);
    case Header::kTrace:
      return read_text(item, headers.text, headers.trace);
  }
  return std::nullopt;
}

// Reads one item; `seen` has a bit for each known header that was met before.
Fault read_item(std::string_view text, uint32_t& seen, JobHeaders& headers) {
  if (text.empty()) return fault("the headers have two commas with nothing between them");
  const Item item = split(text);
  const size_t index = find_known(item.name);
  if (index == kKnown.size()) return std::nullopt;
  if (seen & (1u << index)) return fault(fmt::format("header {} is given twice", item.name));
  seen |= 1u << index;
  if (item.has_value && !kKnown[index].has_value) return fault(fmt::format("header {} takes no value", item.name));
  if (!item.has_value && kKnown[index].has_value) return fault(fmt::format("header {} needs a value", item.name));
  return read_known(static_cast<Header>(index), item, headers);
}

void append(std::string& text, std::string_view header) {
  if (!text.empty()) text += ',';
  text += header;
}

void append(std::string& text, std::string_view name, int64_t value) {
  append(text, name);
  fmt::format_to(std::back_inserter(text), ":{}", value);
}

void append_published(std::string& text, const JobHeaders& headers) {
  if (headers.guarantee) append(text, "guarantee");
  if (headers.retry_count > 0) append(text, "retry-count", headers.retry_count);
  if (headers.timeout.us > 0) append(text, "timeout", (headers.timeout.us + 999'999) / 1'000'000);
  if (headers.nohaste) append(text, "nohaste");
  if (headers.run_count) append(text, "run_count", *headers.run_count);
}

}  // namespace

Result<JobHeaders> parse_headers(const Bytes& text) {
  if (text.size() > limits::kHeadersBytes) {
    return fail(ErrorCode::kTooLarge,
                fmt::format("the headers have {} bytes; at most {} are taken", text.size(), limits::kHeadersBytes));
  }
  if (!is_utf8(text.view())) return fail(ErrorCode::kBadMessage, "the headers are not UTF-8");
  Result<JobHeaders> headers;
  headers->text = text;
  uint32_t seen = 0;
  CommaList list(text.view());
  for (std::string_view item; list.next(item);) {
    if (Fault found = read_item(item, seen, *headers)) return tl::unexpected<Error>(std::move(*found));
  }
  return headers;
}

std::string published_headers(const JobHeaders& headers) {
  std::string text = "reply-requested";
  append_published(text, headers);
  return text;
}

std::string published_schedule_headers(const JobHeaders& headers) {
  std::string text = headers.reply_requested ? "reply-requested" : "";
  append_published(text, headers);
  return text;
}

}  // namespace eventmq
