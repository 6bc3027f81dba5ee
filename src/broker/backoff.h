// How long a failed attempt waits before the next.
#pragma once

#include <cstdint>

#include "src/base/prng.h"
#include "src/base/time.h"

namespace eventmq {

// Exponential with equal jitter: before the n-th retry (n from 1), a random time from half to the whole of
// base * 2^(n-1), at most `longest`. Jitter keeps jobs that failed together from coming back together
// (Brooker, "Exponential Backoff And Jitter", 2015).
Duration retry_delay(Duration base, Duration longest, uint32_t retry, Prng& prng);

}  // namespace eventmq
