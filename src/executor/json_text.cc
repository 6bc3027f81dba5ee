#include "src/executor/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "src/base/assert.h"

namespace eventmq {
namespace {

// Accepts everything but too many levels, and keeps why the parser stopped.
class DepthCheck : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit DepthCheck(size_t depth_max) : depth_max_(depth_max) {}
  const std::string& problem() const { return problem_; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool key(string_t&) override { return true; }
  bool start_object(std::size_t) override { return enter(); }
  bool end_object() override { return leave(); }
  bool start_array(std::size_t) override { return enter(); }
  bool end_array() override { return leave(); }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception& error) override {
    // "[json.exception.parse_error.101] parse error at …: syntax error …; last read: …" without its code.
    const std::string_view text = error.what();
    const size_t code_end = text.find("] ");
    const std::string_view reason = code_end == std::string_view::npos ? text : text.substr(code_end + 2);
    problem_ = fmt::format("at byte {}: {}", position, reason.substr(0, kReasonBytes));
    return false;
  }

 private:
  static constexpr size_t kReasonBytes = 200;

  bool enter() {
    if (++depth_ <= depth_max_) return true;
    problem_ = fmt::format("it is nested deeper than {} levels", depth_max_);
    return false;
  }
  bool leave() {
    --depth_;
    return true;
  }

  size_t depth_max_;
  size_t depth_ = 0;
  std::string problem_;
};

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// The end of the string that begins with the quote at `at`: one past its closing quote.
size_t end_of_string(std::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return std::min(at + 1, text.size());
}

// One past the value that begins at `at`.
size_t end_of_value(std::string_view text, size_t at) {
  size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = end_of_string(text, at);
    } else if (c == '{' || c == '[') {
      ++depth;
      ++at;
      continue;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return at;
      --depth;
      ++at;
    } else if (depth == 0 && (c == ',' || is_space(c))) {
      return at;
    } else {
      ++at;
      continue;
    }
    if (depth == 0) return at;  // a string, array or object has ended
  }
  return at;
}

size_t skip_spaces_and(char separator, std::string_view text, size_t at) {
  while (at < text.size() && (is_space(text[at]) || text[at] == separator)) ++at;
  return at;
}

}  // namespace

Result<void> check_json(std::string_view text, size_t depth_max) {
  // The parser takes a zero byte for the end of its input.
  if (text.find('\0') != std::string_view::npos)
    return fail(ErrorCode::kBadMessage, "not JSON as expected: it has a zero byte");
  DepthCheck check(depth_max);
  if (nlohmann::json::sax_parse(text.begin(), text.end(), &check)) return {};
  return fail(ErrorCode::kBadMessage, "not JSON as expected: " + check.problem());
}

JsonKind json_kind(std::string_view value) {
  value = trimmed(value);
  EMQ_ASSERT(!value.empty());
  switch (value.front()) {
    case '{':
      return JsonKind::kObject;
    case '[':
      return JsonKind::kArray;
    case '"':
      return JsonKind::kString;
    case 'n':
      return JsonKind::kNull;
    case 't':
    case 'f':
      return JsonKind::kBoolean;
    default:
      return JsonKind::kNumber;
  }
}

bool for_each_member(std::string_view object,
                     const std::function<bool(std::string_view key, std::string_view value)>& take) {
  object = trimmed(object);
  std::string decoded;
  for (size_t at = skip_spaces_and(',', object, 1); object[at] != '}'; at = skip_spaces_and(',', object, at)) {
    const size_t key_end = end_of_string(object, at);
    std::string_view key = object.substr(at + 1, key_end - at - 2);
    if (key.find('\\') != std::string_view::npos) {
      decoded = json_string_value(object.substr(at, key_end - at));
      key = decoded;
    }
    const size_t value_at = skip_spaces_and(':', object, key_end);
    at = end_of_value(object, value_at);
    if (!take(key, object.substr(value_at, at - value_at))) return false;
  }
  return true;
}

bool for_each_element(std::string_view array, const std::function<bool(std::string_view value)>& take) {
  array = trimmed(array);
  for (size_t at = skip_spaces_and(',', array, 1); array[at] != ']'; at = skip_spaces_and(',', array, at)) {
    const size_t value_at = at;
    at = end_of_value(array, at);
    if (!take(array.substr(value_at, at - value_at))) return false;
  }
  return true;
}

std::string json_string_value(std::string_view value) {
  value = trimmed(value);
  if (value.find('\\') == std::string_view::npos) return std::string(value.substr(1, value.size() - 2));
  return nlohmann::json::parse(value).get<std::string>();
}

double json_number_value(std::string_view value) { return nlohmann::json::parse(trimmed(value)).get<double>(); }

std::string json_quoted(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void append_on_one_line(std::string& line, std::string_view value) {
  const size_t from = line.size();
  line += value;
  // Inside a JSON string a line break is always escaped, so a bare one is white space.
  std::replace_if(
      line.begin() + static_cast<std::ptrdiff_t>(from), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
}

}  // namespace eventmq
