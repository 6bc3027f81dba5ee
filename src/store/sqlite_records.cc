#include "src/store/sqlite_records.h"

#include <fmt/format.h>

#include "src/store/sqlite_schema.h"

namespace eventmq {
namespace {

constexpr int64_t kTrimmedAtLeast = 64;  // rows that one batch looks at

constexpr std::string_view kMarkCommit =
    "UPDATE meta SET value = ?1 WHERE key = 'commit' AND (SELECT value FROM meta WHERE key = 'epoch') = ?2";
constexpr std::string_view kMarkKey = "UPDATE meta SET value = ?1 WHERE key = 'last_key' AND value < ?1";
constexpr std::string_view kAddToQueue =
    "INSERT INTO queues (name, accepted, done, dead, expired, cancelled) VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
    "ON CONFLICT (name) DO UPDATE SET accepted = accepted + excluded.accepted, done = done + excluded.done, "
    "dead = dead + excluded.dead, expired = expired + excluded.expired, cancelled = cancelled + excluded.cancelled "
    "RETURNING queue_id";
constexpr std::string_view kInsertJob =
    "INSERT INTO jobs (key, id, queue_id, headers, accepted_at, due_at, expires_at, running, attempt, retries_used, "
    "losses, worker, payload, history) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
constexpr std::string_view kInsertPayload = "INSERT INTO large_payloads (key, payload) VALUES (?1, ?2)";
constexpr std::string_view kUpdateJob =
    "UPDATE jobs SET running = ?2, attempt = ?3, losses = ?4, retries_used = coalesce(?5, retries_used), "
    "due_at = coalesce(?6, due_at), worker = coalesce(?7, worker), history = coalesce(?8, history) WHERE key = ?1";
constexpr std::string_view kDeleteJob = "DELETE FROM jobs WHERE key = ?1";
constexpr std::string_view kDeletePayload = "DELETE FROM large_payloads WHERE key = ?1";
constexpr std::string_view kInsertEnded =
    "INSERT INTO ended (id, outcome, ended_at, reply_wanted, result) VALUES (?1, ?2, ?3, ?4, ?5)";
constexpr std::string_view kOldestEnded = "SELECT seq, ended_at FROM ended ORDER BY seq LIMIT ?1";
constexpr std::string_view kDeleteEnded = "DELETE FROM ended WHERE seq <= ?1";

// Nothing if it is too large for a row.
std::optional<Blob> payload_in_row(std::string_view payload) {
  return payload.size() > kPayloadBytesInRow ? std::nullopt : std::optional(Blob{payload});
}

Result<void> there(Result<bool> found, JobKey key) {
  if (!found) return tl::unexpected(found.error());
  if (*found) return {};
  return fail(ErrorCode::kForbidden,
              fmt::format("job {} of this router is not in the store, so something else has changed it: restart the "
                          "router to go on with what is there",
                          key));
}

}  // namespace

Result<SqliteRecords> SqliteRecords::prepare(SqliteDatabase& database) {
  Result<SqliteBacklog> backlog = SqliteBacklog::prepare(database);
  if (!backlog) return tl::unexpected(backlog.error());
  Result<SqliteDeadLetters> dead = SqliteDeadLetters::prepare(database);
  if (!dead) return tl::unexpected(dead.error());
  Result<SqliteResults> results = SqliteResults::prepare(database);
  if (!results) return tl::unexpected(results.error());
  SqliteRecords records(database, std::move(*backlog), std::move(*dead), std::move(*results));
  StatementPreparer prepare_one(database);
  prepare_one(records.mark_commit_, kMarkCommit);
  prepare_one(records.mark_key_, kMarkKey);
  prepare_one(records.add_to_queue_, kAddToQueue);
  prepare_one(records.insert_job_, kInsertJob);
  prepare_one(records.insert_payload_, kInsertPayload);
  prepare_one(records.update_job_, kUpdateJob);
  prepare_one(records.delete_job_, kDeleteJob);
  prepare_one(records.delete_payload_, kDeletePayload);
  prepare_one(records.insert_ended_, kInsertEnded);
  prepare_one(records.oldest_ended_, kOldestEnded);
  prepare_one(records.delete_ended_, kDeleteEnded);
  if (!prepare_one.result()) return tl::unexpected(prepare_one.result().error());
  return records;
}

Result<void> SqliteRecords::write(const BatchChanges& changes, CommitMark mark, Retention limits) {
  Result<void> done = write_mark(mark, changes.last_key());
  if (done) done = write_queues(changes.queues());
  backlog_.forget_changes();
  for (const JobChange& change : changes.jobs()) {
    const bool dies = change.ended && is_dead(change.ended->outcome);
    if (done && !dies) done = write_job(change);
  }
  for (const size_t index : changes.deaths()) {
    if (done) done = write_death(changes.jobs()[index]);
  }
  if (done) done = backlog_.write_lanes();
  for (const JobKey key : changes.letters_removed()) {
    if (done) done = dead_.remove(key);
  }
  if (done) done = results_.write(changes.results());
  if (!done || changes.ended().empty()) return done;
  const Instant now = changes.ended().back().ended_at;
  done = write_ended(changes.ended());
  if (done) done = trim_ended(changes.ended().size(), now, limits);
  if (done) done = dead_.trim(changes.ended().size(), now, limits);
  if (done) done = results_.trim(changes.ended().size(), now, limits);
  return done;
}

Result<void> SqliteRecords::write_mark(CommitMark mark, JobKey last_key) {
  if (Result<void> done = mark_commit_.run(signed_integer(mark.commit), mark.epoch); !done) return done;
  if (database_->changed_rows() != 1) {
    return fail(ErrorCode::kForbidden, "another router has taken over the store: stop one of the two");
  }
  return last_key == 0 ? Result<void>() : mark_key_.run(signed_integer(last_key));
}

Result<void> SqliteRecords::write_queues(const std::vector<QueueChange>& queues) {
  queue_ids_.clear();
  for (const QueueChange& queue : queues) {
    const Result<int64_t> id = add_to_queue_.run_for_integer(queue.name, queue.accepted, queue.done, queue.dead,
                                                             queue.expired, queue.cancelled);
    if (!id) return tl::unexpected(id.error());
    queue_ids_.push_back(*id);
  }
  return {};
}

Result<void> SqliteRecords::write_job(const JobChange& change) {
  if (change.accepted && change.ended) return {};
  if (change.accepted) return insert_job(change);
  if (!change.ended) return update_job(change);
  return delete_row(change.key).and_then([&] { return delete_payload_.run(signed_integer(change.key)); });
}

// A message in large_payloads stays there.
Result<void> SqliteRecords::write_death(const JobChange& change) {
  if (!change.accepted) {
    return dead_.copy(*change.ended).and_then([&] { return delete_row(change.key); });
  }
  const std::string_view payload = change.accepted->payload.view();
  return dead_.insert(change, queue_ids_[change.queue], payload_in_row(payload)).and_then([&] {
    return insert_large_payload(change.key, payload);
  });
}

Result<void> SqliteRecords::insert_large_payload(JobKey key, std::string_view payload) {
  return payload_in_row(payload) ? Result<void>() : insert_payload_.run(signed_integer(key), Blob{payload});
}

Result<void> SqliteRecords::insert_job(const JobChange& change) {
  const JobAccepted& job = *change.accepted;
  const std::string_view payload = job.payload.view();
  const std::optional<Blob> in_row = payload_in_row(payload);
  Result<void> done;
  if (change.backlog) {
    done = backlog_.insert(change, queue_ids_[change.queue], in_row);
  } else {
    done = insert_job_.run(signed_integer(job.key), job.id.view(), queue_ids_[change.queue], job.headers.text.view(),
                           job.accepted_at.us, (change.requeued ? change.requeued->due_at : job.due_at).us,
                           job.expires_at == Instant::never() ? std::nullopt : std::optional(job.expires_at.us),
                           signed_integer(change.running), signed_integer(change.attempt),
                           signed_integer(change.requeued ? change.requeued->retries_used : 0),
                           signed_integer(change.losses),
                           Blob{change.started ? change.started->worker.view() : std::string_view()}, in_row,
                           change.requeued ? change.requeued->history.view() : std::string_view());
  }
  if (done) done = insert_large_payload(job.key, payload);
  return done;
}

// A job that was claimed is still in the backlog until now.
Result<void> SqliteRecords::update_job(const JobChange& change) {
  Result<bool> found = update_held(change);
  if (found && !*found) {
    found = backlog_.move_to_held(change.key);
    if (found && *found) found = update_held(change);
  }
  if (found && *found && change.backlog) found = backlog_.move_from_held(*change.requeued);
  return there(std::move(found), change.key);
}

Result<bool> SqliteRecords::update_held(const JobChange& change) {
  const JobRequeued* requeued = change.requeued;
  return update_job_
      .run(signed_integer(change.key), signed_integer(change.running), signed_integer(change.attempt),
           signed_integer(change.losses),
           requeued ? std::optional(signed_integer(requeued->retries_used)) : std::nullopt,
           requeued ? std::optional(requeued->due_at.us) : std::nullopt,
           change.started ? std::optional(Blob{change.started->worker.view()}) : std::nullopt,
           requeued ? std::optional(requeued->history.view()) : std::nullopt)
      .map([&] { return database_->changed_rows() == 1; });
}

Result<void> SqliteRecords::delete_row(JobKey key) {
  Result<bool> found = delete_job_.run(signed_integer(key)).map([&] { return database_->changed_rows() == 1; });
  if (found && !*found) found = backlog_.remove(key);
  return there(std::move(found), key);
}

Result<void> SqliteRecords::write_ended(const std::vector<EndChange>& ended) {
  for (const EndChange& end : ended) {
    Result<void> done = insert_ended_.run(end.id, outcome_word(end.outcome), end.ended_at.us,
                                          signed_integer(end.reply_wanted), Blob{end.result});
    if (!done) return done;
  }
  return {};
}

// Rows go from the front only, so their numbers have no gaps and tell how many there are.
Result<void> SqliteRecords::trim_ended(size_t added, Instant now, Retention limits) {
  const int64_t newest = database_->last_row();
  int64_t last_to_go = 0;
  oldest_ended_.start(kTrimmedAtLeast + 2 * signed_integer(added));
  while (true) {
    const Result<bool> row = oldest_ended_.next();
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
    const int64_t seq = oldest_ended_.integer(0);
    const bool too_many = static_cast<uint64_t>(newest - seq) >= limits.ids;
    if (!too_many && Instant{oldest_ended_.integer(1)} + limits.window > now) break;
    last_to_go = seq;
  }
  oldest_ended_.reset();
  return last_to_go == 0 ? Result<void>() : delete_ended_.run(last_to_go);
}

}  // namespace eventmq
