#include "src/base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace eventmq {

void assertion_failed(const char* condition, const char* file, int line, const std::string& details) {
  std::fprintf(stderr, "eventmq: bug: assertion failed: %s at %s:%d %s\n", condition, file, line, details.c_str());
  std::fflush(stderr);
  std::abort();
}

}  // namespace eventmq
