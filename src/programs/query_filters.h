// Flags that become arguments of a query: which jobs or dead letters are meant, and which page of them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include "src/programs/command.h"

namespace eventmq {

struct QueryFilter {
  enum class Type { kText, kAge, kCount };  // an age goes as seconds
  const char* flag;
  const char* argument;
  Type type = Type::kText;
};

// Adds those of the flags that were typed. Errors: kBadValue, with the flag's name.
Result<void> add_filters(const Invocation& invocation, std::span<const QueryFilter> filters,
                         nlohmann::ordered_json& arguments);

// The arguments as a query carries them.
std::string query_text(const nlohmann::ordered_json& arguments);

}  // namespace eventmq
