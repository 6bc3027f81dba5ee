#include "src/store/sqlite_schema.h"

#include <fmt/format.h>

namespace eventmq {
namespace {

constexpr Migration kMigrations[] = {
    {R"sql(
      CREATE TABLE meta (
        key    TEXT NOT NULL PRIMARY KEY,
        value  ANY NOT NULL
      ) STRICT, WITHOUT ROWID;
      INSERT INTO meta VALUES
        ('store_id', lower(hex(randomblob(16)))), ('epoch', 0), ('commit', 0), ('last_key', 0);

      CREATE TABLE queues (
        queue_id   INTEGER PRIMARY KEY,
        name       TEXT NOT NULL UNIQUE,
        accepted   INTEGER NOT NULL,
        done       INTEGER NOT NULL,
        dead       INTEGER NOT NULL,
        expired    INTEGER NOT NULL,
        cancelled  INTEGER NOT NULL
      ) STRICT;

      CREATE TABLE jobs (
        key           INTEGER PRIMARY KEY,
        id            TEXT NOT NULL,
        queue_id      INTEGER NOT NULL REFERENCES queues,
        headers       TEXT NOT NULL,
        accepted_at   INTEGER NOT NULL,
        due_at        INTEGER NOT NULL,
        expires_at    INTEGER,
        running       INTEGER NOT NULL,
        attempt       INTEGER NOT NULL,
        retries_used  INTEGER NOT NULL,
        losses        INTEGER NOT NULL,
        worker        BLOB NOT NULL,
        payload       BLOB
      ) STRICT;

      CREATE TABLE large_payloads (
        key      INTEGER PRIMARY KEY REFERENCES jobs,
        payload  BLOB NOT NULL
      ) STRICT;

      CREATE TABLE ended (
        seq           INTEGER PRIMARY KEY,
        id            TEXT NOT NULL,
        outcome       TEXT NOT NULL,
        ended_at      INTEGER NOT NULL,
        reply_wanted  INTEGER NOT NULL,
        result        BLOB NOT NULL
      ) STRICT;
    )sql"},
    // The backlog: jobs that no router holds in memory.
    {R"sql(
      CREATE TABLE backlog (
        key           INTEGER PRIMARY KEY,
        id            TEXT NOT NULL,
        queue_id      INTEGER NOT NULL REFERENCES queues,
        priority      INTEGER NOT NULL,
        headers       TEXT NOT NULL,
        accepted_at   INTEGER NOT NULL,
        due_at        INTEGER NOT NULL,
        expires_at    INTEGER,
        attempt       INTEGER NOT NULL,
        retries_used  INTEGER NOT NULL,
        losses        INTEGER NOT NULL,
        worker        BLOB NOT NULL,
        reply_to      BLOB NOT NULL,
        payload       BLOB
      ) STRICT;
      CREATE INDEX backlog_in_order ON backlog (queue_id, priority, due_at);
      CREATE INDEX backlog_by_expiry ON backlog (queue_id, expires_at) WHERE expires_at IS NOT NULL;

      CREATE TABLE lanes (
        queue_id  INTEGER NOT NULL REFERENCES queues,
        priority  INTEGER NOT NULL,
        waiting   INTEGER NOT NULL,
        delayed   INTEGER NOT NULL,
        PRIMARY KEY (queue_id, priority)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE payloads (
        key      INTEGER PRIMARY KEY,
        payload  BLOB NOT NULL
      ) STRICT;
      INSERT INTO payloads SELECT key, payload FROM large_payloads;
      DROP TABLE large_payloads;
      ALTER TABLE payloads RENAME TO large_payloads;
    )sql"},
    // Dead letters, and what becomes of a job's attempts.
    {R"sql(
      ALTER TABLE jobs ADD COLUMN history TEXT NOT NULL DEFAULT '';
      ALTER TABLE backlog ADD COLUMN history TEXT NOT NULL DEFAULT '';

      CREATE TABLE dead (
        seq          INTEGER PRIMARY KEY AUTOINCREMENT,
        key          INTEGER NOT NULL UNIQUE,
        id           TEXT NOT NULL,
        queue_id     INTEGER NOT NULL REFERENCES queues,
        name         TEXT NOT NULL,
        cause        TEXT NOT NULL,
        error        TEXT NOT NULL,
        accepted_at  INTEGER NOT NULL,
        ended_at     INTEGER NOT NULL,
        attempts     INTEGER NOT NULL,
        losses       INTEGER NOT NULL,
        history      TEXT NOT NULL,
        headers      TEXT NOT NULL,
        payload      BLOB
      ) STRICT;
      CREATE INDEX dead_by_id ON dead (id);
    )sql"},
    // Results that are kept for a while.
    {R"sql(
      CREATE TABLE results (
        seq          INTEGER PRIMARY KEY,
        id           TEXT NOT NULL UNIQUE,
        queue        TEXT NOT NULL,
        name         TEXT NOT NULL,
        outcome      TEXT NOT NULL,
        attempts     INTEGER NOT NULL,
        accepted_at  INTEGER NOT NULL,
        ended_at     INTEGER NOT NULL,
        kept_until   INTEGER NOT NULL,
        bytes_to     INTEGER NOT NULL,
        history      TEXT NOT NULL,
        value        BLOB NOT NULL
      ) STRICT;
      CREATE INDEX results_by_time ON results (kept_until);
      INSERT INTO meta VALUES ('results_dropped', 0);
    )sql"},
    // Dead letters that went for their number.
    {"INSERT INTO meta VALUES ('dead_dropped', 0);"},
};

constexpr std::string_view kColumns =
    "SELECT name, (SELECT group_concat(name || ' ' || type || ' ' || \"notnull\" || ' ' || pk, ', ') "
    "FROM pragma_table_info(tables.name)) FROM sqlite_schema AS tables WHERE type = 'table'";

Result<bool> is_new(SqliteDatabase& database) {
  return database.integer("SELECT count(*) FROM sqlite_schema").map([](int64_t tables) { return tables == 0; });
}

Result<void> migrate(SqliteDatabase& database, int64_t version, std::span<const Migration> migrations) {
  Result<void> done = database.run("BEGIN IMMEDIATE");
  for (size_t next = static_cast<size_t>(version); done && next < migrations.size(); ++next) {
    done = database.run(migrations[next].sql);
  }
  const std::string numbers = fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}; COMMIT",
                                          kStoreApplicationId, migrations.size());
  if (done) done = database.run(numbers.c_str());
  if (!done) (void)database.run("ROLLBACK");  // the fault is told already
  return done;
}

Result<void> use_log(SqliteDatabase& database, const std::string& path) {
  const Result<std::string> mode = database.text("PRAGMA journal_mode = WAL");
  if (!mode) return tl::unexpected(mode.error());
  if (*mode == "wal") return {};
  return fail(ErrorCode::kStoreUnavailable,
              fmt::format("{} cannot have a write-ahead log: put data_dir on a local disk", path));
}

}  // namespace

