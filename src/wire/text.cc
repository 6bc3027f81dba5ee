#include "src/wire/text.h"

#include <fmt/format.h>

#include <cstring>
#include <iterator>

namespace eventmq {
namespace {

constexpr size_t kQuotedBytes = 60;

// How many bytes the well-formed character at the start takes; 0 if there is none. The text must not be empty.
size_t character_size(std::string_view text) {
  const auto byte = [&](size_t index) { return static_cast<unsigned char>(text[index]); };
  const auto continues = [&](size_t index, unsigned low, unsigned high) {
    return index < text.size() && byte(index) >= low && byte(index) <= high;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  if (first < 0xe0) return continues(1, 0x80, 0xbf) ? 2 : 0;
  if (first < 0xf0) {
    const unsigned low = first == 0xe0 ? 0xa0 : 0x80;
    const unsigned high = first == 0xed ? 0x9f : 0xbf;
    return continues(1, low, high) && continues(2, 0x80, 0xbf) ? 3 : 0;
  }
  const unsigned low = first == 0xf0 ? 0x90 : 0x80;
  const unsigned high = first == 0xf4 ? 0x8f : 0xbf;
  return continues(1, low, high) && continues(2, 0x80, 0xbf) && continues(3, 0x80, 0xbf) ? 4 : 0;
}

// True if the next eight bytes are all ASCII.
bool starts_with_eight_ascii(std::string_view text) {
  if (text.size() < 8) return false;
  uint64_t word;
  std::memcpy(&word, text.data(), 8);
  return (word & 0x8080808080808080ull) == 0;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Removes the digits at the start of `text` and returns them.
std::string_view take_digits(std::string_view& text) {
  size_t size = 0;
  while (size < text.size() && is_digit(text[size])) ++size;
  const std::string_view digits = text.substr(0, size);
  text.remove_prefix(size);
  return digits;
}

// Digits to a number; false when it is beyond `greatest`.
bool digits_value(std::string_view digits, uint64_t greatest, uint64_t& value) {
  value = 0;
  for (const char c : digits) {
    value = value * 10 + static_cast<uint64_t>(c - '0');
    if (value > greatest) return false;
  }
  return true;
}

// The digits after the point, in microseconds, rounded up.
int64_t fraction_us(std::string_view digits) {
  int64_t us = 0;
  for (size_t place = 0; place < 6; ++place) us = us * 10 + (place < digits.size() ? digits[place] - '0' : 0);
  const bool more = digits.size() > 6 && digits.substr(6).find_first_not_of('0') != std::string_view::npos;
  return us + (more ? 1 : 0);
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t size = starts_with_eight_ascii(text) ? 8 : character_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

bool has_control_character(std::string_view text) {
  for (size_t index = 0; index < text.size(); ++index) {
    const auto byte = static_cast<unsigned char>(text[index]);
    if (byte < 0x20 || byte == 0x7f) return true;
    if (byte == 0xc2 && index + 1 < text.size() && static_cast<unsigned char>(text[index + 1]) < 0xa0) return true;
  }
  return false;
}

std::string_view utf8_prefix(std::string_view text, size_t size_max) {
  if (text.size() <= size_max) return text;
  size_t size = size_max;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return text.substr(0, size);
}

std::string repaired_utf8(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const size_t size = character_size(text);
    if (size == 0) {
      result += '?';
    } else {
      result += text.substr(0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return result;
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string in_quotes(std::string_view text) {
  const bool cut = text.size() > kQuotedBytes;
  std::string result = "'";
  for (const char c : text.substr(0, kQuotedBytes)) result += (c >= 0x20 && c < 0x7f) ? c : '?';
  return result + (cut ? "...'" : "'");
}

std::string shown_id(std::string_view routing_id) {
  if (is_utf8(routing_id) && !has_control_character(routing_id)) return std::string(routing_id);
  std::string result = "0x";
  for (const char byte : routing_id)
    fmt::format_to(std::back_inserter(result), "{:02x}", static_cast<unsigned char>(byte));
  return result;
}

Bytes slice(const Bytes& whole, std::string_view part) {
  if (part.empty()) return Bytes();
  if (whole.block() == nullptr) return Bytes::literal(part);
  whole.block()->add_reference();
  return Bytes::adopt(whole.block(), part.data(), part.size());
}

bool CommaList::next(std::string_view& item) {
  if (!more_) return false;
  const size_t comma = rest_.find(',');
  item = trimmed(rest_.substr(0, comma));
  rest_ = comma == std::string_view::npos ? std::string_view() : trimmed(rest_.substr(comma + 1));
  more_ = !rest_.empty();
  return true;
}

NumberFault parse_number(std::string_view text, uint32_t greatest, uint32_t& out) {
  const std::string_view digits = take_digits(text);
  if (digits.empty() || !text.empty()) return NumberFault::kNotANumber;
  uint64_t value = 0;
  if (!digits_value(digits, greatest, value)) return NumberFault::kOutOfRange;
  out = static_cast<uint32_t>(value);
  return NumberFault::kNone;
}

NumberFault parse_seconds(std::string_view text, Duration greatest, Duration& out) {
  const std::string_view whole = take_digits(text);
  if (whole.empty()) return NumberFault::kNotANumber;
  std::string_view fraction;
  if (!text.empty()) {
    if (text.front() != '.') return NumberFault::kNotANumber;
    text.remove_prefix(1);
    fraction = take_digits(text);
    if (fraction.empty() || !text.empty()) return NumberFault::kNotANumber;
  }
  uint64_t value = 0;
  if (!digits_value(whole, static_cast<uint64_t>(greatest.us / 1'000'000), value)) return NumberFault::kOutOfRange;
  const Duration result = seconds(static_cast<int64_t>(value)) + microseconds(fraction_us(fraction));
  if (result > greatest) return NumberFault::kOutOfRange;
  out = result;
  return NumberFault::kNone;
}

}  // namespace eventmq
