#include "src/store/testing/fault_vfs.h"

#include <sqlite3.h>

#include <cerrno>
#include <cstddef>
#include <mutex>
#include <new>

#include "src/store/testing/disk_image.h"
#include "src/store/testing/test_vfs.h"

namespace eventmq {

struct FaultVfs::State {
  explicit State(uint64_t seed) : disk(seed) {}

  // SQLite's code for this call if it is to fail; SQLITE_OK if it is to be done.
  int count(VfsFault::Call call, int failure);
  bool power_is_gone();

  std::string name;
  sqlite3_vfs* system = nullptr;
  sqlite3_vfs vfs{};
  mutable std::mutex mutex;
  // Guarded by mutex:
  VfsFault fault{.calls = 0};
  uint64_t calls = 0;
  uint64_t failures = 0;
  uint64_t calls_since_failure = 0;
  bool power_gone = false;
  bool syncs_ignored = false;
  DiskImage disk;
};

namespace {

using State = FaultVfs::State;

constexpr int kShort = SQLITE_FULL | (1 << 8);  // half of a write is to be done; a code that SQLite has not

unsigned calls_of(VfsFault::Kind kind) {
  switch (kind) {
    case VfsFault::Kind::kIoError:
      return VfsFault::kAll;
    case VfsFault::Kind::kNoSpace:
      return VfsFault::kWrite | VfsFault::kSync | VfsFault::kOpen | VfsFault::kMap;
    case VfsFault::Kind::kShortWrite:
      return VfsFault::kWrite;
  }
  return 0;
}

// Followed in memory by the system's own.
struct File {
  sqlite3_file base;
  State* state;
  std::string* path;  // null: a file without a name

