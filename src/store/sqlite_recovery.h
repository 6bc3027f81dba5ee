// Reads what an earlier life left in the tables.
#pragma once

#include "src/store/sqlite_database.h"
#include "src/store/store.h"

namespace eventmq {

// Needs no memory beyond its result. Of a job, due_at is the last one, in `accepted` too; every job is guaranteed,
// whether its own headers say so or a request that shares it asked for it. Errors: those of SqliteDatabase;
// kStoreUnavailable for a row that makes no sense, which is named.
Result<StoredState> read_stored_state(SqliteDatabase& database, Instant now, DedupeLimits limits);

}  // namespace eventmq
