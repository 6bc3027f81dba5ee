#include "src/runtime/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstring>

#include "src/base/assert.h"

namespace eventmq {
namespace {

// Requests of up to 256 bytes are answered whole once they are answered.
void fill(void* bytes, size_t size) {
  ssize_t got;
  do {
    got = ::getrandom(bytes, size, 0);
  } while (got == -1 && errno == EINTR);
  EMQ_ASSERT(got == static_cast<ssize_t>(size), "getrandom: {}", std::strerror(errno));
}

}  // namespace

uint64_t random_number() {
  uint64_t number;
  fill(&number, sizeof number);
  return number;
}

std::array<uint64_t, 4> random_seed() {
  std::array<uint64_t, 4> seed;
  fill(seed.data(), sizeof seed);
  if ((seed[0] | seed[1] | seed[2] | seed[3]) == 0) seed[0] = 1;
  return seed;
}

}  // namespace eventmq
