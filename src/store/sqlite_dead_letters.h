// The table of dead letters: jobs that ended without success, kept so that people can look into them and have them run
// again. All changes are made within a transaction of the caller's.
#pragma once

#include <cstdint>
#include <optional>

#include "src/store/batch_changes.h"
#include "src/store/sqlite_database.h"
#include "src/wire/store_question.h"

namespace eventmq {

class SqliteDeadLetters {
 public:
  // The database must outlive it.
  static Result<SqliteDeadLetters> prepare(SqliteDatabase& database);

  // A job that is accepted and dies within the batch. Its message is in its own row or in large_payloads, as `payload`
  // says.
  Result<void> insert(const JobChange& change, int64_t queue_id, std::optional<Blob> payload);
  // Of a row in the table of jobs that a router holds, or else in the backlog, which is not touched. Without a row
  // nothing is done.
  Result<void> copy(const JobEnded& record);
  // With its message. One that is not there is let pass.
  Result<void> remove(JobKey key);
  // After a batch in which so many jobs ended. Those that go before their time are counted.
  Result<void> trim(size_t added, Instant now, const Retention& retention);

 private:
  explicit SqliteDeadLetters(SqliteDatabase& database) : database_(&database) {}

  SqliteDatabase* database_;
  SqliteStatement insert_;
  SqliteStatement copy_held_;
  SqliteStatement copy_backlog_;
  SqliteStatement remove_;
  SqliteStatement remove_payload_;
  SqliteStatement newest_;
  SqliteStatement oldest_;
  SqliteStatement trim_payloads_;
  SqliteStatement trim_;
  SqliteStatement count_dropped_;
};

// On any connection. Errors: those of SqliteDatabase; kStoreUnavailable for a row that makes no sense, which is named.
Result<DeadLetters> read_dead_letters(SqliteDatabase& database, const DeadQuery& query);

}  // namespace eventmq
