#include "src/store/store_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <vector>

#include "src/store/sqlite_database.h"

namespace eventmq {
namespace {

// At once. SQLite writes no more than its largest page, and its own VFS does not take any number of bytes: it writes
// nothing where they are a multiple of 128 KiB.
constexpr int64_t kRewriteBytes = 64 * 1024;

// A file opened through an SQLite VFS.
class VfsFile {
 public:
  explicit VfsFile(sqlite3_vfs* vfs)
      : memory_(std::make_unique<char[]>(static_cast<size_t>(vfs->szOsFile))),
        file_(reinterpret_cast<sqlite3_file*>(memory_.get())) {
    file_->pMethods = nullptr;
  }
  ~VfsFile() {
    if (file_->pMethods) file_->pMethods->xClose(file_);
  }
  VfsFile(const VfsFile&) = delete;
  VfsFile& operator=(const VfsFile&) = delete;

  sqlite3_file* get() const { return file_; }
  const sqlite3_io_methods& calls() const { return *file_->pMethods; }

 private:
  std::unique_ptr<char[]> memory_;
  sqlite3_file* file_;
};

// Returns SQLite's result code.
int write_over(const VfsFile& file, sqlite3_int64& size) {
  int code = file.calls().xFileSize(file.get(), &size);
  std::vector<char> part(static_cast<size_t>(std::min<int64_t>(size, kRewriteBytes)));
  for (sqlite3_int64 at = 0; code == SQLITE_OK && at < size; at += kRewriteBytes) {
    const int bytes = static_cast<int>(std::min<int64_t>(size - at, kRewriteBytes));
    code = file.calls().xRead(file.get(), part.data(), bytes, at);
    if (code == SQLITE_OK) code = file.calls().xWrite(file.get(), part.data(), bytes, at);
  }
  return code == SQLITE_OK ? file.calls().xSync(file.get(), SQLITE_SYNC_NORMAL) : code;
}

Result<void> make_one_folder(const std::string& folder) {
  struct stat found;
  if (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) {
    if (::stat(folder.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) return {};
    return fail(ErrorCode::kBadValue, fmt::format("{} is not a folder: set another data_dir", folder));
  }
  return fail(ErrorCode::kSystem,
              fmt::format("the folder {} cannot be made ({}): make it for this user, or set another data_dir", folder,
                          std::strerror(errno)));
}

constexpr size_t kProbeBytes = 65'536;

// What is wrong with the disk, and not with whoever uses it.
bool passes(int error) { return error == ENOSPC || error == EDQUOT || error == EROFS || error == EIO; }

}  // namespace

bool make_private(const std::string& path) {
  const int made = ::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (made == -1) return false;
  ::close(made);
  return true;
}

FileIdentity FileIdentity::of(const std::string& path) {
  struct stat found;
  if (::stat(path.c_str(), &found) != 0) return {};
  return {found.st_dev, found.st_ino};
}

Result<void> make_folder(const std::string& folder) {
  if (folder.empty()) return fail(ErrorCode::kBadValue, "data_dir is empty: set it to a folder for the router's data");
  Result<void> made;
  for (size_t end = folder.find('/', 1); made; end = folder.find('/', end + 1)) {
    struct stat found;
    const std::string part = folder.substr(0, end);
    const bool is_there = ::stat(part.c_str(), &found) == 0 && S_ISDIR(found.st_mode);
    if (!is_there) made = make_one_folder(part);
    if (end == std::string::npos) break;
  }
  return made;
}

Result<void> sync_folder(const std::string& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  const int cause = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (synced) return {};
  return fail(ErrorCode::kSystem,
              fmt::format("the folder {} cannot be synced ({}): check its disk", folder, std::strerror(cause)));
}

Result<void> check_files(const StorePaths& paths) {
  struct stat found;
  if (::lstat(paths.database.c_str(), &found) != 0) {
    const int cause = errno;
    if (cause != ENOENT) {
      return fail(ErrorCode::kSystem, fmt::format("{} cannot be looked at ({}): let this user read its folder",
                                                  paths.database, std::strerror(cause)));
    }
    if (!holds_something(paths.log)) return {};
    return fail(ErrorCode::kStoreUnavailable,
                fmt::format("{} is there but {} is not: put the file back, or move its log away and restart the router "
                            "to begin with an empty one",
                            paths.log, paths.database));
  }
  if (S_ISLNK(found.st_mode)) {
    return fail(ErrorCode::kBadValue,
                fmt::format("{} is a symbolic link: set data_dir to the folder of the file itself", paths.database));
  }
  if (!S_ISREG(found.st_mode)) {
    return fail(ErrorCode::kBadValue,
                fmt::format("{} is not a file: move it away, or set another data_dir", paths.database));
  }
  if (found.st_size == 0 && holds_something(paths.log)) {
    return fail(ErrorCode::kStoreUnavailable,
                fmt::format("{} is empty but {} is not: put a copy of both in their place, or move both away and "
                            "restart the router to begin with an empty one",
                            paths.database, paths.log));
  }
  return {};
}

bool holds_something(const std::string& path) {
  struct stat found;
  return ::lstat(path.c_str(), &found) == 0 && found.st_size > 0;
}

bool store_was_there(const StorePaths& paths) { return holds_something(paths.database) || holds_something(paths.log); }

Result<bool> rewrite_log(const std::string& log, const std::string& vfs_name) {
  sqlite3_vfs* vfs = sqlite3_vfs_find(vfs_name.empty() ? nullptr : vfs_name.c_str());
  int exists = 0;
  int code = vfs->xAccess(vfs, log.c_str(), SQLITE_ACCESS_EXISTS, &exists);
  if (code == SQLITE_OK && !exists) return false;
  VfsFile file(vfs);
  int flags = 0;
  if (code == SQLITE_OK)
    code = vfs->xOpen(vfs, log.c_str(), file.get(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL, &flags);
  sqlite3_int64 size = 0;
  if (code == SQLITE_OK) code = write_over(file, size);
  if (code == SQLITE_OK) return size > 0;
  const int system_error = vfs->xGetLastError ? vfs->xGetLastError(vfs, 0, nullptr) : 0;
  return fail(ErrorCode::kStoreUnavailable, sqlite_fault(code, system_error, log, sqlite3_errstr(code)));
}

bool disk_fails(const std::string& folder) {
  std::error_code unknown;
  std::filesystem::path place = std::filesystem::absolute(folder, unknown);
  while (!std::filesystem::is_directory(place, unknown) && place.has_parent_path() && place != place.parent_path()) {
    place = place.parent_path();
  }
  const std::string probe = (place / fmt::format(".eventmq-probe-{}", ::getpid())).string();
  const int descriptor = ::open(probe.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor < 0) return passes(errno);
  const std::string content(kProbeBytes, 'p');
  errno = ENOSPC;  // a short write has no error of its own
  const bool written = ::write(descriptor, content.data(), content.size()) == static_cast<ssize_t>(content.size()) &&
                       ::fsync(descriptor) == 0;
  const int cause = errno;
  ::close(descriptor);
  ::unlink(probe.c_str());
  return !written && passes(cause);
}

}  // namespace eventmq
