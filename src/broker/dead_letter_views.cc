#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "src/broker/dead_letters.h"
#include "src/broker/view_json.h"
#include "src/wire/limits.h"
#include "src/wire/text.h"

namespace eventmq {
namespace {

using Json = nlohmann::ordered_json;
using Map = nlohmann::json;

constexpr size_t kMessageShown = 4096;  // bytes

class ArgumentReader {
 public:
  ArgumentReader(DeadView view, Instant now, DeadQuery& query) : view_(view), now_(now), query_(query) {}

  Result<void> read(const std::string& key, const Map& value) {
    if (key == "id" || key == "queue" || key == "name" || key == "cause") return read_text(key, value);
    if (key == "older_than" || key == "newer_than") return read_age(key, value);
    if (key == "limit" || key == "after") return read_number(key, value);
    if (key == "all" && value.is_boolean()) {
      all_ = value.get<bool>();
      return {};
    }
    return fail(ErrorCode::kBadValue, key == "all" ? "argument all is true or false" : "QUERY has no argument " + key);
  }

  Result<void> check() const {
    if (view_ == DeadView::kShow && query_.id.empty()) return fail(ErrorCode::kBadValue, "the argument id is missing");
    const bool changes = view_ == DeadView::kRetry || view_ == DeadView::kDelete;
    if (!changes || filtered_ || all_) return {};
    return fail(ErrorCode::kBadValue, "an id or a filter is missing; all, set to true, means every dead letter");
  }

 private:
  Result<void> read_text(const std::string& key, const Map& value) {
    if (!value.is_string() || value.get_ref<const std::string&>().empty()) {
      return fail(ErrorCode::kBadValue, fmt::format("argument {} is a text", key));
    }
    filtered_ = true;
    const auto& text = value.get_ref<const std::string&>();
    if (key != "cause") {
      (key == "id" ? query_.id : key == "queue" ? query_.queue : query_.name) = Bytes(text);
      return {};
    }
    Outcome cause = Outcome::kError;
    if (!outcome_from_word(text, cause) || !is_dead(cause)) {
      return fail(ErrorCode::kBadValue, "a cause is error, timeout, killed, lost or unknown-job");
    }
    query_.cause = cause;
    return {};
  }

  Result<void> read_age(const std::string& key, const Map& value) {
    const double age = value.is_number() ? value.get<double>() : -1;
    if (!(age >= 0 && age <= limits::kHeaderDuration.seconds())) {
      return fail(ErrorCode::kBadValue, fmt::format("argument {} is a number of seconds", key));
    }
    filtered_ = true;
    if (key == "older_than" && age == 0) return {};  // even of a death still to come, since the clock was set back
    const Instant then = now_ - Duration{static_cast<int64_t>(age * 1e6)};
    (key == "older_than" ? query_.until : query_.from) = then;
    return {};
  }

  Result<void> read_number(const std::string& key, const Map& value) {
    if (!value.is_number_unsigned())
      return fail(ErrorCode::kBadValue, fmt::format("argument {} is a whole number", key));
    const uint64_t number = value.get<uint64_t>();
    if (key == "limit") {
      query_.letters = static_cast<uint32_t>(std::clamp<uint64_t>(number, 1, limits::kListingRows));
    } else {
      query_.after = std::min<uint64_t>(number, std::numeric_limits<int64_t>::max());
    }
    return {};
  }

  DeadView view_;
  Instant now_;
  DeadQuery& query_;
  bool filtered_ = false;
  bool all_ = false;
};

Json row_of(const DeadLetter& letter, Instant now) {
  return {{"id", letter.id.str()},         {"queue", letter.queue.str()},
          {"name", letter.name.str()},     {"cause", outcome_word(letter.cause)},
          {"error", letter.error.str()},   {"attempts", letter.attempts},
          {"losses", letter.losses},       {"died_seconds_ago", (now - letter.ended_at).seconds()},
          {"bytes", letter.payload_bytes}, {"number", letter.number}};
}

}  // namespace

std::optional<DeadView> dead_view(std::string_view what) {
  if (what == "dead") return DeadView::kList;
  if (what == "dead-show") return DeadView::kShow;
  if (what == "dead-retry") return DeadView::kRetry;
  if (what == "dead-delete") return DeadView::kDelete;
  return std::nullopt;
}

Result<DeadQuery> dead_query(DeadView view, std::string_view arguments, Instant now) {
  if (arguments.size() > limits::kQueryBytes) {
    return fail(ErrorCode::kTooLarge, "the arguments of QUERY are too long");
  }
  const Map json = arguments.empty() ? Map::object() : Map::parse(arguments, nullptr, false);
  if (!json.is_object()) return fail(ErrorCode::kBadValue, "the arguments of QUERY are a JSON object");
  DeadQuery query;
  ArgumentReader reader(view, now, query);
  for (const auto& [key, value] : json.items()) {
    if (Result<void> read = reader.read(key, value); !read) return tl::unexpected(read.error());
  }
  if (Result<void> checked = reader.check(); !checked) return tl::unexpected(checked.error());
  if (view == DeadView::kShow || view == DeadView::kRetry) {
    query.payloads = true;
    query.bytes = limits::kClaimBytes;
  }
  return query;
}

std::string dead_list(const DeadLetters& found, Instant now) {
  Json json = {{"dead", Json::array()}};
  for (const DeadLetter& letter : found.letters) json["dead"].push_back(row_of(letter, now));
  if (found.more) json["next"] = found.letters.back().number;
  return view_text(json);
}

std::string dead_letter(const DeadLetter& letter, Instant now) {
  Json json = row_of(letter, now);
  json["accepted_seconds_ago"] = (now - letter.accepted_at).seconds();
  json["headers"] = letter.headers.str();
  json["message"] =
      std::string(utf8_prefix(repaired_utf8(letter.payload.view().substr(0, kMessageShown)), kMessageShown));
  json["history"] = history_json(letter.history.view(), now);
  return view_text(json);
}

std::string dead_changes(std::string_view done, uint64_t count, uint64_t skipped, const DeadLetters& found) {
  Json json = {{std::string(done), count}};
  if (skipped > 0) json["skipped"] = skipped;
  if (found.more) json["next"] = found.letters.back().number;
  return view_text(json);
}

}  // namespace eventmq
