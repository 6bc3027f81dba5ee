// A seeded pseudo-random number generator. Integer arithmetic only, so a seed means the same sequence on
// every machine for ever (SplitMix64, Steele, Lea and Flood, OOPSLA 2014). Not for secrets.
#pragma once

#include <cstdint>

#include "src/base/assert.h"

namespace eventmq {

class Prng {
 public:
  explicit Prng(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }

  // A number from 0 to bound - 1; bound must not be 0. The bias of the multiplication is below 2^-32 for
  // the bounds used here.
  uint64_t below(uint64_t bound) {
    EMQ_ASSERT(bound > 0);
    return static_cast<uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
  }

  // True in `percent` of 100 calls.
  bool chance(unsigned percent) { return below(100) < percent; }

 private:
  uint64_t state_;
};

}  // namespace eventmq
