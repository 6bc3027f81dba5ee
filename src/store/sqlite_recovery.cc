#include "src/store/sqlite_recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>
#include <unordered_map>
#include <utility>

#include "src/store/sqlite_job_row.h"
#include "src/wire/limits.h"

namespace eventmq {
namespace {

constexpr std::string_view kQueues =
    "SELECT queue_id, name, accepted, done, dead, expired, cancelled, (SELECT min(expires_at) FROM backlog "
    "WHERE backlog.queue_id = queues.queue_id AND expires_at IS NOT NULL) FROM queues ORDER BY queue_id";
constexpr std::string_view kLanes =
    "SELECT queue_id, priority, waiting, delayed, (SELECT min(due_at) FROM backlog "
    "WHERE backlog.queue_id = lanes.queue_id AND backlog.priority = lanes.priority) FROM lanes "
    "WHERE waiting <> 0 OR delayed <> 0 ORDER BY queue_id, priority";
constexpr std::string_view kEnded =
    // The results of the newest only: the broker remembers no more of them.
    "WITH newest(seq) AS (SELECT max(seq) FROM ended) "
    "SELECT id, outcome, ended_at, reply_wanted AND ended.seq > newest.seq - ?3, "
    "CASE WHEN ended.seq > newest.seq - ?3 THEN result END FROM ended, newest "
    "WHERE ended.seq > newest.seq - ?1 AND ended_at > ?2 ORDER BY ended.seq";

constexpr std::string_view kBacklogIds = "SELECT id, accepted_at FROM backlog ORDER BY key DESC LIMIT ?1";

// The newest moment that a clock had shown. A job that was given the guarantee late has a younger key than those
// that came after it, so all that a router held are looked at; of the backlog and the ends, which may be many, the
// last. A job that was started and never retried was due by then.
constexpr const char* kNewest =
    "SELECT max(coalesce((SELECT max(CASE WHEN attempt > 0 AND retries_used = 0 THEN max(accepted_at, due_at) "
    "ELSE accepted_at END) FROM jobs), 0), "
    "coalesce((SELECT accepted_at FROM backlog ORDER BY key DESC LIMIT 1), 0), "
    "coalesce((SELECT ended_at FROM ended ORDER BY seq DESC LIMIT 1), 0))";
// A job without an end keeps its NULL.
constexpr std::string_view kMoveBack =
    "UPDATE {} SET accepted_at = accepted_at - ?2, due_at = due_at - ?2, expires_at = expires_at - ?2 "
    "WHERE accepted_at > ?1 AND (SELECT value FROM meta WHERE meta.key = 'epoch') = ?3";
// Else a job that was accepted again after its end would come before it.
constexpr std::string_view kMoveEndsBack =
    "UPDATE ended SET ended_at = ended_at - ?2 "
    "WHERE ended_at > ?1 AND (SELECT value FROM meta WHERE meta.key = 'epoch') = ?3";
// Accepted before now and due after it, so still delayed as its lane counts it.
constexpr std::string_view kDueLater =
    "SELECT key, accepted_at, due_at, attempt, retries_used, headers FROM {} WHERE accepted_at < ?1 AND due_at > ?1";
constexpr std::string_view kMoveDueBack =
    "UPDATE {} SET due_at = max(?1, due_at - ?2) WHERE key = ?4 "
    "AND (SELECT value FROM meta WHERE meta.key = 'epoch') = ?3";
// A wait before a retry that may be a right one: the longest, unless a setting allows more.
constexpr Duration kUsualBackoff = seconds(600);
constexpr Duration kClockSlack = seconds(1);

using QueueNames = std::unordered_map<int64_t, Bytes>;
using Lanes = std::unordered_map<int64_t, std::vector<StoredLane>>;  // by queue_id

uint64_t count(const SqliteStatement& row, int column) { return static_cast<uint64_t>(row.integer(column)); }

Instant instant_or_never(const SqliteStatement& row, int column) {
  return row.is_null(column) ? Instant::never() : Instant{row.integer(column)};
}

Result<Lanes> read_lanes(SqliteDatabase& database) {
  Lanes lanes;
  const auto take = [&](const SqliteStatement& row) -> Result<void> {
    const int64_t priority = row.integer(1);
    if (priority < 0 || priority > limits::kPriorityHighest) {
      return tl::unexpected(unreadable_row("lane", fmt::format("its priority is {}", priority)));
    }
    lanes[row.integer(0)].push_back(
        {static_cast<uint8_t>(priority), count(row, 2), count(row, 3), instant_or_never(row, 4)});
    return {};
  };
  if (Result<void> read = for_each_row(database, kLanes, take); !read) return tl::unexpected(read.error());
  return lanes;
}

Result<void> read_queues(SqliteDatabase& database, StoredRows& rows, QueueNames& names) {
  Result<Lanes> lanes = read_lanes(database);
  if (!lanes) return tl::unexpected(lanes.error());
  return for_each_row(database, kQueues, [&](const SqliteStatement& row) -> Result<void> {
    const Bytes name(row.text(1));
    names.emplace(row.integer(0), name);
    rows.add(StoredQueue{name, count(row, 2), count(row, 3), count(row, 4), count(row, 5), count(row, 6),
                         std::move((*lanes)[row.integer(0)]), instant_or_never(row, 7)});
    return {};
  });
}

Result<void> read_jobs(SqliteDatabase& database, std::string_view select, StoredRows& rows, const QueueNames& names) {
  return for_each_row(database, select, [&](const SqliteStatement& row) -> Result<void> {
    const auto queue = names.find(queue_id_of(row));
    if (queue == names.end()) {
      return rows.unreadable(unreadable_row(fmt::format("job {}", job_key_of(row)), "its queue is missing"));
    }
    Result<StoredJob> job = read_job_row(row, queue->second);
    if (!job) return rows.unreadable(std::move(job.error()));
    rows.add(std::move(*job));
    return {};
  });
}

// Newest first; keys rise in the order of acceptance.
Result<std::vector<BacklogId>> read_backlog_ids(SqliteDatabase& database, Instant now, Retention limits) {
  std::vector<BacklogId> newest;
  Result<SqliteStatement> select = database.prepare(kBacklogIds);
  if (!select) return tl::unexpected(select.error());
  select->start(static_cast<int64_t>(std::min<uint64_t>(limits.ids, std::numeric_limits<int64_t>::max())));
  while (true) {
    const Result<bool> row = select->next();
    if (!row) return tl::unexpected(row.error());
    if (!*row || Instant{select->integer(1)} + limits.window <= now) break;
    newest.push_back({Bytes(select->text(0)), Instant{select->integer(1)}});
  }
  return std::vector<BacklogId>(std::make_move_iterator(newest.rbegin()), std::make_move_iterator(newest.rend()));
}

Result<void> read_ended(SqliteDatabase& database, StoredRows& rows, Instant now, Retention limits) {
  const auto take = [&](const SqliteStatement& row) -> Result<void> {
    Result<StoredEnd> end = read_end_row(row);
    if (!end) return rows.unreadable(end.error());
    rows.add(std::move(*end));
    return {};
  };
  const uint64_t ids = std::min<uint64_t>(limits.ids, std::numeric_limits<int64_t>::max());
  return for_each_row(database, kEnded, take, static_cast<int64_t>(ids), (now - limits.window).us,
                      static_cast<int64_t>(limits::kRecentReplies));
}

// That each is another job. The table has no index for this, and a set of the ids would need much more memory.
Result<void> check_ids(const std::vector<StoredJob>& jobs) {
  std::vector<std::pair<size_t, size_t>> by_hash;  // and place
  by_hash.reserve(jobs.size());
  for (const StoredJob& job : jobs) {
    by_hash.emplace_back(std::hash<std::string_view>()(job.accepted.id.view()), by_hash.size());
  }
  std::ranges::sort(by_hash);
  for (size_t first = 0; first < by_hash.size(); ++first) {
    const JobAccepted& earlier = jobs[by_hash[first].second].accepted;
    for (size_t next = first + 1; next < by_hash.size() && by_hash[next].first == by_hash[first].first; ++next) {
      const JobAccepted& later = jobs[by_hash[next].second].accepted;
      if (later.id == earlier.id) return tl::unexpected(id_twice(later.key, earlier.key));
    }
  }
  return {};
}

// Of a row of kDueLater: whether the clock that was ahead made it due so late. Its delay, or the wait before a retry,
// may also be the reason.
bool was_requeued_ahead(const SqliteStatement& row, Instant now) {
  const Instant accepted_at{row.integer(1)}, due_at{row.integer(2)};
  if (row.integer(4) > 0) return due_at > now + kUsualBackoff;
  if (row.integer(3) > 0) return true;
  const Result<JobHeaders> headers = parse_headers(Bytes(row.text(5)));
  return headers && due_at != accepted_at + headers->delay;
}

// Jobs that were accepted with a right clock, and put back into their queue with one that was ahead.
Result<void> move_due_back(SqliteDatabase& database, std::string_view table, Instant now, Duration by, int64_t epoch) {
  std::vector<int64_t> keys;
  const auto take = [&](const SqliteStatement& row) -> Result<void> {
    if (was_requeued_ahead(row, now)) keys.push_back(row.integer(0));
    return {};
  };
  Result<void> done = for_each_row(database, fmt::format(fmt::runtime(kDueLater), table), take, now.us);
  Result<SqliteStatement> update = database.prepare(fmt::format(fmt::runtime(kMoveDueBack), table));
  if (!update) return tl::unexpected(update.error());
  for (size_t next = 0; done && next < keys.size(); ++next) done = update->run(now.us, by.us, epoch, keys[next]);
  return done;
}

// Keeps all of them, and stops at one that makes no sense: nothing that was accepted is left out.
class StateRows : public StoredRows {
 public:
  explicit StateRows(StoredState& state) : state_(state) {}
  void add(StoredQueue queue) override { state_.queues.push_back(std::move(queue)); }
  void add(StoredJob job) override { state_.jobs.push_back(std::move(job)); }
  void add(StoredEnd end) override { state_.ended.push_back(std::move(end)); }
  Result<void> unreadable(Error fault) override { return tl::unexpected(std::move(fault)); }
  bool wants_backlog() const override { return false; }

