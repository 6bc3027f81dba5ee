// Writes a batch of records into the tables, within a transaction that the caller begins and commits.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "src/store/batch_changes.h"
#include "src/store/sqlite_backlog.h"
#include "src/store/sqlite_database.h"
#include "src/store/sqlite_dead_letters.h"
#include "src/store/sqlite_results.h"
#include "src/store/store.h"

namespace eventmq {

// Which life of a router writes, and how far it has come. Both stand in the file: `epoch` rises with every router that
// opens it, and fences off those before.
struct CommitMark {
  int64_t epoch = 0;
  CommitNumber commit = 0;
};

class SqliteRecords {
 public:
  // The database must outlive it.
  static Result<SqliteRecords> prepare(SqliteDatabase& database);

  // Errors: those of SqliteDatabase; kForbidden when the file is not as this life left it: another router has opened
  // it since, or a job that a record speaks of is not there.
  Result<void> write(const BatchChanges& changes, CommitMark mark, Retention limits);
  Result<BacklogClaimed> claim(const BacklogClaim& claim) { return backlog_.claim(claim); }

 private:
  SqliteRecords(SqliteDatabase& database, SqliteBacklog backlog, SqliteDeadLetters dead, SqliteResults results)
      : database_(&database), backlog_(std::move(backlog)), dead_(std::move(dead)), results_(std::move(results)) {}

  Result<void> write_mark(CommitMark mark, JobKey last_key);
  Result<void> write_queues(const std::vector<QueueChange>& queues);
  Result<void> write_job(const JobChange& change);
  Result<void> insert_job(const JobChange& change);
  Result<void> update_job(const JobChange& change);
  Result<bool> update_held(const JobChange& change);
  Result<void> write_death(const JobChange& change);
  Result<void> insert_large_payload(JobKey key, std::string_view payload);
  Result<void> delete_row(JobKey key);
  Result<void> write_ended(const std::vector<EndChange>& ended);
  Result<void> trim_ended(size_t added, Instant now, Retention limits);

  SqliteDatabase* database_;
  SqliteBacklog backlog_;
  SqliteDeadLetters dead_;
  SqliteResults results_;
  std::vector<int64_t> queue_ids_;  // of the batch's queues
  SqliteStatement mark_commit_;
  SqliteStatement mark_key_;
  SqliteStatement add_to_queue_;
  SqliteStatement insert_job_;
  SqliteStatement insert_payload_;
  SqliteStatement update_job_;
  SqliteStatement delete_job_;
  SqliteStatement delete_payload_;
  SqliteStatement insert_ended_;
  SqliteStatement oldest_ended_;
  SqliteStatement delete_ended_;
};

}  // namespace eventmq
