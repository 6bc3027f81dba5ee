// Reads what an earlier life left in the tables.
#pragma once

#include "src/store/sqlite_database.h"
#include "src/store/store.h"

namespace eventmq {

// Needs no memory beyond its result. Of a job, due_at is the last one, in `accepted` too; every job is guaranteed,
// whether its own headers say so or a request that shares it asked for it. Errors: those of SqliteDatabase;
// kStoreUnavailable for a row that makes no sense, which is named; so is the second of two in `jobs` with one id.
Result<StoredState> read_stored_state(SqliteDatabase& database, Instant now, Retention limits);

// How far the clock was set back since the newest job was accepted that has not ended, or one was put back into its
// queue that waits for no retry, or one ended; a second or less is none. A job that was taken with a clock ahead of
// time would else wait until the new clock has come there. Of the backlog and of the ends it looks at the last alone.
// Errors: those of SqliteDatabase.
Result<Duration> clock_set_back(SqliteDatabase& database, Instant now);
// Moves the times of all jobs that were accepted after `now`, and of ids that ended after it, back by so much, in one
// transaction: what is due, what is delayed and for how long, and their order stay as they were. Of those that were
// accepted before, and put back into their queue after `now`, the time at which they are due is moved, to `now` at
// most; one that may wait for a retry for ten minutes or less is left alone. `epoch` is that of the life that does it;
// after a younger one came nothing changes. It reads every job, and writes those, which takes a minute for ten million.
// Errors: those of SqliteDatabase; the database must not be used any more then.
Result<void> follow_clock_back(SqliteDatabase& database, Instant now, Duration by, int64_t epoch);

// Who takes what is read, row by row.
class StoredRows {
 public:
  virtual ~StoredRows() = default;
  virtual void add(StoredQueue queue) = 0;
  virtual void add(StoredJob job) = 0;
  virtual void add(StoredEnd end) = 0;
  // A row that makes no sense. An error ends the reading; without one the row is left out.
  virtual Result<void> unreadable(Error fault) = 0;
  // Whether the jobs of the backlog are wanted too, which may take long.
  virtual bool wants_backlog() const = 0;
};
// The same row by row, in the order of StoredState and within a transaction of the caller's. Errors: those of
// SqliteDatabase and of StoredRows::unreadable.
Result<void> read_stored_rows(SqliteDatabase& database, Instant now, Retention limits, StoredRows& rows);

}  // namespace eventmq
