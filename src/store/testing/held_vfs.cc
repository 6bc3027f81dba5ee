#include "src/store/testing/held_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <string_view>
#include <vector>

#include "src/store/testing/test_vfs.h"

namespace eventmq {
namespace {

// What this process sees of a file.
struct Node {
  std::string bytes;
  std::map<size_t, size_t> unsynced;  // ends of ranges, by where they begin
  bool cut = false;                   // to a shorter size, since the last sync
};

}  // namespace

struct HeldVfs::State {
  std::string name;
  sqlite3_vfs* system = nullptr;
  sqlite3_vfs vfs{};
  std::mutex mutex;
  // Guarded by mutex:
  std::map<std::string, std::shared_ptr<Node>> nodes;
  bool syncs_ignored = false;
};

namespace {

using State = HeldVfs::State;

// Followed in memory by the system's own.
struct File {
  sqlite3_file base;
  State* state;
  std::shared_ptr<Node>* node;  // null: a file without a name, of which nothing is held

  sqlite3_file* system() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  const sqlite3_io_methods& calls() { return *system()->pMethods; }
};
static_assert(sizeof(File) % alignof(sqlite3_int64) == 0);

File& of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
State& of(sqlite3_vfs* vfs) { return *static_cast<State*>(vfs->pAppData); }

int close_file(sqlite3_file* handle) {
  File& file = of(handle);
  const int code = file.calls().xClose(file.system());
  delete file.node;
  return code;
}

int read_file(sqlite3_file* handle, void* data, int bytes, sqlite3_int64 offset) {
  File& file = of(handle);
  if (!file.node) return file.calls().xRead(file.system(), data, bytes, offset);
  const std::lock_guard lock(file.state->mutex);
  const std::string& content = (*file.node)->bytes;
  const size_t begin = std::min(content.size(), static_cast<size_t>(offset));
  const size_t found = std::min(content.size() - begin, static_cast<size_t>(bytes));
  std::memcpy(data, content.data() + begin, found);
  std::memset(static_cast<char*>(data) + found, 0, static_cast<size_t>(bytes) - found);
  return found == static_cast<size_t>(bytes) ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

int write_file(sqlite3_file* handle, const void* data, int bytes, sqlite3_int64 offset) {
  File& file = of(handle);
  if (!file.node) return file.calls().xWrite(file.system(), data, bytes, offset);
  const std::lock_guard lock(file.state->mutex);
  Node& node = **file.node;
  const auto begin = static_cast<size_t>(offset);
  const size_t end = begin + static_cast<size_t>(bytes);
  if (node.bytes.size() < end) node.bytes.resize(end, '\0');
  node.bytes.replace(begin, end - begin, static_cast<const char*>(data), end - begin);
  size_t& noted = node.unsynced[begin];
  noted = std::max(noted, end);
  return SQLITE_OK;
}

int truncate_file(sqlite3_file* handle, sqlite3_int64 size) {
  File& file = of(handle);
  if (!file.node) return file.calls().xTruncate(file.system(), size);
  const std::lock_guard lock(file.state->mutex);
  Node& node = **file.node;
  node.cut |= static_cast<size_t>(size) < node.bytes.size();
  node.bytes.resize(static_cast<size_t>(size), '\0');
  return SQLITE_OK;
}

int put_out(File& file, Node& node) {
  if (node.cut) {
    const int code = file.calls().xTruncate(file.system(), static_cast<sqlite3_int64>(node.bytes.size()));
    if (code != SQLITE_OK) return code;
  }
  for (const auto& [begin, noted] : node.unsynced) {
    const size_t end = std::min(noted, node.bytes.size());
    if (begin >= end) continue;
    const int code = file.calls().xWrite(file.system(), node.bytes.data() + begin, static_cast<int>(end - begin),
                                         static_cast<sqlite3_int64>(begin));
    if (code != SQLITE_OK) return code;
  }
  node.cut = false;
  node.unsynced.clear();
  return SQLITE_OK;
}

// What the kernel has outlives the process, so a true sync is not needed.
int sync_file(sqlite3_file* handle, int) {
  File& file = of(handle);
  const std::lock_guard lock(file.state->mutex);
  return file.node && !file.state->syncs_ignored ? put_out(file, **file.node) : SQLITE_OK;
}

int file_size(sqlite3_file* handle, sqlite3_int64* size) {
  File& file = of(handle);
  if (!file.node) return file.calls().xFileSize(file.system(), size);
  const std::lock_guard lock(file.state->mutex);
  *size = static_cast<sqlite3_int64>((*file.node)->bytes.size());
  return SQLITE_OK;
}

const sqlite3_io_methods kFileCalls = [] {
  sqlite3_io_methods calls = passed_on<File>();
  calls.xClose = close_file;
  calls.xRead = read_file;
  calls.xWrite = write_file;
  calls.xTruncate = truncate_file;
  calls.xSync = sync_file;
  calls.xFileSize = file_size;
  return calls;
}();

// As it is on the disk.
int load(File& file, Node& node) {
  sqlite3_int64 size = 0;
  const int code = file.calls().xFileSize(file.system(), &size);
  node.bytes.resize(static_cast<size_t>(size));
  if (code != SQLITE_OK || size == 0) return code;
  return file.calls().xRead(file.system(), node.bytes.data(), static_cast<int>(size), 0);
}

int open_file(sqlite3_vfs* vfs, const char* path, sqlite3_file* handle, int flags, int* flags_out) {
  State& state = of(vfs);
  auto* file = new (handle) File{{nullptr}, &state, nullptr};
  int code = state.system->xOpen(state.system, path, file->system(), flags, flags_out);
  if (code != SQLITE_OK) return code;
  file->base.pMethods = &kFileCalls;
  if (!path) return code;
  const std::lock_guard lock(state.mutex);
  std::shared_ptr<Node>& node = state.nodes[path];
  if (!node) {
    node = std::make_shared<Node>();
    code = load(*file, *node);
  }
  file->node = new std::shared_ptr<Node>(node);
  return code;
}

int delete_file(sqlite3_vfs* vfs, const char* path, int sync_folder) {
  State& state = of(vfs);
  const std::lock_guard lock(state.mutex);
  state.nodes.erase(path);
  return state.system->xDelete(state.system, path, sync_folder);
}

// As SQLite's own, which does not see empty files.
int access_file(sqlite3_vfs* vfs, const char* path, int flags, int* result) {
  State& state = of(vfs);
  const std::lock_guard lock(state.mutex);
  const auto held = state.nodes.find(path);
  if (flags != SQLITE_ACCESS_EXISTS || held == state.nodes.end()) {
    return state.system->xAccess(state.system, path, flags, result);
  }
  *result = !held->second->bytes.empty();
  return SQLITE_OK;
}

}  // namespace

HeldVfs::HeldVfs() : state_(std::make_unique<State>()) {
  State& state = *state_;
  state.system = sqlite3_vfs_find(nullptr);
  begin_test_vfs(state.vfs, state.name, "held", &state);
  state.vfs.szOsFile += static_cast<int>(sizeof(File));
  state.vfs.xOpen = open_file;
  state.vfs.xDelete = delete_file;
  state.vfs.xAccess = access_file;
  register_test_vfs(state.vfs);
}

HeldVfs::~HeldVfs() { sqlite3_vfs_unregister(&state_->vfs); }

const std::string& HeldVfs::name() const { return state_->name; }

void HeldVfs::ignore_syncs() {
  const std::lock_guard lock(state_->mutex);
  state_->syncs_ignored = true;
}

}  // namespace eventmq
