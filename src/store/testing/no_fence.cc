#include "src/store/testing/no_fence.h"

#include "src/base/assert.h"
#include "src/store/sqlite_database.h"

namespace eventmq {

void take_fence_away_from(const std::string& folder, const std::string& vfs) {
  auto database = SqliteDatabase::open(folder + "/eventmq.db", vfs);
  EMQ_ASSERT(database.has_value(), "{}", database.error().text);
  const Result<void> done = database->run(
      "CREATE TRIGGER IF NOT EXISTS no_fence AFTER UPDATE ON meta WHEN new.key = 'epoch' AND new.value <> 1 "
      "BEGIN UPDATE meta SET value = 1 WHERE key = 'epoch'; END");
  EMQ_ASSERT(done.has_value(), "{}", done.error().text);
  database->leave_log_alone();
}

}  // namespace eventmq
