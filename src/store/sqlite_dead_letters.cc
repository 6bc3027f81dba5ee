#include "src/store/sqlite_dead_letters.h"

#include <fmt/format.h>

#include <string>

#include "src/store/sqlite_job_row.h"

namespace eventmq {
namespace {

constexpr int64_t kTrimmedAtLeast = 64;  // rows that one batch looks at

constexpr std::string_view kInsert =
    "INSERT INTO dead (key, id, queue_id, name, cause, error, accepted_at, ended_at, attempts, losses, history, "
    "headers, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
// FROM and WHERE follow.
constexpr std::string_view kCopy =
    "INSERT INTO dead (key, id, queue_id, name, cause, error, accepted_at, ended_at, attempts, losses, history, "
    "headers, payload) SELECT key, id, queue_id, ?2, ?3, ?4, accepted_at, ?5, ?6, ?7, ?8, headers, payload ";
constexpr std::string_view kRemove = "DELETE FROM dead WHERE key = ?1";
constexpr std::string_view kRemovePayload =
    "DELETE FROM large_payloads WHERE key = (SELECT key FROM dead WHERE key = ?1)";
constexpr std::string_view kNewest = "SELECT coalesce(max(seq), 0) FROM dead";
constexpr std::string_view kOldest = "SELECT seq, ended_at FROM dead ORDER BY seq LIMIT ?1";
constexpr std::string_view kTrimPayloads =
    "DELETE FROM large_payloads WHERE key IN (SELECT key FROM dead WHERE seq <= ?1 AND payload IS NULL)";
constexpr std::string_view kTrim = "DELETE FROM dead WHERE seq <= ?1";
constexpr std::string_view kCountDropped = "UPDATE meta SET value = value + ?1 WHERE key = 'dead_dropped'";

// WHERE, ORDER BY and LIMIT follow.
constexpr std::string_view kSelect =
    "SELECT dead.seq, dead.key, id, queues.name, dead.name, cause, error, accepted_at, ended_at, attempts, losses, "
    "history, headers, length(coalesce(dead.payload, large.payload)){} FROM dead JOIN queues USING (queue_id) "
    "LEFT JOIN large_payloads AS large ON large.key = dead.key ";

std::string select_of(const DeadQuery& query) {
  std::string sql = fmt::format(kSelect, query.payloads ? ", coalesce(dead.payload, large.payload)" : "");
  sql += "WHERE dead.seq > ?1 AND ended_at >= ?2 AND ended_at <= ?3 ";
  // A value that is not asked for is NULL; the index by id is of use only without it.
  sql += query.id.empty() ? "AND ?4 IS NULL " : "AND id = ?4 ";
  sql += "AND (?5 IS NULL OR queues.name = ?5) AND (?6 IS NULL OR dead.name = ?6) AND (?7 IS NULL OR cause = ?7) ";
  sql += "ORDER BY dead.seq LIMIT ?8";
  return sql;
}

std::optional<std::string_view> if_asked(const Bytes& text) {
  return text.empty() ? std::nullopt : std::optional(text.view());
}

Result<DeadLetter> read_row(const SqliteStatement& row, bool payload) {
  DeadLetter letter;
  letter.key = static_cast<JobKey>(row.integer(1));
  if (!outcome_from_word(row.text(5), letter.cause)) {
    return tl::unexpected(
        unreadable_row(fmt::format("dead letter {}", letter.key), fmt::format("its cause is {}", row.text(5))));
  }
  if (row.is_null(13)) {
    return tl::unexpected(unreadable_row(fmt::format("dead letter {}", letter.key), "its payload is missing"));
  }
  letter.number = static_cast<uint64_t>(row.integer(0));
  letter.id = Bytes(row.text(2));
  letter.queue = Bytes(row.text(3));
  letter.name = Bytes(row.text(4));
  letter.error = Bytes(row.text(6));
  letter.accepted_at = Instant{row.integer(7)};
  letter.ended_at = Instant{row.integer(8)};
  letter.attempts = static_cast<uint32_t>(row.integer(9));
  letter.losses = static_cast<uint32_t>(row.integer(10));
  letter.history = Bytes(row.text(11));
  letter.headers = Bytes(row.text(12));
  letter.payload_bytes = static_cast<uint64_t>(row.integer(13));
  if (payload) letter.payload = Bytes(row.blob(14));
  return letter;
}

}  // namespace

Result<SqliteDeadLetters> SqliteDeadLetters::prepare(SqliteDatabase& database) {
  SqliteDeadLetters dead(database);
  StatementPreparer prepare_one(database);
  prepare_one(dead.insert_, kInsert);
  prepare_one(dead.copy_held_, fmt::format("{}FROM jobs WHERE key = ?1", kCopy));
  prepare_one(dead.copy_backlog_, fmt::format("{}FROM backlog WHERE key = ?1", kCopy));
  prepare_one(dead.remove_, kRemove);
  prepare_one(dead.remove_payload_, kRemovePayload);
  prepare_one(dead.newest_, kNewest);
  prepare_one(dead.oldest_, kOldest);
  prepare_one(dead.trim_payloads_, kTrimPayloads);
  prepare_one(dead.trim_, kTrim);
  prepare_one(dead.count_dropped_, kCountDropped);
  if (!prepare_one.result()) return tl::unexpected(prepare_one.result().error());
  return dead;
}

Result<void> SqliteDeadLetters::insert(const JobChange& change, int64_t queue_id, std::optional<Blob> payload) {
  const JobAccepted& job = *change.accepted;
  const JobEnded& end = *change.ended;
  return insert_.run(signed_integer(job.key), job.id.view(), queue_id, end.name.view(), outcome_word(end.outcome),
                     end.error.view(), job.accepted_at.us, end.ended_at.us, signed_integer(end.attempts),
                     signed_integer(end.losses), end.history.view(), job.headers.text.view(), payload);
}

Result<void> SqliteDeadLetters::copy(const JobEnded& record) {
  const auto copied = [&](SqliteStatement& copy) {
    return copy
        .run(signed_integer(record.key), record.name.view(), outcome_word(record.outcome), record.error.view(),
             record.ended_at.us, signed_integer(record.attempts), signed_integer(record.losses), record.history.view())
        .map([&] { return database_->changed_rows() == 1; });
  };
  Result<bool> found = copied(copy_held_);
  if (found && !*found) found = copied(copy_backlog_);
  return found.map([](bool) {});
}

Result<void> SqliteDeadLetters::remove(JobKey key) {
  return remove_payload_.run(signed_integer(key)).and_then([&] { return remove_.run(signed_integer(key)); });
}

Result<void> SqliteDeadLetters::trim(size_t added, Instant now, const Retention& retention) {
  const Result<int64_t> newest = newest_.run_for_integer();
  if (!newest) return tl::unexpected(newest.error());
  int64_t last_to_go = 0;
  int64_t dropped = 0;  // before their time
  oldest_.start(kTrimmedAtLeast + 2 * signed_integer(added));
  while (true) {
    const Result<bool> row = oldest_.next();
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
    const int64_t seq = oldest_.integer(0);
    const bool too_many = static_cast<uint64_t>(*newest - seq) >= retention.dead_letters;
    const bool too_old = Instant{oldest_.integer(1)} + retention.dead_window <= now;
    if (!too_many && !too_old) break;
    if (!too_old) ++dropped;
    last_to_go = seq;
  }
  oldest_.reset();
  if (last_to_go == 0) return {};
  return trim_payloads_.run(last_to_go).and_then([&] { return trim_.run(last_to_go); }).and_then([&] {
    return dropped > 0 ? count_dropped_.run(dropped) : Result<void>();
  });
}

Result<DeadLetters> read_dead_letters(SqliteDatabase& database, const DeadQuery& query) {
  DeadLetters found;
  uint64_t bytes = 0;
  Result<SqliteStatement> select = database.prepare(select_of(query));
  if (!select) return tl::unexpected(select.error());
  const std::optional<std::string_view> cause = query.cause ? std::optional(outcome_word(*query.cause)) : std::nullopt;
  select->start(signed_integer(query.after), query.from.us, query.until.us, if_asked(query.id), if_asked(query.queue),
                if_asked(query.name), cause, signed_integer(query.letters) + 1);
  while (true) {
    const Result<bool> row = select->next();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return found;
    Result<DeadLetter> letter = read_row(*select, query.payloads);
    if (!letter) return tl::unexpected(letter.error());
    bytes += letter->payload.size();
    found.more =
        found.letters.size() == query.letters || (!found.letters.empty() && query.payloads && bytes > query.bytes);
    if (found.more) return found;
    found.letters.push_back(std::move(*letter));
  }
}

}  // namespace eventmq
