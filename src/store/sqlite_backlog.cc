#include "src/store/sqlite_backlog.h"

#include <fmt/format.h>

#include "src/store/sqlite_job_row.h"

namespace eventmq {
namespace {

constexpr std::string_view kInsert =
    "INSERT INTO backlog (key, id, queue_id, priority, headers, accepted_at, due_at, expires_at, attempt, "
    "retries_used, losses, worker, reply_to, payload, history) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
constexpr std::string_view kRemove =
    "DELETE FROM backlog WHERE key = ?1 RETURNING queue_id, priority, due_at > accepted_at";
constexpr std::string_view kAddHeld =
    "INSERT INTO jobs (key, id, queue_id, headers, accepted_at, due_at, expires_at, running, attempt, retries_used, "
    "losses, worker, payload, history) SELECT key, id, queue_id, headers, accepted_at, due_at, expires_at, FALSE, "
    "attempt, retries_used, losses, worker, payload, history FROM backlog WHERE key = ?1";
constexpr std::string_view kAddFromHeld =
    "INSERT INTO backlog (key, id, queue_id, priority, headers, accepted_at, due_at, expires_at, attempt, "
    "retries_used, losses, worker, reply_to, payload, history) SELECT key, id, queue_id, ?2, headers, accepted_at, "
    "due_at, expires_at, attempt, retries_used, losses, worker, ?3, payload, history FROM jobs WHERE key = ?1 "
    "RETURNING queue_id, priority, due_at > accepted_at";
constexpr std::string_view kRemoveHeld = "DELETE FROM jobs WHERE key = ?1";
constexpr std::string_view kAddToLane =
    "INSERT INTO lanes (queue_id, priority, waiting, delayed) VALUES (?1, ?2, ?3, ?4) "
    "ON CONFLICT (queue_id, priority) DO UPDATE SET waiting = waiting + excluded.waiting, "
    "delayed = delayed + excluded.delayed";

constexpr std::string_view kFindQueue = "SELECT queue_id FROM queues WHERE name = ?1";
constexpr std::string_view kDue =
    "WHERE queue_id = ?1 AND priority = ?2 AND (due_at, backlog.key) > (?3, ?4) AND due_at <= ?5 "
    "ORDER BY due_at, backlog.key";
constexpr std::string_view kExpired =
    "WHERE queue_id = ?1 AND expires_at IS NOT NULL AND expires_at <= ?2 ORDER BY expires_at, backlog.key";
constexpr std::string_view kOne = "WHERE backlog.key = ?2 AND queue_id = ?1";
constexpr std::string_view kNextDue =
    "SELECT due_at FROM backlog WHERE queue_id = ?1 AND priority = ?2 AND (due_at, key) > (?3, ?4) "
    "ORDER BY due_at, key LIMIT 1";
constexpr std::string_view kNextExpiry =
    "SELECT expires_at FROM backlog WHERE queue_id = ?1 AND expires_at IS NOT NULL AND (expires_at, key) > (?2, ?3) "
    "ORDER BY expires_at, key LIMIT 1";

// Of a statement that gives one number or none.
Result<Instant> instant_or_never(SqliteStatement& statement) {
  const Result<bool> row = statement.next();
  if (!row) return tl::unexpected(row.error());
  const Instant found = *row ? Instant{statement.integer(0)} : Instant::never();
  statement.reset();
  return found;
}

}  // namespace

Result<SqliteBacklog> SqliteBacklog::prepare(SqliteDatabase& database) {
  SqliteBacklog backlog(database);
  StatementPreparer prepare_one(database);
  const auto select_jobs = [](std::string_view which) { return fmt::format("{}{}", kSelectBacklogJobs, which); };
  prepare_one(backlog.insert_, kInsert);
  prepare_one(backlog.remove_, kRemove);
  prepare_one(backlog.add_held_, kAddHeld);
  prepare_one(backlog.remove_held_, kRemoveHeld);
  prepare_one(backlog.add_from_held_, kAddFromHeld);
  prepare_one(backlog.add_to_lane_, kAddToLane);
  prepare_one(backlog.find_queue_, kFindQueue);
  prepare_one(backlog.select_due_, select_jobs(kDue));
  prepare_one(backlog.select_expired_, select_jobs(kExpired));
  prepare_one(backlog.select_one_, select_jobs(kOne));
  prepare_one(backlog.next_due_, kNextDue);
  prepare_one(backlog.next_expiry_, kNextExpiry);
  if (!prepare_one.result()) return tl::unexpected(prepare_one.result().error());
  return backlog;
}

// --- Changes ---

void SqliteBacklog::count(int64_t queue_id, int64_t priority, bool delayed, int64_t by) {
  LaneChange& change = changes_[{queue_id, priority}];
  (delayed ? change.delayed : change.waiting) += by;
}

// `removal` has been started; its row, if there is one, says which lane changes.
Result<bool> SqliteBacklog::count_removed(SqliteStatement& removal, int64_t by) {
  Result<bool> row = removal.next();
  if (!row || !*row) return row;
  count(removal.integer(0), removal.integer(1), removal.integer(2) != 0, by);
  Result<bool> end = removal.next();  // only then is it done
  if (!end) return end;
  return true;
}

Result<void> SqliteBacklog::insert(const JobChange& change, int64_t queue_id, std::optional<Blob> payload) {
  const JobAccepted& job = *change.accepted;
  const Instant due_at = change.requeued ? change.requeued->due_at : job.due_at;
  count(queue_id, job.headers.priority, due_at > job.accepted_at, 1);
  return insert_.run(signed_integer(job.key), job.id.view(), queue_id, int64_t{job.headers.priority},
                     job.headers.text.view(), job.accepted_at.us, due_at.us,
                     job.expires_at == Instant::never() ? std::nullopt : std::optional(job.expires_at.us),
                     signed_integer(change.attempt),
                     signed_integer(change.requeued ? change.requeued->retries_used : 0), signed_integer(change.losses),
                     Blob{change.started ? change.started->worker.view() : std::string_view()},
                     Blob{(change.requeued ? change.requeued->reply_to : job.reply_to).view()}, payload,
                     change.requeued ? change.requeued->history.view() : std::string_view());
}

Result<bool> SqliteBacklog::remove(JobKey key) {
  remove_.start(signed_integer(key));
  return count_removed(remove_, -1);
}

Result<bool> SqliteBacklog::move_to_held(JobKey key) {
  return add_held_.run(signed_integer(key)).and_then([&] { return remove(key); });
}

Result<bool> SqliteBacklog::move_from_held(const JobRequeued& record) {
  add_from_held_.start(signed_integer(record.key), int64_t{record.priority}, Blob{record.reply_to.view()});
  Result<bool> added = count_removed(add_from_held_, 1);
  if (!added || !*added) return added;
  return remove_held_.run(signed_integer(record.key)).map([] { return true; });
}

Result<void> SqliteBacklog::write_lanes() {
  for (const auto& [lane, change] : changes_) {
    Result<void> done = add_to_lane_.run(lane.first, lane.second, change.waiting, change.delayed);
    if (!done) return done;
  }
  changes_.clear();
  return {};
}

// --- Claims ---

Result<BacklogClaimed> SqliteBacklog::claim(const BacklogClaim& claim) {
  BacklogClaimed claimed{.claim = claim};
  find_queue_.start(claim.queue.view());
  const Result<bool> found = find_queue_.next();
  if (!found) return tl::unexpected(found.error());
  if (!*found) {
    claimed.keys_done = claim.keys.size();
    return claimed;
  }
  const int64_t queue_id = find_queue_.integer(0);
  find_queue_.reset();
  Result<void> done = take_all(claimed, queue_id);
  if (done) done = find_next(claimed, queue_id);
  if (!done) return tl::unexpected(done.error());
  return claimed;
}

Result<void> SqliteBacklog::take_all(BacklogClaimed& claimed, int64_t queue_id) {
  const BacklogClaim& claim = claimed.claim;
  if (claim.which == BacklogClaim::Which::kKeys) return take_keys(claimed, queue_id);
  const bool due = claim.which == BacklogClaim::Which::kDue;
  SqliteStatement& select = due ? select_due_ : select_expired_;
  if (due) {
    select.start(queue_id, int64_t{claim.priority}, claim.after.due_at.us, signed_integer(claim.after.key),
                 claim.now.us);
  } else {
    select.start(queue_id, claim.now.us);
  }
  Result<void> done = take_rows(select, claimed);
  select.reset();
  return done;
}

// One more than fits is read, and not looked for.
Result<void> SqliteBacklog::take_keys(BacklogClaimed& claimed, int64_t queue_id) {
  uint64_t bytes = 0;
  for (const JobKey key : claimed.claim.keys) {
    select_one_.start(queue_id, signed_integer(key));
    const Result<bool> row = select_one_.next();
    if (!row) return tl::unexpected(row.error());
    if (*row) {
      Result<StoredJob> job = read_job_row(select_one_, claimed.claim.queue);
      select_one_.reset();
      if (!job) return tl::unexpected(job.error());
      bytes += job->accepted.payload.size();
      if (!claimed.jobs.empty() && bytes > claimed.claim.bytes) return {};
      claimed.jobs.push_back(std::move(*job));
    }
    ++claimed.keys_done;
  }
  return {};
}

Result<void> SqliteBacklog::take_rows(SqliteStatement& select, BacklogClaimed& claimed) {
  uint64_t bytes = 0;
  while (claimed.jobs.size() < claimed.claim.jobs) {
    const Result<bool> row = select.next();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    Result<StoredJob> job = read_job_row(select, claimed.claim.queue);
    if (!job) return tl::unexpected(job.error());
    bytes += job->accepted.payload.size();
    if (!claimed.jobs.empty() && bytes > claimed.claim.bytes) return {};
    claimed.jobs.push_back(std::move(*job));
  }
  return {};
}

Result<void> SqliteBacklog::find_next(BacklogClaimed& claimed, int64_t queue_id) {
  const BacklogClaim& claim = claimed.claim;
  const StoredJob* last = claimed.jobs.empty() ? nullptr : &claimed.jobs.back();
  if (claim.which == BacklogClaim::Which::kDue) {
    const LanePlace behind = last ? LanePlace{last->due_at, last->accepted.key} : claim.after;
    next_due_.start(queue_id, int64_t{claim.priority}, behind.due_at.us, signed_integer(behind.key));
    const Result<Instant> next = instant_or_never(next_due_);
    if (!next) return tl::unexpected(next.error());
    claimed.next_due = *next;
  }
  LanePlace behind;
  if (claim.which == BacklogClaim::Which::kExpired && last) behind = {last->accepted.expires_at, last->accepted.key};
  next_expiry_.start(queue_id, behind.due_at.us, signed_integer(behind.key));
  const Result<Instant> next = instant_or_never(next_expiry_);
  if (!next) return tl::unexpected(next.error());
  claimed.next_expiry = *next;
  return {};
}

}  // namespace eventmq
