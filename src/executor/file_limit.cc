#include "src/executor/file_limit.h"

#include <fmt/format.h>

namespace eventmq {
namespace {

constexpr uint64_t kFilesOfProcess = 3;  // its channel, its output, its end
// About 20 for the connection, the log and signals; the ends of processes that start, and some processes that leave. If
// many leave at once, as when settings change, some of their successors are started a moment later.
constexpr uint64_t kFilesOfManager = 40;

rlimit read_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit;
}

uint64_t files_of(uint64_t processes) { return kFilesOfManager + kFilesOfProcess * processes; }

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

Result<void> check_file_limit(uint64_t processes) {
  const uint64_t files = read_limit().rlim_max;
  if (files_of(processes) <= files) return {};
  const uint64_t possible = files > kFilesOfManager ? (files - kFilesOfManager) / kFilesOfProcess : 0;
  const std::string fewer = possible == 0 ? "" : fmt::format(", or set concurrent_jobs to at most {}", possible);
  return tl::unexpected(Error{
      ErrorCode::kSystem, fmt::format("{} worker processes need {} open files, and this program may open {}: raise its "
                                      "limit (`ulimit -n`, or LimitNOFILE of its service){}",
                                      processes, files_of(processes), files, fewer)});
}

rlimit inherited_file_limit() { return inherited(); }

}  // namespace eventmq
