#include "src/store/testing/test_vfs.h"

#include <fmt/format.h>

#include <atomic>

#include "src/base/assert.h"

namespace eventmq {

void begin_test_vfs(sqlite3_vfs& vfs, std::string& name, std::string_view kind, void* state) {
  static std::atomic<int> number{0};
  name = fmt::format("eventmq-{}-{}", kind, ++number);
  vfs = *sqlite3_vfs_find(nullptr);
  vfs.iVersion = 2;
  vfs.zName = name.c_str();
  vfs.pAppData = state;
  vfs.pNext = nullptr;
}

void register_test_vfs(sqlite3_vfs& vfs) { EMQ_ASSERT(sqlite3_vfs_register(&vfs, 0) == SQLITE_OK); }

}  // namespace eventmq
