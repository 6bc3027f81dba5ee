#include "src/base/id_source.h"

#include <bit>

#include "src/base/assert.h"
#include "src/base/prng.h"

namespace eventmq {

IdSource::IdSource(const std::array<uint64_t, 4>& seed) : state_(seed) {
  EMQ_ASSERT((seed[0] | seed[1] | seed[2] | seed[3]) != 0);
}

IdSource IdSource::from_small_seed(uint64_t seed) {
  Prng prng(seed);
  return IdSource({prng.next(), prng.next(), prng.next(), prng.next()});
}

uint64_t IdSource::next_number() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

Bytes IdSource::next() {
  static constexpr char kDigits[] = "0123456789abcdef";
  const uint64_t high = (next_number() & ~0xf000ull) | 0x4000ull;       // version 4
  const uint64_t low = (next_number() & ~(3ull << 62)) | (2ull << 62);  // variant 10
  std::array<char, 36> text;
  size_t at = 0;
  for (int nibble = 0; nibble < 32; ++nibble) {
    if (nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20) text[at++] = '-';
    const uint64_t word = nibble < 16 ? high : low;
    text[at++] = kDigits[(word >> (60 - 4 * (nibble % 16))) & 0xf];
  }
  return Bytes(std::string_view(text.data(), text.size()));
}

}  // namespace eventmq
