#include "src/programs/json_argument.h"

#include <fmt/format.h>

#include "src/wire/json_value.h"
#include "src/wire/limits.h"

namespace eventmq {
namespace {

constexpr size_t kDigitsShown = 40;

// Reads on until a whole number that is no integer of 64 bits.
class WideNumberFinder final : public Json::json_sax_t {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t& digits) override {
    if (digits.find_first_of(".eE") == std::string::npos) found = digits;
    return found.empty();
  }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(size_t, const std::string&, const Json::exception&) override { return false; }

  std::string found;
};

std::string wide_number_in(const std::string& text) {
  WideNumberFinder finder;
  Json::sax_parse(text, &finder);
  return finder.found;
}

tl::unexpected<Error> unfit(std::string text) { return fail(ErrorCode::kBadValue, std::move(text)); }

tl::unexpected<Error> refused(const std::string& number) {
  const std::string shown = number.size() <= kDigitsShown ? number : number.substr(0, kDigitsShown) + "…";
  return unfit(fmt::format("the number {} has no room in 64 bits: write it as text, in quotes", shown));
}

// The value, unless it cannot be said as it was typed; `name` begins the error's text. Copies and dump() of one that is
// nested without end would overflow the stack.
Result<Json> fitting(Json json, const std::string& text, std::string_view name) {
  const std::string problem = json_problem(json, limits::kJsonDepth - 2);
  if (!problem.empty()) return unfit(fmt::format("{} {}", name, problem));
  const std::string wide = wide_number_in(text);
  if (!wide.empty()) return refused(wide);
  return json;
}

}  // namespace

Result<Json> json_argument(const std::string& text) {
  Json json = Json::parse(text, nullptr, false);
  const bool loses_digits = json.is_number() && !wide_number_in(text).empty();
  if (json.is_discarded() || loses_digits) return Json(text);
  return fitting(std::move(json), text, "an argument");
}

Result<Json> json_object(const std::string& text, std::string_view name) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return unfit(fmt::format("{} must be a JSON object, as {{\"year\": 2026}}", name));
  return fitting(std::move(json), text, name);
}

}  // namespace eventmq
