// A typed line as words, the way a shell would read it: blanks separate, '…' and "…" hold together, \ takes the next
// character as it is (inside "…" only before " and \).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/base/result.h"

namespace eventmq {

// Errors: kBadValue when a quote is not closed. A # at the start of a word begins a comment.
Result<std::vector<std::string>> words_of_line(std::string_view line);

}  // namespace eventmq
