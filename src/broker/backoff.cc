#include "src/broker/backoff.h"

#include <algorithm>

namespace eventmq {

Duration retry_delay(Duration base, Duration longest, uint32_t retry, Prng& prng) {
  EMQ_ASSERT(retry >= 1);
  Duration whole = std::min(base, longest);
  for (uint32_t i = 1; i < retry && whole < longest && whole.us > 0; ++i) whole = std::min(whole * 2, longest);
  const int64_t half = whole.us / 2;
  return {half + static_cast<int64_t>(prng.below(static_cast<uint64_t>(whole.us - half) + 1))};
}

}  // namespace eventmq
