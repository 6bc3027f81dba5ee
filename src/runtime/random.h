// Randomness from the operating system, to seed generators with.
#pragma once

#include <array>
#include <cstdint>

namespace eventmq {

// Waits, early in a machine's start, until the system has gathered randomness. Thread-safe.
uint64_t random_number();
// Never all zero, as IdSource asks.
std::array<uint64_t, 4> random_seed();

}  // namespace eventmq
