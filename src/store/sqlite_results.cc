#include "src/store/sqlite_results.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "src/store/sqlite_job_row.h"

namespace eventmq {
namespace {

constexpr int64_t kTrimmedAtLeast = 64;                                  // rows that one batch looks at
constexpr uint64_t kLongestValue = std::numeric_limits<int32_t>::max();  // that SQLite keeps; substr() takes no more

// `bytes_to`: of all values up to this one. From its difference to the newest row's it is known how much came after a
// row, without a count of what there is.
constexpr std::string_view kInsert =
    "INSERT OR REPLACE INTO results (id, queue, name, outcome, attempts, accepted_at, ended_at, kept_until, bytes_to, "
    "history, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, "
    "coalesce((SELECT bytes_to FROM results ORDER BY seq DESC LIMIT 1), 0) + ?9, ?10, ?11)";
constexpr std::string_view kRemove = "DELETE FROM results WHERE id = ?1";
constexpr std::string_view kTrimOver =
    "DELETE FROM results WHERE seq IN (SELECT seq FROM results WHERE kept_until <= ?1 ORDER BY kept_until LIMIT ?2)";
constexpr std::string_view kNewest = "SELECT seq, bytes_to FROM results ORDER BY seq DESC LIMIT 1";
constexpr std::string_view kOldest = "SELECT seq, bytes_to FROM results ORDER BY seq LIMIT ?1";
constexpr std::string_view kTrim = "DELETE FROM results WHERE seq <= ?1";
constexpr std::string_view kCountDropped = "UPDATE meta SET value = value + ?1 WHERE key = 'results_dropped'";

constexpr std::string_view kSelect =
    "SELECT id, queue, name, outcome, attempts, accepted_at, ended_at, kept_until, history, length(value), "
    "substr(value, 1, ?3) FROM results WHERE id = ?1 AND kept_until > ?2";

int64_t number(uint64_t value) {
  return static_cast<int64_t>(std::min<uint64_t>(value, std::numeric_limits<int64_t>::max()));
}

Result<FoundResult> read_row(const SqliteStatement& row) {
  FoundResult found;
  ResultKept& kept = found.kept;
  kept.id = Bytes(row.text(0));
  if (!outcome_from_word(row.text(3), kept.outcome)) {
    return tl::unexpected(
        unreadable_row(fmt::format("result of {}", kept.id.view()), fmt::format("its outcome is {}", row.text(3))));
  }
  kept.queue = Bytes(row.text(1));
  kept.name = Bytes(row.text(2));
  kept.attempts = static_cast<uint32_t>(row.integer(4));
  kept.accepted_at = Instant{row.integer(5)};
  kept.ended_at = Instant{row.integer(6)};
  kept.until = Instant{row.integer(7)};
  kept.history = Bytes(row.text(8));
  found.value_bytes = static_cast<uint64_t>(row.integer(9));
  kept.value = Bytes(row.blob(10));
  return found;
}

}  // namespace

Result<SqliteResults> SqliteResults::prepare(SqliteDatabase& database) {
  SqliteResults results(database);
  StatementPreparer prepare_one(database);
  prepare_one(results.insert_, kInsert);
  prepare_one(results.remove_, kRemove);
  prepare_one(results.trim_over_, kTrimOver);
  prepare_one(results.newest_, kNewest);
  prepare_one(results.oldest_, kOldest);
  prepare_one(results.trim_, kTrim);
  prepare_one(results.count_dropped_, kCountDropped);
  if (!prepare_one.result()) return tl::unexpected(prepare_one.result().error());
  return results;
}

Result<void> SqliteResults::write(const std::vector<ResultChange>& changes) {
  for (const ResultChange& change : changes) {
    if (Result<void> done = change.kept ? insert(*change.kept) : remove_.run(change.removed); !done) return done;
  }
  return {};
}

Result<void> SqliteResults::insert(const ResultKept& record) {
  return insert_.run(record.id.view(), record.queue.view(), record.name.view(), outcome_word(record.outcome),
                     number(record.attempts), record.accepted_at.us, record.ended_at.us, record.until.us,
                     number(record.value.size()), record.history.view(), Blob{record.value.view()});
}

Result<void> SqliteResults::trim(size_t added, Instant now, const Retention& retention) {
  const int64_t rows = kTrimmedAtLeast + 2 * number(added);
  return trim_over_.run(now.us, rows).and_then([&] { return trim_oldest(rows, retention); });
}

Result<void> SqliteResults::trim_oldest(int64_t rows, const Retention& retention) {
  newest_.start();
  const Result<bool> any = newest_.next();
  if (!any) return tl::unexpected(any.error());
  const int64_t newest = *any ? newest_.integer(0) : 0;
  const int64_t bytes_to = *any ? newest_.integer(1) : 0;
  newest_.reset();
  if (!*any) return {};
  int64_t last_to_go = 0;
  oldest_.start(rows);
  while (true) {
    const Result<bool> row = oldest_.next();
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
    const int64_t seq = oldest_.integer(0);
    const bool too_many = newest - seq >= number(retention.results);
    if (!too_many && bytes_to - oldest_.integer(1) < number(retention.result_bytes)) break;
    last_to_go = seq;
  }
  oldest_.reset();
  if (last_to_go == 0) return {};
  return trim_.run(last_to_go).and_then([&] { return count_dropped_.run(database_->changed_rows()); });
}

Result<std::optional<FoundResult>> read_result(SqliteDatabase& database, const Bytes& id, Instant now,
                                               uint64_t value_bytes) {
  Result<SqliteStatement> select = database.prepare(kSelect);
  if (!select) return tl::unexpected(select.error());
  select->start(id.view(), now.us, number(std::min(value_bytes, kLongestValue)));
  const Result<bool> row = select->next();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return std::nullopt;
  return read_row(*select).map([](FoundResult&& found) { return std::optional(std::move(found)); });
}

}  // namespace eventmq
