// A job's row, of either table that has jobs, as the broker knows it.
#pragma once

#include <string_view>

#include "src/base/result.h"
#include "src/store/sqlite_database.h"
#include "src/wire/job_record.h"

namespace eventmq {

// What a SELECT begins with whose rows read_job_row() understands; WHERE and ORDER BY may follow. The table of jobs
// that a router holds is `jobs`, that of the others `backlog`.
inline constexpr std::string_view kSelectHeldJobs =
    "SELECT jobs.key, id, queue_id, headers, accepted_at, due_at, expires_at, attempt, retries_used, losses, worker, "
    "coalesce(jobs.payload, large.payload), jobs.payload IS NULL AND large.payload IS NULL, running, FALSE, NULL, "
    "history "
    "FROM jobs LEFT JOIN large_payloads AS large ON large.key = jobs.key ";
inline constexpr std::string_view kSelectBacklogJobs =
    "SELECT backlog.key, id, queue_id, headers, accepted_at, due_at, expires_at, attempt, retries_used, losses, "
    "worker, "
    "coalesce(backlog.payload, large.payload), backlog.payload IS NULL AND large.payload IS NULL, FALSE, TRUE, "
    "reply_to, history "
    "FROM backlog LEFT JOIN large_payloads AS large ON large.key = backlog.key ";

// Of a row's first columns.
JobKey job_key_of(const SqliteStatement& row);
int64_t queue_id_of(const SqliteStatement& row);

// Errors: kStoreUnavailable for a row that makes no sense, with a text for people that names the job.
Result<StoredJob> read_job_row(const SqliteStatement& row, const Bytes& queue);

// Of a row with id, outcome, ended_at, reply_wanted and result. Errors: kStoreUnavailable, as above.
Result<StoredEnd> read_end_row(const SqliteStatement& row);

// Of a job in `jobs` whose id an earlier one there has, too. A router makes no such row.
Error id_twice(JobKey job, JobKey earlier);

// The same for what is wrong with any row.
Error unreadable_row(std::string_view row, std::string_view fault);

}  // namespace eventmq
