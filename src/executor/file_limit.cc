#include "src/executor/file_limit.h"

namespace eventmq {
namespace {

rlimit read_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit;
}

rlimit& inherited() {
  static rlimit limit = read_limit();
  return limit;
}

}  // namespace

void raise_file_limit() {
  rlimit limit = inherited();
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

rlimit inherited_file_limit() { return inherited(); }

}  // namespace eventmq
