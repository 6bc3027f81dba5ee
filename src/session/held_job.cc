#include "src/session/held_job.h"

#include <algorithm>

#include "src/wire/limits.h"
#include "src/wire/text.h"

namespace eventmq {

Progress bounded_progress(Bytes request_id, double fraction, const Bytes& text) {
  const double bounded = fraction > 0 ? std::min(fraction, 1.0) : 0.0;  // not a number becomes 0
  Bytes whole = is_utf8(text.view()) ? text : Bytes(repaired_utf8(text.view()));
  return Progress{std::move(request_id), bounded, slice(whole, utf8_prefix(whole.view(), limits::kProgressTextBytes))};
}

}  // namespace eventmq