 private:
  StoredState& state_;
};

Result<StoredState> read_all(SqliteDatabase& database, Instant now, Retention limits) {
  StoredState state;
  StateRows rows(state);
  const Result<int64_t> last_key = database.integer("SELECT value FROM meta WHERE key = 'last_key'");
  const Result<int64_t> dead_letters = database.integer("SELECT count(*) FROM dead");
  if (!last_key || !dead_letters) return tl::unexpected(last_key ? dead_letters.error() : last_key.error());
  state.last_key = static_cast<JobKey>(*last_key);
  state.dead_letters = static_cast<uint64_t>(*dead_letters);
  const Result<void> read =
      read_stored_rows(database, now, limits, rows).and_then([&] { return check_ids(state.jobs); });
  if (!read) return tl::unexpected(read.error());
  return read_backlog_ids(database, now, limits).map([&](std::vector<BacklogId>&& ids) {
    state.backlog = std::move(ids);
    return std::move(state);
  });
}

}  // namespace

Result<StoredState> read_stored_state(SqliteDatabase& database, Instant now, Retention limits) {
  // One transaction, so that all of it is of one moment.
  if (Result<void> begun = database.run("BEGIN"); !begun) return tl::unexpected(begun.error());
  Result<StoredState> state = read_all(database, now, limits);
  const Result<void> ended = database.run("COMMIT");
  if (state && !ended) return tl::unexpected(ended.error());
  return state;
}

Result<Duration> clock_set_back(SqliteDatabase& database, Instant now) {
  return database.integer(kNewest).map([&](int64_t newest) {
    const Duration ahead = Instant{newest} - now;
    return ahead > kClockSlack ? ahead : Duration();
  });
}

Result<void> follow_clock_back(SqliteDatabase& database, Instant now, Duration by, int64_t epoch) {
  const auto run = [&](std::string_view sql) {
    return database.prepare(sql).and_then([&](SqliteStatement&& update) { return update.run(now.us, by.us, epoch); });
  };
  const auto move = [&](std::string_view table) {
    return move_due_back(database, table, now, by, epoch).and_then([&] {
      return run(fmt::format(fmt::runtime(kMoveBack), table));
    });
  };
  return database.run("BEGIN IMMEDIATE")
      .and_then([&] { return move("jobs"); })
      .and_then([&] { return move("backlog"); })
      .and_then([&] { return run(kMoveEndsBack); })
      .and_then([&] { return database.run("COMMIT"); });
}

Result<void> read_stored_rows(SqliteDatabase& database, Instant now, Retention limits, StoredRows& rows) {
  QueueNames names;
  Result<void> read = read_queues(database, rows, names);
  if (read) read = read_jobs(database, fmt::format("{}ORDER BY jobs.key", kSelectHeldJobs), rows, names);
  if (read && rows.wants_backlog()) read = read_jobs(database, kSelectBacklogJobs, rows, names);
  if (read) read = read_ended(database, rows, now, limits);
  return read;
}

}  // namespace eventmq
