// A router whose kill is a loss of power: what it had not synced is gone with it. Built with EVENTMQ_NO_SYNC, its syncs
// are not done.
#include "src/store/sqlite_store.h"
#include "src/store/testing/held_vfs.h"
#include "tests/end_to_end/odd_router.h"

int main() {
  eventmq::HeldVfs disk;
#ifdef EVENTMQ_NO_SYNC
  disk.ignore_syncs();
#endif
  return eventmq::run_odd_router([&disk](const eventmq::Settings& settings) {
    eventmq::SqliteStoreOptions options{.data_dir = settings.text("data_dir")};
    options.file.vfs = disk.name();
    return eventmq::SqliteStore::open(options).map(
        [](std::unique_ptr<eventmq::SqliteStore>&& store) -> std::unique_ptr<eventmq::Store> {
          return std::move(store);
        });
  });
}
