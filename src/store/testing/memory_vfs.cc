#include "src/store/testing/memory_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

#include "src/store/testing/test_vfs.h"

namespace eventmq {
namespace {

struct File;

struct Node {
  uint64_t number = 0;  // 0: a temporary file, of which nobody hears
  std::string bytes;
  std::vector<std::unique_ptr<char[]>> shared_memory = {};
  std::vector<File*> mapped = {};  // the connections that use it
};
using Call = MemoryVfsFault::Call;
using Kind = DiskOperation::Kind;

}  // namespace

struct MemoryVfs::State {
  // An SQLite code when the call is to fail, because of a fault or because the program was killed.
  int count(Call call, int failure);
  void note(DiskOperation operation);

  std::string name;
  sqlite3_vfs vfs{};
  mutable std::mutex mutex;
  // Guarded by mutex:
  std::map<std::string, std::shared_ptr<Node>> nodes;
  uint64_t last_number = 0;
  DiskRecording* recording = nullptr;
  IgnoredSyncs ignored;
  MemoryVfsFault fault;
  uint64_t calls = 0;
  uint64_t failures = 0;
  uint64_t operations_left = UINT64_MAX;  // before the program is killed
};

int MemoryVfs::State::count(Call call, int failure) {
  if (operations_left == 0) return errno = ENODEV, failure;  // told apart from a fault by its text
  const Call counted = call == Call::kSyncOfDatabase && fault.call == Call::kSync ? Call::kSync : call;
  if (call == Call::kNone || counted != fault.call || ++calls != fault.nth) return SQLITE_OK;
  ++failures;
  errno = EIO;
  return failure;
}

void MemoryVfs::State::note(DiskOperation operation) {
  if (operations_left != UINT64_MAX) --operations_left;
  if (recording) recording->add(std::move(operation));
}

namespace {

using State = MemoryVfs::State;

struct File {
  sqlite3_file base;
  State* state;
  std::shared_ptr<Node> node;
  bool is_log;
  bool syncs_folder;
  unsigned shared = 0, alone = 0;  // locks of the shared memory that it holds, a bit for each
};

File& of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
State& of(sqlite3_vfs* vfs) { return *static_cast<State*>(vfs->pAppData); }

std::string name_of(const char* path) {
  const std::string_view text = path;
  return std::string(text.substr(text.rfind('/') + 1));  // all of it if there is none
}

int close_file(sqlite3_file* handle) {
  const std::lock_guard lock(of(handle).state->mutex);
  of(handle).~File();
  return SQLITE_OK;
}

int read_file(sqlite3_file* handle, void* data, int bytes, sqlite3_int64 offset) {
  File& file = of(handle);
  const std::lock_guard lock(file.state->mutex);
  const int fault = file.state->count(Call::kNone, SQLITE_IOERR_READ);
  if (fault != SQLITE_OK) return fault;
  const std::string& content = file.node->bytes;
  const size_t begin = std::min(content.size(), static_cast<size_t>(offset));
  const size_t found = std::min(content.size() - begin, static_cast<size_t>(bytes));
  std::memcpy(data, content.data() + begin, found);
  std::memset(static_cast<char*>(data) + found, 0, static_cast<size_t>(bytes) - found);
  return found == static_cast<size_t>(bytes) ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

int write_file(sqlite3_file* handle, const void* data, int bytes, sqlite3_int64 offset) {
  File& file = of(handle);
  const std::lock_guard lock(file.state->mutex);
  const int fault = file.state->count(Call::kWrite, SQLITE_IOERR_WRITE);
  if (fault != SQLITE_OK) return fault;
  const std::string_view text(static_cast<const char*>(data), static_cast<size_t>(bytes));
  const auto at = static_cast<size_t>(offset);
  std::string& content = file.node->bytes;
  if (content.size() < at + text.size()) content.resize(at + text.size(), '\0');
  content.replace(at, text.size(), text);
  if (file.node->number != 0) file.state->note({Kind::kWrite, file.node->number, at, std::string(text), false, {}});
  return SQLITE_OK;
}

int truncate_file(sqlite3_file* handle, sqlite3_int64 size) {
  File& file = of(handle);
  const std::lock_guard lock(file.state->mutex);
  const int fault = file.state->count(Call::kNone, SQLITE_IOERR_TRUNCATE);
  if (fault != SQLITE_OK) return fault;
  file.node->bytes.resize(static_cast<size_t>(size), '\0');
  if (file.node->number != 0) {
    file.state->note({Kind::kTruncate, file.node->number, static_cast<uint64_t>(size), {}, false, {}});
  }
  return SQLITE_OK;
}

int sync_file(sqlite3_file* handle, int) {
  File& file = of(handle);
  State& state = *file.state;
  const std::lock_guard lock(state.mutex);
  const bool killed = state.operations_left == 0;
  const int fault = state.count(file.is_log ? Call::kSync : Call::kSyncOfDatabase, SQLITE_IOERR_FSYNC);
  const bool ignored = file.is_log ? state.ignored.log : state.ignored.database;
  if (killed || ignored || file.node->number == 0) return fault;
  if (fault != SQLITE_OK) return state.note({Kind::kFailedSync, file.node->number, 0, {}, false, {}}), fault;
  const bool folder_too = std::exchange(file.syncs_folder, false) && !state.ignored.folder;
  return state.note({Kind::kSync, file.node->number, 0, {}, folder_too, {}}), SQLITE_OK;
}

int file_size(sqlite3_file* handle, sqlite3_int64* size) {
  File& file = of(handle);
  const std::lock_guard lock(file.state->mutex);
  *size = static_cast<sqlite3_int64>(file.node->bytes.size());
  return file.state->count(Call::kNone, SQLITE_IOERR_FSTAT);
}

int map_memory(sqlite3_file* handle, int region, int bytes, int extend, void volatile** memory) {
  File& file = of(handle);
  const std::lock_guard lock(file.state->mutex);
  *memory = nullptr;
  auto& users = file.node->mapped;
  if (std::find(users.begin(), users.end(), &file) == users.end()) users.push_back(&file);
  auto& regions = file.node->shared_memory;
  const auto index = static_cast<size_t>(region);
  if (index >= regions.size() && !extend) return SQLITE_OK;
  while (index >= regions.size()) regions.push_back(std::make_unique<char[]>(static_cast<size_t>(bytes)));
  *memory = regions[index].get();
  return SQLITE_OK;
}

int unmap_memory(sqlite3_file* handle, int) {
  File& file = of(handle);
  const std::lock_guard lock(file.state->mutex);
  std::erase(file.node->mapped, &file);
  file.shared = file.alone = 0;
  if (file.node->mapped.empty()) file.node->shared_memory.clear();
  return SQLITE_OK;
}

int lock_memory(sqlite3_file* handle, int first, int number, int flags) {
  File& file = of(handle);
  const std::lock_guard lock(file.state->mutex);
  const unsigned wanted = ((1u << number) - 1) << first;
  if (flags & SQLITE_SHM_UNLOCK) {
    file.shared &= ~wanted;
    file.alone &= ~wanted;
    return SQLITE_OK;
  }
  const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
  for (const File* other : file.node->mapped) {
    if (other != &file && ((other->alone | (exclusive ? other->shared : 0)) & wanted) != 0) return SQLITE_BUSY;
  }
  (exclusive ? file.alone : file.shared) |= wanted;
  return SQLITE_OK;
}

const sqlite3_io_methods kFileCalls = {
    .iVersion = 2,
    .xClose = close_file,
    .xRead = read_file,
    .xWrite = write_file,
    .xTruncate = truncate_file,
    .xSync = sync_file,
    .xFileSize = file_size,
    .xLock = [](sqlite3_file*, int) { return SQLITE_OK; },
    .xUnlock = [](sqlite3_file*, int) { return SQLITE_OK; },
    .xCheckReservedLock = [](sqlite3_file*, int* out) { return *out = 0, SQLITE_OK; },
    .xFileControl = [](sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; },
    // As SQLite's own says of most disks.
    .xSectorSize = [](sqlite3_file*) { return 4096; },
    .xDeviceCharacteristics = [](sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; },
    .xShmMap = map_memory,
    .xShmLock = lock_memory,
    .xShmBarrier = [](sqlite3_file*) { std::atomic_thread_fence(std::memory_order_seq_cst); },
    .xShmUnmap = unmap_memory,
};

int open_file(sqlite3_vfs* vfs, const char* path, sqlite3_file* handle, int flags, int* flags_out) {
  State& state = of(vfs);
  handle->pMethods = nullptr;
  const std::lock_guard lock(state.mutex);
  const int fault = state.count(Call::kNone, SQLITE_CANTOPEN);
  if (fault != SQLITE_OK) return fault;
  std::shared_ptr<Node> node;
  const bool makes = flags & SQLITE_OPEN_CREATE;
  if (path) {
    const std::string name = name_of(path);
    const auto found = state.nodes.find(name);
    if (found == state.nodes.end() && !makes) return errno = ENOENT, SQLITE_CANTOPEN;
    if (found != state.nodes.end()) {
      node = found->second;
    } else {
      node = state.nodes[name] = std::make_shared<Node>(Node{++state.last_number, {}});
      state.note({Kind::kCreate, node->number, 0, name, false, {}});
    }
  } else {
    node = std::make_shared<Node>();
  }
  const bool is_log = flags & SQLITE_OPEN_WAL;
  const bool syncs_folder = makes && (is_log || (flags & SQLITE_OPEN_MAIN_JOURNAL) != 0);
  new (handle) File{{&kFileCalls}, &state, std::move(node), is_log, syncs_folder};
  if (flags_out) *flags_out = flags;
  return SQLITE_OK;
}

int delete_file(sqlite3_vfs* vfs, const char* path, int sync_folder) {
  State& state = of(vfs);
  const std::lock_guard lock(state.mutex);
  const int fault = state.count(Call::kNone, SQLITE_IOERR_DELETE);
  if (fault != SQLITE_OK) return fault;
  if (state.nodes.erase(name_of(path)) == 0) return SQLITE_IOERR_DELETE_NOENT;
  state.note({Kind::kRemove, 0, 0, name_of(path), sync_folder != 0 && !state.ignored.folder, {}});
  return SQLITE_OK;
}

// As SQLite's own, which does not see empty files.
int access_file(sqlite3_vfs* vfs, const char* path, int, int* result) {
  State& state = of(vfs);
  const std::lock_guard lock(state.mutex);
  const auto found = state.nodes.find(name_of(path));
  *result = found != state.nodes.end() && !found->second->bytes.empty();
  return state.count(Call::kNone, SQLITE_IOERR_ACCESS);
}

int full_path(sqlite3_vfs*, const char* path, int size, char* out) {
  const size_t length = std::strlen(path) + 1;
  if (length > static_cast<size_t>(size)) return SQLITE_CANTOPEN;
  std::memcpy(out, path, length);
  return SQLITE_OK;
}

}  // namespace

MemoryVfs::MemoryVfs() : state_(std::make_unique<State>()) {
  State& state = *state_;
  begin_test_vfs(state.vfs, state.name, "memory", &state);
  state.vfs.szOsFile = static_cast<int>(sizeof(File));
  state.vfs.xOpen = open_file;
  state.vfs.xDelete = delete_file;
  state.vfs.xAccess = access_file;
  state.vfs.xFullPathname = full_path;
  register_test_vfs(state.vfs);
}

MemoryVfs::~MemoryVfs() { sqlite3_vfs_unregister(&state_->vfs); }

const std::string& MemoryVfs::name() const { return state_->name; }

void MemoryVfs::set_files(const DiskFiles& files) {
  const std::lock_guard lock(state_->mutex);
  state_->nodes.clear();
  for (const auto& [name, content] : files) {
    state_->nodes[name] = std::make_shared<Node>(Node{++state_->last_number, content});
  }
}

void MemoryVfs::record(DiskRecording& recording) {
  const std::lock_guard lock(state_->mutex);
  state_->recording = &recording;
}

void MemoryVfs::ignore(IgnoredSyncs ignored) {
  const std::lock_guard lock(state_->mutex);
  state_->ignored = ignored;
}

void MemoryVfs::fail(MemoryVfsFault fault) {
  const std::lock_guard lock(state_->mutex);
  state_->fault = fault;
  state_->calls = state_->failures = 0;
}

uint64_t MemoryVfs::failures() const {
  const std::lock_guard lock(state_->mutex);
  return state_->failures;
}

void MemoryVfs::sync_folder() {
  const std::lock_guard lock(state_->mutex);
  if (state_->operations_left == 0 || state_->ignored.folder) return;
  state_->note({Kind::kSync, 0, 0, {}, true, {}});
}

void MemoryVfs::tell(CommitNumber commit) {
  const std::lock_guard lock(state_->mutex);
  if (state_->recording) state_->recording->tell(commit);
}

void MemoryVfs::kill_after(uint64_t operations) {
  const std::lock_guard lock(state_->mutex);
  state_->operations_left = operations;
}

bool MemoryVfs::killed() const {
  const std::lock_guard lock(state_->mutex);
  return state_->operations_left == 0;
}

void MemoryVfs::restart() { kill_after(UINT64_MAX); }

void MemoryVfs::lose_power(const DiskFiles& left) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->note({Kind::kPowerLoss, state_->last_number + 1, 0, {}, false, left});
  }
  set_files(left);
}

}  // namespace eventmq
