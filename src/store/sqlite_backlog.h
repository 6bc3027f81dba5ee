// The tables of the backlog: jobs that no router holds in memory, and how many there are in each lane. All changes are
// made within a transaction of the caller's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "src/store/batch_changes.h"
#include "src/store/sqlite_database.h"

namespace eventmq {

class SqliteBacklog {
 public:
  // The database must outlive it.
  static Result<SqliteBacklog> prepare(SqliteDatabase& database);

  // A job that is accepted, or the last of whose records makes it one of the backlog. Its message is in its own row or
  // in large_payloads, as `payload` says.
  Result<void> insert(const JobChange& change, int64_t queue_id, std::optional<Blob> payload);
  // False: it is not there.
  Result<bool> remove(JobKey key);
  // To and from the table of jobs that a router holds. False: it is not where it should come from.
  Result<bool> move_to_held(JobKey key);
  Result<bool> move_from_held(const JobRequeued& record);
  // Writes down what the changes since the last time do to the lanes' numbers.
  Result<void> write_lanes();
  // After a transaction that failed.
  void forget_changes() { changes_.clear(); }

  // Errors: those of read_job_row too.
  Result<BacklogClaimed> claim(const BacklogClaim& claim);

 private:
  struct LaneChange {
    int64_t waiting = 0;
    int64_t delayed = 0;
  };

  explicit SqliteBacklog(SqliteDatabase& database) : database_(&database) {}

  void count(int64_t queue_id, int64_t priority, bool delayed, int64_t by);
  Result<bool> count_removed(SqliteStatement& removal, int64_t by);
  Result<void> take_all(BacklogClaimed& claimed, int64_t queue_id);
  Result<void> take_keys(BacklogClaimed& claimed, int64_t queue_id);
  Result<void> take_rows(SqliteStatement& select, BacklogClaimed& claimed);
  Result<void> find_next(BacklogClaimed& claimed, int64_t queue_id);

  SqliteDatabase* database_;
  std::map<std::pair<int64_t, int64_t>, LaneChange> changes_;  // by queue_id and priority
  SqliteStatement insert_;
  SqliteStatement remove_;
  SqliteStatement add_held_;
  SqliteStatement remove_held_;
  SqliteStatement add_from_held_;
  SqliteStatement add_to_lane_;
  SqliteStatement find_queue_;
  SqliteStatement select_due_;
  SqliteStatement select_expired_;
  SqliteStatement select_one_;
  SqliteStatement next_due_;
  SqliteStatement next_expiry_;
};

}  // namespace eventmq
