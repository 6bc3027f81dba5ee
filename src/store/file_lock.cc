#include "src/store/file_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace eventmq {
namespace {

tl::unexpected<Error> refused(const std::string& path) {
  return fail(ErrorCode::kSystem, fmt::format("{} cannot be opened ({}): make it and its folder writable for this user",
                                              path, std::strerror(errno)));
}

// "process 123", of whoever wrote its id into the file; "a process" if nobody did yet.
std::string holder(int descriptor) {
  char text[32] = {};
  const ssize_t size = ::pread(descriptor, text, sizeof text - 1, 0);
  const size_t digits = size > 0 ? std::strspn(text, "0123456789") : 0;
  return digits > 0 ? fmt::format("process {}", std::string_view(text, digits)) : "a process";
}

}  // namespace

Result<FileLock> FileLock::take(const std::string& path, const std::string& guarded) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) return refused(path);
  FileLock lock(descriptor);
  while (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return refused(path);
    return fail(ErrorCode::kStoreUnavailable,
                fmt::format("another router ({}) uses {}: stop it, or give this one another data_dir",
                            holder(descriptor), guarded));
  }
  const std::string id = fmt::format("{}\n", ::getpid());
  // Only for the text above, so a full disk is no reason to refuse.
  if (::ftruncate(descriptor, 0) == 0 && ::pwrite(descriptor, id.data(), id.size(), 0) < 0) errno = 0;
  return lock;
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace eventmq