  sqlite3_file* system() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  const sqlite3_io_methods& calls() { return *system()->pMethods; }
};
static_assert(sizeof(File) % alignof(sqlite3_int64) == 0);

File& of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
State& of(sqlite3_vfs* vfs) { return *static_cast<State*>(vfs->pAppData); }

// Tells the image of a call that was done.
template <class Note>
int noted(File& file, int code, Note note) {
  if (code != SQLITE_OK || !file.path) return code;
  const std::lock_guard lock(file.state->mutex);
  if (!file.state->power_gone) note(file.state->disk, *file.path);
  return code;
}

int close_file(sqlite3_file* handle) {
  File& file = of(handle);
  const int code = file.calls().xClose(file.system());
  delete file.path;
  return code;
}

int read_file(sqlite3_file* handle, void* data, int bytes, sqlite3_int64 offset) {
  File& file = of(handle);
  const int fault = file.state->count(VfsFault::kRead, SQLITE_IOERR_READ);
  return fault != SQLITE_OK ? fault : file.calls().xRead(file.system(), data, bytes, offset);
}

int write_file(sqlite3_file* handle, const void* data, int bytes, sqlite3_int64 offset) {
  File& file = of(handle);
  const int fault = file.state->count(VfsFault::kWrite, SQLITE_IOERR_WRITE);
  if (fault != SQLITE_OK && fault != kShort) return fault;
  if (fault == kShort) bytes /= 2;
  const int code = noted(
      file, file.calls().xWrite(file.system(), data, bytes, offset), [&](DiskImage& disk, const std::string& path) {
        disk.write(path, static_cast<uint64_t>(offset), {static_cast<const char*>(data), static_cast<size_t>(bytes)});
      });
  return fault == kShort ? SQLITE_FULL : code;
}

int truncate_file(sqlite3_file* handle, sqlite3_int64 size) {
  File& file = of(handle);
  const int fault = file.state->count(VfsFault::kTruncate, SQLITE_IOERR_TRUNCATE);
  if (fault != SQLITE_OK) return fault;
  return noted(file, file.calls().xTruncate(file.system(), size),
               [&](DiskImage& disk, const std::string& path) { disk.truncate(path, static_cast<uint64_t>(size)); });
}

int sync_file(sqlite3_file* handle, int) {
  File& file = of(handle);
  const int fault = file.state->count(VfsFault::kSync, SQLITE_IOERR_FSYNC);
  const std::lock_guard lock(file.state->mutex);
  if (!file.path || file.state->syncs_ignored || file.state->power_gone) return fault;
  fault == SQLITE_OK ? file.state->disk.sync(*file.path) : file.state->disk.failed_sync(*file.path);
  return fault;
}

int file_size(sqlite3_file* handle, sqlite3_int64* size) {
  File& file = of(handle);
  const int fault = file.state->count(VfsFault::kSize, SQLITE_IOERR_FSTAT);
  return fault != SQLITE_OK ? fault : file.calls().xFileSize(file.system(), size);
}

int lock_file(sqlite3_file* handle, int level) {
  File& file = of(handle);
  const int fault = file.state->count(VfsFault::kLock, SQLITE_IOERR_LOCK);
  return fault != SQLITE_OK ? fault : file.calls().xLock(file.system(), level);
}

int map_memory(sqlite3_file* handle, int region, int bytes, int extend, void volatile** memory) {
  File& file = of(handle);
  const int fault = file.state->count(VfsFault::kMap, SQLITE_IOERR_SHMMAP);
  return fault != SQLITE_OK ? fault : file.calls().xShmMap(file.system(), region, bytes, extend, memory);
}

int lock_memory(sqlite3_file* handle, int offset, int count, int flags) {
  File& file = of(handle);
  const int fault = flags & SQLITE_SHM_LOCK ? file.state->count(VfsFault::kLock, SQLITE_IOERR_SHMLOCK) : SQLITE_OK;
  return fault != SQLITE_OK ? fault : file.calls().xShmLock(file.system(), offset, count, flags);
}

const sqlite3_io_methods kFileCalls = [] {
  sqlite3_io_methods calls = passed_on<File>();
  calls.xClose = close_file;
  calls.xRead = read_file;
  calls.xWrite = write_file;
  calls.xTruncate = truncate_file;
  calls.xSync = sync_file;
  calls.xFileSize = file_size;
  calls.xLock = lock_file;
  calls.xShmMap = map_memory;
  calls.xShmLock = lock_memory;
  return calls;
}();

int open_file(sqlite3_vfs* vfs, const char* path, sqlite3_file* handle, int flags, int* flags_out) {
  State& state = of(vfs);
  auto* file = new (handle) File{{nullptr}, &state, nullptr};
  const int fault = state.count(VfsFault::kOpen, SQLITE_CANTOPEN);
  if (fault != SQLITE_OK) return fault;
  const int code = state.system->xOpen(state.system, path, file->system(), flags, flags_out);
  if (code != SQLITE_OK) return code;
  file->base.pMethods = &kFileCalls;
  if (!path) return code;
  file->path = new std::string(path);
  return noted(*file, code, [](DiskImage& disk, const std::string& name) { disk.add_file(name); });
}

int delete_file(sqlite3_vfs* vfs, const char* path, int sync_folder) {
  State& state = of(vfs);
  const int fault = state.count(VfsFault::kDelete, SQLITE_IOERR_DELETE);
  if (fault != SQLITE_OK) return fault;
  const int code = state.system->xDelete(state.system, path, sync_folder);
  const std::lock_guard lock(state.mutex);
  if (code == SQLITE_OK && !state.power_gone) state.disk.remove(path);
  return code;
}

int access_file(sqlite3_vfs* vfs, const char* path, int flags, int* result) {
  State& state = of(vfs);
  const int fault = state.count(VfsFault::kAccess, SQLITE_IOERR_ACCESS);
  return fault != SQLITE_OK ? fault : state.system->xAccess(state.system, path, flags, result);
}

}  // namespace

bool FaultVfs::State::power_is_gone() {
  if (failures > 0 && ++calls_since_failure > fault.calls_before_power_cut) power_gone = true;
  return power_gone;
}

int FaultVfs::State::count(VfsFault::Call call, int failure) {
  std::unique_lock lock(mutex);
  if (power_is_gone()) return ++failures, failure;
  if ((fault.calls & call) == 0) return SQLITE_OK;
  ++calls;
  if (fault.for_good ? calls < fault.nth : calls != fault.nth) return SQLITE_OK;
  if (fault.instead) {
    const std::function<void()> instead = fault.instead;
    lock.unlock();
    instead();
    return SQLITE_OK;
  }
  ++failures;
  errno = fault.kind == VfsFault::Kind::kIoError ? EIO : ENOSPC;
  if (fault.kind == VfsFault::Kind::kShortWrite) return kShort;
  return fault.kind == VfsFault::Kind::kNoSpace && call == VfsFault::kWrite ? SQLITE_FULL : failure;
}

FaultVfs::FaultVfs(uint64_t seed) : state_(std::make_unique<State>(seed)) {
  State& state = *state_;
  state.system = sqlite3_vfs_find(nullptr);
  begin_test_vfs(state.vfs, state.name, "fault", &state);
  state.vfs.szOsFile += static_cast<int>(sizeof(File));
  state.vfs.xOpen = open_file;
  state.vfs.xDelete = delete_file;
  state.vfs.xAccess = access_file;
  register_test_vfs(state.vfs);
}

FaultVfs::~FaultVfs() { sqlite3_vfs_unregister(&state_->vfs); }

const std::string& FaultVfs::name() const { return state_->name; }

void FaultVfs::fail(VfsFault fault) {
  const std::lock_guard lock(state_->mutex);
  fault.calls &= calls_of(fault.kind);
  state_->fault = fault;
  state_->calls = state_->failures = state_->calls_since_failure = 0;
}

void FaultVfs::mend() {
  const std::lock_guard lock(state_->mutex);
  state_->fault = {.calls = 0};
}

uint64_t FaultVfs::calls() const {
  const std::lock_guard lock(state_->mutex);
  return state_->calls;
}

uint64_t FaultVfs::failures() const {
  const std::lock_guard lock(state_->mutex);
  return state_->failures;
}

void FaultVfs::ignore_syncs() {
  const std::lock_guard lock(state_->mutex);
  state_->syncs_ignored = true;
}

void FaultVfs::cut_power() {
  const std::lock_guard lock(state_->mutex);
  state_->power_gone = true;
}

void FaultVfs::restore_power() {
  const std::lock_guard lock(state_->mutex);
  state_->disk.lose_power();
  state_->power_gone = false;
  state_->fault = {.calls = 0};
}

}  // namespace eventmq
