// Few open files, for the time of a test.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>

namespace eventmq::test {

// As long as it lives.
class FileLimit {
 public:
  explicit FileLimit(rlim_t files) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = files;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  ~FileLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;

 private:
  rlimit before_{};
};

// The limit with which so many more files can be opened: there may be open ones above the first that is free.
inline rlim_t limit_that_leaves(int files) {
  int descriptor = 0;
  for (; files > 0; ++descriptor) files -= ::fcntl(descriptor, F_GETFD) == -1 ? 1 : 0;
  return static_cast<rlim_t>(descriptor);
}

}  // namespace eventmq::test
