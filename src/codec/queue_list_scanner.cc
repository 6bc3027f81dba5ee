#include "src/codec/queue_list_scanner.h"

#include <fmt/format.h>

#include "src/wire/limits.h"
#include "src/wire/text.h"

namespace eventmq {
namespace {

// What a backslash and this character stand for; 0 if the pair is no escape.
char escaped_character(char c) {
  switch (c) {
    case '"':
    case '\'':
    case '\\':
    case '/':
      return c;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return '\0';
  }
}

void append_utf8(std::string& text, uint32_t code) {
  const auto add = [&](uint32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xc0 | (code >> 6));
    add(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    add(0xe0 | (code >> 12));
    add(0x80 | ((code >> 6) & 0x3f));
    add(0x80 | (code & 0x3f));
  } else {
    add(0xf0 | (code >> 18));
    add(0x80 | ((code >> 12) & 0x3f));
    add(0x80 | ((code >> 6) & 0x3f));
    add(0x80 | (code & 0x3f));
  }
}

bool is_high_surrogate(uint32_t code) { return code >= 0xd800 && code < 0xdc00; }
bool is_low_surrogate(uint32_t code) { return code >= 0xdc00 && code < 0xe000; }

}  // namespace

Result<std::vector<QueueWeight>> QueueListScanner::scan() {
  skip_blanks();
  const size_t start = at_;
  take('[');
  skip_blanks();
  const bool enclosed = peek() == '[' || peek() == ']';
  if (!enclosed) at_ = start;
  if (Fault found = scan_pairs(enclosed)) return tl::unexpected<Error>(std::move(*found));
  return std::move(queues_);
}

// Pairs with commas between them, up to the closing bracket if they are enclosed in a list, and then the end.
QueueListScanner::Fault QueueListScanner::scan_pairs(bool enclosed) {
  if (!enclosed || !take(']')) {
    do {
      skip_blanks();
      if (Fault found = scan_pair()) return found;
      skip_blanks();
    } while (take(','));
    if (enclosed) {
      if (Fault found = expect(']', "a comma or the end of the list")) return found;
    }
  }
  skip_blanks();
  if (!at_end()) return fault("more text follows the list");
  return std::nullopt;
}

QueueListScanner::Fault QueueListScanner::scan_pair() {
  if (queues_.size() == limits::kQueuesPerInform) {
    return Error{ErrorCode::kTooLarge, fmt::format("more than {} queues", limits::kQueuesPerInform)};
  }
  QueueWeight queue;
  if (Fault found = expect('[', "a pair [weight, \"name\"]")) return found;
  if (Fault found = scan_weight(queue.weight)) return found;
  if (Fault found = expect(',', "a comma after the weight")) return found;
  if (Fault found = scan_name(queue.name)) return found;
  if (Fault found = expect(']', "the end of the pair after the name")) return found;
  queues_.push_back(std::move(queue));
  return std::nullopt;
}

QueueListScanner::Fault QueueListScanner::scan_weight(uint32_t& weight) {
  skip_blanks();
  const size_t end = text_.find_first_of(", \t\r\n[]", at_);
  const std::string_view number = text_.substr(at_, end == std::string_view::npos ? end : end - at_);
  if (parse_number(number, limits::kQueueWeight, weight) != NumberFault::kNone) {
    return fault(
        fmt::format("a weight is a whole number from 0 to {}, not {}", limits::kQueueWeight, in_quotes(number)));
  }
  at_ += number.size();
  return std::nullopt;
}

QueueListScanner::Fault QueueListScanner::scan_name(Bytes& name) {
  skip_blanks();
  const char quote = peek();
  if (quote != '"' && quote != '\'') return fault("a name is text in quotes");
  const size_t start = ++at_;
  std::string unescaped;  // the name so far, once an escape was met
  bool has_escape = false;
  while (!at_end() && peek() != quote) {
    if (peek() != '\\') {
      if (has_escape) unescaped += peek();
      ++at_;
      continue;
    }
    if (!has_escape) unescaped = text_.substr(start, at_ - start);
    has_escape = true;
    if (Fault found = scan_escape(unescaped)) return found;
  }
  if (at_end()) return fault("a name has no closing quote");
  name = has_escape ? Bytes(unescaped) : slice(whole_, text_.substr(start, at_ - start));
  ++at_;
  return std::nullopt;
}

QueueListScanner::Fault QueueListScanner::scan_escape(std::string& unescaped) {
  take('\\');
  if (take('u')) return scan_unicode_escape(unescaped);
  const char c = escaped_character(peek());
  if (c == '\0') return fault("a backslash begins no escape that JSON knows");
  unescaped += c;
  ++at_;
  return std::nullopt;
}

// Four hexadecimal digits, or a surrogate pair of them, after \u.
QueueListScanner::Fault QueueListScanner::scan_unicode_escape(std::string& unescaped) {
  uint32_t code = 0;
  if (Fault found = scan_hex4(code)) return found;
  if (is_low_surrogate(code)) return fault("a \\u escape is half a surrogate pair");
  if (is_high_surrogate(code)) {
    uint32_t low = 0;
    if (!take('\\') || !take('u')) return fault("a \\u escape is half a surrogate pair");
    if (Fault found = scan_hex4(low)) return found;
    if (!is_low_surrogate(low)) return fault("a \\u escape is half a surrogate pair");
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  }
  append_utf8(unescaped, code);
  return std::nullopt;
}

QueueListScanner::Fault QueueListScanner::scan_hex4(uint32_t& value) {
  value = 0;
  for (int digit = 0; digit < 4; ++digit, ++at_) {
    const char c = peek();
    const char lower = static_cast<char>(c | 0x20);
    if (c >= '0' && c <= '9') {
      value = value * 16 + static_cast<uint32_t>(c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      value = value * 16 + static_cast<uint32_t>(lower - 'a') + 10;
    } else {
      return fault("a \\u escape needs four hexadecimal digits");
    }
  }
  return std::nullopt;
}

QueueListScanner::Fault QueueListScanner::expect(char wanted, std::string_view what) {
  skip_blanks();
  if (take(wanted)) return std::nullopt;
  return fault(fmt::format("expected {}", what));
}

QueueListScanner::Fault QueueListScanner::fault(std::string text) const {
  return Error{ErrorCode::kBadMessage, fmt::format("at byte {}: {}", at_, text)};
}

void QueueListScanner::skip_blanks() {
  while (!at_end() && std::string_view(" \t\r\n").find(peek()) != std::string_view::npos) ++at_;
}

bool QueueListScanner::take(char wanted) {
  if (at_end() || peek() != wanted) return false;
  ++at_;
  return true;
}

}  // namespace eventmq
