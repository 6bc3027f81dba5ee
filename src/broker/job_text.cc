#include "src/broker/job_text.h"

#include <nlohmann/json.hpp>

#include "src/base/siphash.h"
#include "src/wire/limits.h"

namespace eventmq {
namespace {

using Map = nlohmann::json;

constexpr size_t kNameHead = 4096;
constexpr size_t kLongestCompared = 65536;

// Takes path and callable from [..., {"path": ..., "callable": ...}] as they go by, so that it does not matter where
// the text is cut.
class NameReader : public nlohmann::json_sax<Map> {
 public:
  std::string name() const { return callable_.empty() || path_.empty() ? callable_ : path_ + "." + callable_; }

  bool null() override { return value(); }
  bool boolean(bool) override { return value(); }
  bool number_integer(number_integer_t) override { return value(); }
  bool number_unsigned(number_unsigned_t) override { return value(); }
  bool number_float(number_float_t, const string_t&) override { return value(); }
  bool binary(binary_t&) override { return value(); }
  bool string(string_t& text) override {
    if (wanted_) *wanted_ = std::move(text);
    return value();
  }
  bool key(string_t& key) override {
    wanted_ = depth_ != 2 || element_ != 2 ? nullptr
              : key == "path"              ? &path_
              : key == "callable"          ? &callable_
                                           : nullptr;
    return true;
  }
  bool start_object(size_t) override { return open('{'); }
  bool start_array(size_t) override { return open('['); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  // False, which ends the reading, where a job message has something else.
  bool value() {
    wanted_ = nullptr;
    if (depth_ == 1) ++element_;
    return depth_ > 0 && (depth_ > 1 || element_ == 1);
  }
  bool open(char bracket) {
    const bool fits = value_fits(bracket);
    wanted_ = nullptr;
    if (depth_ == 1) ++element_;
    ++depth_;
    return fits;
  }
  bool value_fits(char bracket) const {
    if (depth_ == 0) return bracket == '[';
    return depth_ > 1 || (element_ == 1 && bracket == '{');
  }
  bool close() {
    --depth_;
    return depth_ > 1;  // after the object there is nothing more to see
  }

  size_t depth_ = 0;
  size_t element_ = 0;  // elements of the outer list that began
  std::string path_, callable_;
  std::string* wanted_ = nullptr;  // where the next value goes
};

// What tells one schedule from another; a part that is missing is as good as an empty one.
std::string schedule_identity(const Map& call) {
  Map parts = Map::array();
  for (const char* key : {"path", "callable", "args", "kwargs", "class_args", "class_kwargs"}) {
    const auto found = call.find(key);
    const bool given = found != call.end() && !found->is_null() && !(found->is_structured() && found->empty());
    parts.push_back(given ? *found : Map());
  }
  return parts.dump();
}

}  // namespace

std::string job_name(std::string_view message) {
  NameReader reader;
  Map::sax_parse(message.substr(0, kNameHead), &reader);
  return reader.name();
}

uint64_t schedule_number(std::string_view message) {
  const auto number = [](std::string_view text) { return siphash(0, 0, text); };
  if (message.size() > kLongestCompared) return number(message);
  bool deep = false;  // copies and dump() would recurse
  const auto look = [&deep](int depth, Map::parse_event_t, Map&) {
    deep = deep || static_cast<size_t>(depth) > limits::kJsonDepth;
    return !deep;
  };
  const Map parsed = Map::parse(message, look, false);
  if (deep || !parsed.is_array() || parsed.size() != 2 || !parsed[1].is_object()) return number(message);
  return number(schedule_identity(parsed[1]));
}

}  // namespace eventmq
