#include "eventmq/error.h"

#include <array>

namespace eventmq {
namespace {

struct Entry {
  ErrorCode code;
  std::string_view word;
  ErrorClass error_class;
  std::string_view meaning;
};

constexpr auto kEntries = std::to_array<Entry>({
#define EVENTMQ_X(name, word, class_name, meaning) {ErrorCode::name, word, ErrorClass::class_name, meaning},
    EVENTMQ_ERROR_CODES(EVENTMQ_X)
#undef EVENTMQ_X
});

const Entry& entry(ErrorCode code) { return kEntries[static_cast<size_t>(code)]; }

}  // namespace

std::string_view error_word(ErrorCode code) { return entry(code).word; }
ErrorClass error_class(ErrorCode code) { return entry(code).error_class; }
std::string_view error_meaning(ErrorCode code) { return entry(code).meaning; }

ErrorCode error_code_from_word(std::string_view word) {
  for (const Entry& candidate : kEntries) {
    if (candidate.word == word) return candidate.code;
  }
  return ErrorCode::kBadMessage;
}

}  // namespace eventmq
