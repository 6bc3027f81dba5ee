// Unique ids for messages, as UUIDv4 text (RFC 9562 section 5.4).
#pragma once

#include <array>
#include <cstdint>

#include "src/base/bytes.h"

namespace eventmq {

// Generates ids from a 256-bit state (xoshiro256**, Blackman and Vigna 2018), so that programs with
// different random seeds never share a sequence in practice, and a simulation repeats from its seed.
// Not thread-safe. Ids are not secrets.
class IdSource {
 public:
  // The seed must not be all zero. Programs take it from the operating system, tests from a Prng.
  explicit IdSource(const std::array<uint64_t, 4>& seed);
  // Expands a small seed; for tests and simulations.
  static IdSource from_small_seed(uint64_t seed);

  Bytes next();

 private:
  uint64_t next_number();
  std::array<uint64_t, 4> state_;
};

}  // namespace eventmq