std::span<const Migration> store_migrations() { return kMigrations; }

Result<void> configure(SqliteDatabase& database) {
  return database.run(
      "PRAGMA synchronous = FULL;"             // a commit is on disk
      "PRAGMA journal_size_limit = 67108864;"  // bytes that the log keeps when it begins anew
      "PRAGMA mmap_size = 0;"                  // an I/O error is an error, not a signal
      "PRAGMA cache_size = -16384;"            // KiB
      "PRAGMA secure_delete = FAST;"           // no writes only to wipe what is deleted
      "PRAGMA cell_size_check = ON;"
      "PRAGMA trusted_schema = OFF;");
}

Result<void> prepare_schema(SqliteDatabase& database, const std::string& path, std::span<const Migration> migrations) {
  const Result<bool> fresh = is_new(database);
  if (!fresh) return tl::unexpected(fresh.error());
  const Result<int64_t> mark = database.integer("PRAGMA application_id");
  const Result<int64_t> version = database.integer("PRAGMA user_version");
  if (!mark || !version) return tl::unexpected(mark ? version.error() : mark.error());
  const bool unmarked = *mark == 0 && *version == 0 && *fresh;
  if (*mark != kStoreApplicationId && !unmarked) {
    return fail(ErrorCode::kBadValue,
                fmt::format("{} is not a file of EventMQ: move it away, or set another data_dir", path));
  }
  if (*version > static_cast<int64_t>(migrations.size())) {
    return fail(ErrorCode::kStoreUnavailable,
                fmt::format("{} has version {}, and this router knows versions up to {}: use the newer router, or set "
                            "another data_dir",
                            path, *version, migrations.size()));
  }
  if (*version < static_cast<int64_t>(migrations.size())) {
    if (Result<void> migrated = migrate(database, *version, migrations); !migrated) return migrated;
  }
  return use_log(database, path);
}

Result<TableColumns> columns_of_tables(SqliteDatabase& database) {
  TableColumns tables;
  const Result<void> read = for_each_row(database, kColumns, [&](const SqliteStatement& row) -> Result<void> {
    tables.emplace(row.text(0), row.text(1));
    return {};
  });
  if (!read) return tl::unexpected(read.error());
  return tables;
}

Result<TableColumns> columns_wanted(std::span<const Migration> migrations) {
  Result<SqliteDatabase> fresh = SqliteDatabase::open(":memory:", "");
  if (!fresh) return tl::unexpected(fresh.error());
  for (const Migration& step : migrations) {
    if (Result<void> done = fresh->run(step.sql); !done) return tl::unexpected(done.error());
  }
  return columns_of_tables(*fresh);
}

}  // namespace eventmq
