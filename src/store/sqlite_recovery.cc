#include "src/store/sqlite_recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "src/wire/limits.h"

namespace eventmq {
namespace {

constexpr std::string_view kQueues =
    "SELECT queue_id, name, accepted, done, dead, expired, cancelled FROM queues ORDER BY queue_id";
constexpr std::string_view kJobs =
    "SELECT jobs.key, id, queue_id, headers, accepted_at, due_at, expires_at, running, attempt, retries_used, losses, "
    "worker, coalesce(jobs.payload, large.payload), jobs.payload IS NULL AND large.payload IS NULL "
    "FROM jobs LEFT JOIN large_payloads AS large ON large.key = jobs.key ORDER BY jobs.key";
constexpr std::string_view kEnded =
    // The results of the newest only: the broker remembers no more of them.
    "WITH newest(seq) AS (SELECT max(seq) FROM ended) "
    "SELECT id, outcome, ended_at, reply_wanted AND ended.seq > newest.seq - ?3, "
    "CASE WHEN ended.seq > newest.seq - ?3 THEN result END FROM ended, newest "
    "WHERE ended.seq > newest.seq - ?1 AND ended_at > ?2 ORDER BY ended.seq";

using QueueNames = std::unordered_map<int64_t, Bytes>;

Error unreadable(std::string_view row, std::string_view fault) {
  return {ErrorCode::kStoreUnavailable,
          fmt::format("the store's {} cannot be read ({}): mend the row, or delete it, with sqlite3", row, fault)};
}

uint64_t count(const SqliteStatement& row, int column) { return static_cast<uint64_t>(row.integer(column)); }
uint32_t small_count(const SqliteStatement& row, int column) { return static_cast<uint32_t>(row.integer(column)); }

Result<void> read_queues(SqliteDatabase& database, StoredRows& rows, QueueNames& names) {
  return for_each_row(database, kQueues, [&](const SqliteStatement& row) -> Result<void> {
    const Bytes name(row.text(1));
    names.emplace(row.integer(0), name);
    rows.add(StoredQueue{name, count(row, 2), count(row, 3), count(row, 4), count(row, 5), count(row, 6)});
    return {};
  });
}

Result<void> read_job(const SqliteStatement& row, const QueueNames& names, StoredJob& job) {
  job.accepted.key = count(row, 0);
  const auto queue = names.find(row.integer(2));
  if (queue == names.end()) return fail(ErrorCode::kStoreUnavailable, "its queue is missing");
  if (row.integer(13) != 0) return fail(ErrorCode::kStoreUnavailable, "its payload is missing");
  job.accepted.queue = queue->second;
  const std::string_view id = row.text(1), headers = row.text(3), worker = row.blob(11), payload = row.blob(12);
  BytesPacker packer(id.size() + headers.size() + worker.size());
  job.accepted.id = packer.add(id);
  job.worker = packer.add(worker);
  job.accepted.payload = Bytes(payload);  // by itself: the id may be kept for longer
  Result<JobHeaders> parsed = parse_headers(packer.add(headers));
  if (!parsed) return tl::unexpected(parsed.error());
  job.accepted.headers = std::move(*parsed);
  job.accepted.headers.guarantee = true;
  job.accepted.accepted_at = Instant{row.integer(4)};
  job.accepted.due_at = job.due_at = Instant{row.integer(5)};
  job.accepted.expires_at = row.is_null(6) ? Instant::never() : Instant{row.integer(6)};
  job.running = row.integer(7) != 0;
  job.attempt = small_count(row, 8);
  job.retries_used = small_count(row, 9);
  job.losses = small_count(row, 10);
  return {};
}

Result<void> read_jobs(SqliteDatabase& database, StoredRows& rows, const QueueNames& names) {
  return for_each_row(database, kJobs, [&](const SqliteStatement& row) -> Result<void> {
    StoredJob job;
    const Result<void> read = read_job(row, names, job);
    if (!read) return rows.unreadable(unreadable(fmt::format("job {}", row.integer(0)), read.error().text));
    rows.add(std::move(job));
    return {};
  });
}

Result<void> read_ended(SqliteDatabase& database, StoredRows& rows, Instant now, DedupeLimits limits) {
  const auto take = [&](const SqliteStatement& row) -> Result<void> {
    StoredEnd end;
    if (!outcome_from_word(row.text(1), end.outcome)) {
      return rows.unreadable(
          unreadable(fmt::format("ended job {}", row.text(0)), fmt::format("its outcome is {}", row.text(1))));
    }
    end.id = Bytes(row.text(0));
    end.result = Bytes(row.blob(4));
    end.ended_at = Instant{row.integer(2)};
    end.reply_wanted = row.integer(3) != 0;
    rows.add(std::move(end));
    return {};
  };
  const uint64_t ids = std::min<uint64_t>(limits.ids, std::numeric_limits<int64_t>::max());
  return for_each_row(database, kEnded, take, static_cast<int64_t>(ids), (now - limits.window).us,
                      static_cast<int64_t>(limits::kRecentReplies));
}

// Keeps all of them, and stops at one that makes no sense: nothing that was accepted is left out.
class StateRows : public StoredRows {
 public:
  explicit StateRows(StoredState& state) : state_(state) {}
  void add(StoredQueue queue) override { state_.queues.push_back(std::move(queue)); }
  void add(StoredJob job) override { state_.jobs.push_back(std::move(job)); }
  void add(StoredEnd end) override { state_.ended.push_back(std::move(end)); }
  Result<void> unreadable(Error fault) override { return tl::unexpected(std::move(fault)); }

 private:
  StoredState& state_;
};

Result<StoredState> read_all(SqliteDatabase& database, Instant now, DedupeLimits limits) {
  StoredState state;
  StateRows rows(state);
  const Result<int64_t> last_key = database.integer("SELECT value FROM meta WHERE key = 'last_key'");
  if (!last_key) return tl::unexpected(last_key.error());
  state.last_key = static_cast<JobKey>(*last_key);
  const Result<void> read = read_stored_rows(database, now, limits, rows);
  if (!read) return tl::unexpected(read.error());
  return state;
}

}  // namespace

Result<StoredState> read_stored_state(SqliteDatabase& database, Instant now, DedupeLimits limits) {
  // One transaction, so that all of it is of one moment.
  if (Result<void> begun = database.run("BEGIN"); !begun) return tl::unexpected(begun.error());
  Result<StoredState> state = read_all(database, now, limits);
  const Result<void> ended = database.run("COMMIT");
  if (state && !ended) return tl::unexpected(ended.error());
  return state;
}

Result<void> read_stored_rows(SqliteDatabase& database, Instant now, DedupeLimits limits, StoredRows& rows) {
  QueueNames names;
  Result<void> read = read_queues(database, rows, names);
  if (read) read = read_jobs(database, rows, names);
  if (read) read = read_ended(database, rows, now, limits);
  return read;
}

}  // namespace eventmq
