// SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash whose collisions cannot be found without the key.
// For tables whose keys come from peers.
#pragma once

#include <cstdint>
#include <string_view>

namespace eventmq {

uint64_t siphash(uint64_t key0, uint64_t key1, std::string_view text);

}  // namespace eventmq
