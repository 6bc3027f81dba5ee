// SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash whose collisions cannot be found without the key.
// For tables whose keys come from peers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace eventmq {

uint64_t siphash(uint64_t key0, uint64_t key1, std::string_view text);

// The hash of an unordered container whose keys peers choose: nobody who lacks the key can make them collide.
// (Not noexcept on purpose: the container then stores each hash beside its key instead of computing it again.)
struct KeyedHash {
  uint64_t key0;
  uint64_t key1;
  size_t operator()(std::string_view text) const { return siphash(key0, key1, text); }
};

}  // namespace eventmq
