// Text that peers send: what is UTF-8, lists with commas, numbers, and how to show a piece of it to a person.
// All of it is strict about bytes and allocates nothing unless it returns a std::string.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "src/base/bytes.h"
#include "src/base/time.h"

namespace eventmq {

// Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing beyond U+10FFFF. Empty text is.
bool is_utf8(std::string_view text);
// True if a character is a control character: U+0000 to U+001F or U+007F to U+009F. The text must be UTF-8.
bool has_control_character(std::string_view text);
// The longest part from the start that has at most `size_max` bytes and cuts no character. The text must be UTF-8.
std::string_view utf8_prefix(std::string_view text, size_t size_max);
// The text with every byte that is not part of well-formed UTF-8 replaced by '?'.
std::string repaired_utf8(std::string_view text);

// Without the blanks (space, tab) at both ends.
std::string_view trimmed(std::string_view text);

// A piece of a peer's text for an error message: in single quotes, cut to 60 bytes, anything that is not
// printable ASCII shown as '?'.
std::string in_quotes(std::string_view text);

// A peer's routing id as people see it: as it is if it is UTF-8 without control characters, and else, as of a peer that
// gave none, its bytes in hexadecimal: 0x006b8b4567.
std::string shown_id(std::string_view routing_id);

// A slice of `whole` that shares its memory. `part` must be a view into `whole`.
Bytes slice(const Bytes& whole, std::string_view part);

// The items of a list with commas, one after the other, without the blanks around them. Text that is empty
// or all blanks has no items, and one comma at the end adds none; any other two commas in a row have an
// empty item between them.
//
//   CommaList list(text);
//   for (std::string_view item; list.next(item);) ...
class CommaList {
 public:
  explicit CommaList(std::string_view text) : rest_(trimmed(text)), more_(!rest_.empty()) {}
  // False at the end; `item` is then untouched.
  bool next(std::string_view& item);

 private:
  std::string_view rest_;
  bool more_;
};

enum class NumberFault : uint8_t {
  kNone,
  kNotANumber,  // not of the form at all
  kOutOfRange,  // beyond the greatest value given
};
// Decimal digits only. `out` is untouched on a fault.
NumberFault parse_number(std::string_view text, uint32_t greatest, uint32_t& out);
// Seconds as decimal digits, perhaps with a point and more digits ("0.5"). Parts of a microsecond are rounded
// up, so that what is not zero does not become zero. `out` is untouched on a fault.
NumberFault parse_seconds(std::string_view text, Duration greatest, Duration& out);

}  // namespace eventmq
