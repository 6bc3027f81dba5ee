#include "src/programs/query_filters.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "src/base/assert.h"

namespace eventmq {
namespace {

using Json = nlohmann::ordered_json;

Result<Json> value_of(const QueryFilter& filter, const std::string& typed) {
  switch (filter.type) {
    case QueryFilter::Type::kText:
      return Json(typed);
    case QueryFilter::Type::kAge:
      return parse_seconds(typed).map([](Duration age) { return Json(age.seconds()); });
    case QueryFilter::Type::kCount:
      return parse_count(typed).map([](uint64_t count) { return Json(count); });
  }
  EMQ_ASSERT(false);
}

}  // namespace

Result<void> add_filters(const Invocation& invocation, std::span<const QueryFilter> filters, Json& arguments) {
  for (const QueryFilter& filter : filters) {
    if (!invocation.has(filter.flag)) continue;
    Result<Json> value = value_of(filter, invocation.value(filter.flag));
    if (!value) return fail(ErrorCode::kBadValue, fmt::format("{}: {}", filter.flag, value.error().text));
    arguments[filter.argument] = std::move(*value);
  }
  return {};
}

std::string query_text(const Json& arguments) { return arguments.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace eventmq
