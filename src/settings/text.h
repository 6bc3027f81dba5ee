// What the readers of settings have in common.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "src/base/result.h"

namespace eventmq {

// Without the blanks around it; line ends are blanks too.
std::string_view trim(std::string_view text);

// A to Z become a to z.
std::string lower(std::string_view text);

inline tl::unexpected<Error> bad_value(std::string text) { return fail(ErrorCode::kBadValue, std::move(text)); }

}  // namespace eventmq
