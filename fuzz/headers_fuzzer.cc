// Headers from any text: what is accepted is within the limits, keeps its text, and its published form is
// accepted again and says the same.
#include <cstdint>
#include <string_view>

#include "src/base/assert.h"
#include "src/wire/headers.h"
#include "src/wire/text.h"

namespace {

using namespace eventmq;

void check_limits(const JobHeaders& headers) {
  const auto within = [](Duration span) { return span.us >= 0 && span <= limits::kHeaderDuration; };
  EMQ_ASSERT(headers.priority <= limits::kPriorityHighest);
  EMQ_ASSERT(headers.retry_count <= limits::kRetryCount);
  EMQ_ASSERT(within(headers.timeout) && within(headers.delay));
  EMQ_ASSERT(!headers.expires || within(*headers.expires));
  EMQ_ASSERT(!headers.backoff || within(*headers.backoff));
}

// Values are slices of the text.
void check_slice(const JobHeaders& headers, const Bytes& value) {
  EMQ_ASSERT(value.empty() || value.block() == headers.text.block());
  EMQ_ASSERT(headers.text.view().find(value.view()) != std::string_view::npos);
}

void check_published(const JobHeaders& headers) {
  const auto published = parse_headers(Bytes(published_headers(headers)));
  EMQ_ASSERT(published, "{}", published.error().text);
  EMQ_ASSERT(published->reply_requested);
  EMQ_ASSERT(published->guarantee == headers.guarantee && published->nohaste == headers.nohaste);
  EMQ_ASSERT(published->retry_count == headers.retry_count && published->run_count == headers.run_count);
  EMQ_ASSERT(published->timeout >= headers.timeout && published->timeout < headers.timeout + seconds(1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Bytes text(std::string_view(reinterpret_cast<const char*>(data), size));
  const auto headers = parse_headers(text);
  if (!headers) {
    EMQ_ASSERT(!headers.error().text.empty() && is_utf8(headers.error().text));
    return 0;
  }
  EMQ_ASSERT(headers->text == text);
  check_limits(*headers);
  check_slice(*headers, headers->unique);
  check_slice(*headers, headers->trace);
  check_published(*headers);
  return 0;
}
