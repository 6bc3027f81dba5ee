// JSON as text that is checked once and then passed on in pieces: a job manager hands arguments and results from
// peer to process and back without building them as values, so what a peer sends costs it no more memory than
// its bytes, however it is nested.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "src/base/result.h"

namespace eventmq {

// One JSON value in UTF-8, nested to at most depth_max levels. Errors: kBadMessage, with the place and the reason.
Result<void> check_json(std::string_view text, size_t depth_max);

// --- For text that has passed check_json ---

enum class JsonKind { kNull, kBoolean, kNumber, kString, kArray, kObject };
// `value` may have white space around it.
JsonKind json_kind(std::string_view value);

// Calls take(key, value) for each member of an object, in order; the value is a slice of `object`. Stops when take
// returns false, and then returns false.
bool for_each_member(std::string_view object,
                     const std::function<bool(std::string_view key, std::string_view value)>& take);
// The same for the elements of an array.
bool for_each_element(std::string_view array, const std::function<bool(std::string_view value)>& take);

// The text that a JSON string stands for.
std::string json_string_value(std::string_view value);
double json_number_value(std::string_view value);

// `text` as a JSON string, quoted. Bytes that are not UTF-8 become U+FFFD.
std::string json_quoted(std::string_view text);

// Appends a value on one line: line breaks between its tokens become spaces.
void append_on_one_line(std::string& line, std::string_view value);

}  // namespace eventmq
