// The table of results: what jobs ended with that asked for it to be kept. All changes are made within a transaction of
// the caller's.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "src/store/batch_changes.h"
#include "src/store/sqlite_database.h"
#include "src/wire/store_question.h"

namespace eventmq {

class SqliteResults {
 public:
  // The database must outlive it.
  static Result<SqliteResults> prepare(SqliteDatabase& database);

  // In their order.
  Result<void> write(const std::vector<ResultChange>& changes);
  // After a batch in which so many jobs ended: drops those whose time is over, and of the others the oldest that are
  // beyond the limits. The latter are counted in the table `meta`.
  Result<void> trim(size_t added, Instant now, const Retention& retention);

 private:
  explicit SqliteResults(SqliteDatabase& database) : database_(&database) {}

  Result<void> insert(const ResultKept& record);
  Result<void> trim_oldest(int64_t rows, const Retention& retention);

  SqliteDatabase* database_;
  SqliteStatement insert_;
  SqliteStatement remove_;
  SqliteStatement trim_over_;
  SqliteStatement newest_;
  SqliteStatement oldest_;
  SqliteStatement trim_;
  SqliteStatement count_dropped_;
};

// The result of this job, if it is kept at that time; on any connection. Errors: those of SqliteDatabase;
// kStoreUnavailable for a row that makes no sense, which is named.
Result<std::optional<FoundResult>> read_result(SqliteDatabase& database, const Bytes& id, Instant now,
                                               uint64_t value_bytes);

}  // namespace eventmq
