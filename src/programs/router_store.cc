#include "src/programs/router_store.h"

#include "src/store/late_store.h"
#include "src/store/memory_store.h"
#include "src/store/sqlite_store.h"

namespace eventmq {
namespace {

bool in_memory(const Settings& settings) { return settings.text("store") == "memory"; }

Result<std::unique_ptr<Store>> open_sqlite(const std::string& data_dir, bool must_exist) {
  SqliteStoreOptions options{.data_dir = data_dir};
  options.file.must_exist = must_exist;
  return SqliteStore::open(std::move(options)).map([](std::unique_ptr<SqliteStore>&& store) -> std::unique_ptr<Store> {
    return std::move(store);
  });
}

}  // namespace

Result<std::unique_ptr<Store>> open_store(const Settings& settings) {
  if (in_memory(settings)) return std::make_unique<MemoryStore>();
  return open_sqlite(settings.text("data_dir"), false);
}

bool store_fault_may_pass(const Error& error, const Settings& settings) {
  if (in_memory(settings)) return false;
  return error.code == ErrorCode::kStoreUnavailable || disk_fails(settings.text("data_dir"));
}

std::unique_ptr<Store> open_store_later(const Settings& settings, const Error& fault) {
  const std::string& data_dir = settings.text("data_dir");
  // Somebody who mends it may take it away for a while: no other one is made then.
  const bool was_there = store_was_there(StorePaths(data_dir));
  return std::make_unique<LateStore>([=] { return open_sqlite(data_dir, was_there); }, "sqlite", fault, was_there);
}

}  // namespace eventmq
