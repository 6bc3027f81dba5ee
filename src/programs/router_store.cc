#include "src/programs/router_store.h"

#include "src/store/memory_store.h"
#include "src/store/sqlite_store.h"

namespace eventmq {

Result<std::unique_ptr<Store>> open_store(const Settings& settings) {
  if (settings.text("store") == "memory") return std::make_unique<MemoryStore>();
  return SqliteStore::open({.data_dir = settings.text("data_dir")})
      .map([](std::unique_ptr<SqliteStore>&& store) -> std::unique_ptr<Store> { return std::move(store); });
}

}  // namespace eventmq
