#include "src/store/sqlite_questions.h"

#include <set>
#include <utility>

#include "src/base/signals_blocked.h"
#include "src/store/sqlite_dead_letters.h"
#include "src/store/sqlite_job_row.h"
#include "src/store/sqlite_results.h"

namespace eventmq {
namespace {

// As kSelectBacklogJobs, but for the length of the message at the end and most of the message.
constexpr std::string_view kListed =
    "SELECT backlog.key, id, queue_id, headers, accepted_at, due_at, expires_at, attempt, retries_used, losses, "
    "worker, "
    "substr(coalesce(backlog.payload, large.payload), 1, ?2), backlog.payload IS NULL AND large.payload IS NULL, "
    "FALSE, "
    "TRUE, reply_to, history, length(coalesce(backlog.payload, large.payload)), name "
    "FROM backlog LEFT JOIN large_payloads AS large ON large.key = backlog.key JOIN queues USING (queue_id) "
    "WHERE backlog.key = ?1";
// What decides whether a job is listed; the keys are those of the table itself, so this reads it in order.
constexpr std::string_view kLookedAt =
    "SELECT backlog.key, id, name, due_at FROM backlog JOIN queues USING (queue_id) WHERE backlog.key > ?1 "
    "ORDER BY backlog.key LIMIT ?2";

bool fits(const StoreQuestion& question, const SqliteStatement& row) {
  if (!question.id.empty() && question.id != row.text(1)) return false;
  if (!question.queue.empty() && question.queue != row.text(2)) return false;
  return !question.due || *question.due == (Instant{row.integer(3)} <= question.now);
}

Result<ListedJob> read_listed(SqliteStatement& select, JobKey key) {
  select.start(static_cast<int64_t>(key), static_cast<int64_t>(kListedBytes));
  const Result<bool> row = select.next();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return fail(ErrorCode::kStoreUnavailable, "a job of the backlog is gone in the midst of a reading");
  return read_job_row(select, Bytes(select.text(18))).map([&](StoredJob&& job) {
    return ListedJob{std::move(job), static_cast<uint64_t>(select.integer(17))};
  });
}

Result<void> list_jobs(SqliteDatabase& database, const StoreQuestion& question, StoreAnswer& answer) {
  Result<SqliteStatement> listed = database.prepare(kListed);
  if (!listed) return tl::unexpected(listed.error());
  uint64_t visited = 0;
  JobKey last = question.behind;
  bool more = false;
  Result<SqliteStatement> rows = database.prepare(kLookedAt);
  if (!rows) return tl::unexpected(rows.error());
  rows->start(static_cast<int64_t>(question.behind), static_cast<int64_t>(question.visits));
  while (!more) {
    const Result<bool> row = rows->next();
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
    ++visited;
    last = job_key_of(*rows);
    if (fits(question, *rows)) {
      Result<ListedJob> job = read_listed(*listed, last);
      if (!job) return tl::unexpected(job.error());
      answer.jobs.push_back(std::move(*job));
    }
    more = answer.jobs.size() >= question.rows;
  }
  if (more || visited == question.visits) answer.next = last;
  return {};
}

Result<void> list_dead(SqliteDatabase& database, const DeadQuery& query, StoreAnswer& answer) {
  return read_dead_letters(database, query).map([&](DeadLetters&& letters) { answer.dead = std::move(letters); });
}

Result<void> find_result(SqliteDatabase& database, const StoreQuestion& question, StoreAnswer& answer) {
  return read_result(database, question.id, question.now, *question.result_bytes)
      .map([&](std::optional<FoundResult>&& found) { answer.result = std::move(found); });
}

// From the newest on, until each has been found: whoever asks does so for a job that ended lately.
constexpr std::string_view kEnds = "SELECT id, outcome, ended_at, reply_wanted, result FROM ended ORDER BY seq DESC";

Result<void> find_ends(SqliteDatabase& database, const StoreQuestion& question, StoreAnswer& answer) {
  std::set<std::string_view> wanted;
  for (const Bytes& id : question.ends) wanted.insert(id.view());
  Result<SqliteStatement> rows = database.prepare(kEnds);
  if (!rows) return tl::unexpected(rows.error());
  rows->start();
  while (!wanted.empty()) {
    const Result<bool> row = rows->next();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    if (wanted.erase(rows->text(0)) == 0) continue;
    Result<StoredEnd> end = read_end_row(*rows);
    if (!end) return tl::unexpected(end.error());
    answer.ends.push_back(std::move(*end));
  }
  return {};
}

Result<void> answer_all(SqliteDatabase& database, const StoreQuestion& question, StoreAnswer& answer) {
  Result<void> done;
  if (question.dead) done = list_dead(database, *question.dead, answer);
  if (done && question.result_bytes) done = find_result(database, question, answer);
  if (done && !question.ends.empty()) done = find_ends(database, question, answer);
  if (done && !answer.result && question.visits > 0) done = list_jobs(database, question, answer);
  return done;
}

}  // namespace

Result<StoreAnswer> answer_question(SqliteDatabase& database, const StoreQuestion& question) {
  StoreAnswer answer{.number = question.number};
  // One transaction, so that all of it is of one moment.
  Result<void> done = database.run("BEGIN");
  if (done) done = answer_all(database, question, answer);
  const Result<void> ended = database.run("COMMIT");
  if (done) done = ended;
  if (!done) return tl::unexpected(done.error());
  return answer;
}

SqliteQuestions::SqliteQuestions(std::string path, std::string vfs, std::function<void()> on_answer)
    : path_(std::move(path)),
      vfs_(std::move(vfs)),
      on_answer_(std::move(on_answer)),
      thread_(thread_without_signals([this] { run(); })) {}

SqliteQuestions::~SqliteQuestions() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void SqliteQuestions::ask(StoreQuestion question) {
  {
    const std::lock_guard lock(mutex_);
    questions_.push_back(std::move(question));
  }
  wake_.notify_one();
}

std::vector<StoreAnswer> SqliteQuestions::take_answers() {
  const std::lock_guard lock(mutex_);
  return std::exchange(answers_, {});
}

void SqliteQuestions::run() {
  while (true) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] { return stopping_ || !questions_.empty(); });
    if (stopping_) return;
    const StoreQuestion question = std::move(questions_.front());
    questions_.pop_front();
    lock.unlock();
    StoreAnswer answered = answer(question);
    lock.lock();
    answers_.push_back(std::move(answered));
    lock.unlock();
    on_answer_();
  }
}

// Opens the file for each question: after a fault the store goes on with a new handle, perhaps of another file.
StoreAnswer SqliteQuestions::answer(const StoreQuestion& question) {
  Result<StoreAnswer> answered =
      SqliteDatabase::open_read_only(path_, vfs_, false).and_then([&](SqliteDatabase&& database) {
        return answer_question(database, question);
      });
  if (answered) return *std::move(answered);
  return {.number = question.number, .error = answered.error()};
}

}  // namespace eventmq
