#include "src/store/sqlite_verify.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <limits>
#include <map>
#include <unordered_map>

#include "src/store/sqlite_job_row.h"
#include "src/store/sqlite_reading.h"
#include "src/store/sqlite_recovery.h"
#include "src/store/sqlite_schema.h"

namespace eventmq {
namespace {

constexpr int kToldOfEachCheck = 20;
constexpr int kTries = 5;  // where a router that starts in the midst is noticed only afterwards

constexpr std::string_view kTriggers = "SELECT name FROM sqlite_schema WHERE type = 'trigger'";
constexpr std::string_view kBadMeta =
    "WITH wanted(name, type) AS (VALUES ('store_id', 'text'), ('epoch', 'integer'), ('commit', 'integer'), "
    "('last_key', 'integer'), ('results_dropped', 'integer'), ('dead_dropped', 'integer')) "
    "SELECT name FROM wanted LEFT JOIN meta ON meta.key = name "
    "WHERE value IS NULL OR typeof(value) <> type OR (type = 'integer' AND value < 0)";
constexpr std::string_view kBadKeys =
    "WITH bounds(last) AS (SELECT value FROM meta WHERE meta.key = 'last_key') "
    "SELECT key FROM jobs WHERE key < 1 UNION ALL SELECT key FROM backlog WHERE key < 1 UNION ALL "
    "SELECT key FROM jobs, bounds WHERE key > last UNION ALL SELECT key FROM backlog, bounds WHERE key > last "
    "UNION ALL SELECT key FROM dead, bounds WHERE key < 1 OR key > last";
constexpr std::string_view kTwice =
    "SELECT key, 'jobs', 'backlog' FROM jobs WHERE EXISTS (SELECT 1 FROM backlog WHERE key = jobs.key) "
    "UNION ALL SELECT key, 'jobs', 'dead' FROM jobs WHERE EXISTS (SELECT 1 FROM dead WHERE key = jobs.key) "
    "UNION ALL SELECT key, 'backlog', 'dead' FROM backlog WHERE EXISTS (SELECT 1 FROM dead WHERE key = backlog.key)";
constexpr std::string_view kSameIds =
    "SELECT key, first FROM (SELECT key, min(key) OVER (PARTITION BY id) AS first FROM jobs) WHERE key <> first "
    "ORDER BY key";
constexpr std::string_view kDead =
    "SELECT dead.key, cause, queues.queue_id IS NULL, dead.payload IS NULL AND large.payload IS NULL FROM dead "
    "LEFT JOIN queues USING (queue_id) LEFT JOIN large_payloads AS large ON large.key = dead.key ORDER BY dead.seq";
// In each row, `bytes_to` is that of the row before and the size of its own value, or more if rows between are gone.
constexpr std::string_view kResults =
    "SELECT id, outcome, bytes_to < length(value) + coalesce(lag(bytes_to) OVER (ORDER BY seq), 0), "
    "kept_until < ended_at FROM results ORDER BY seq";
constexpr std::string_view kOrphans =
    "SELECT key FROM large_payloads WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.key = large_payloads.key) "
    "AND NOT EXISTS (SELECT 1 FROM backlog WHERE backlog.key = large_payloads.key) "
    "AND NOT EXISTS (SELECT 1 FROM dead WHERE dead.key = large_payloads.key)";
constexpr std::string_view kLanesWithout =
    "WITH found AS (SELECT queue_id, priority, sum(due_at <= accepted_at) AS waiting, sum(due_at > accepted_at) AS "
    "delayed FROM backlog GROUP BY queue_id, priority) "
    "SELECT queue_id, priority, coalesce(lanes.waiting, 0), coalesce(lanes.delayed, 0), found.waiting, found.delayed "
    "FROM found LEFT JOIN lanes USING (queue_id, priority) "
    "WHERE lanes.waiting IS NOT found.waiting OR lanes.delayed IS NOT found.delayed "
    "UNION ALL SELECT queue_id, priority, waiting, delayed, 0, 0 FROM lanes WHERE (waiting <> 0 OR delayed <> 0) "
    "AND NOT EXISTS (SELECT 1 FROM found WHERE found.queue_id = lanes.queue_id AND found.priority = lanes.priority)";
constexpr std::string_view kCounts = "SELECT queue_id, name, accepted, done, dead, expired, cancelled FROM queues";
constexpr std::string_view kEndedNumbers = "SELECT coalesce(min(seq), 1), coalesce(max(seq), 0), count(*) FROM ended";

// Into a file that a router has open nothing may be written.
constexpr const char* kBySqlite = "with sqlite3 while no router runs";

class StoreVerifier : public StoredRows {
 public:
  StoreVerifier(SqliteDatabase& database, bool quick, StoreReport& report)
      : database_(database), quick_(quick), report_(report) {}

  void run() {
    told("pages", database_.run("BEGIN"));
    if (!is_ours()) return;
    check_pages();
    if (!check_tables()) return;
    check_meta();
    told("rows", read_stored_rows(database_, Instant{0}, kEverything, *this));
    check_ids();
    check_dead();
    check_results();
    check_keys();
    check_payloads();
    check_counts();
    check_lanes();
    check_ended();
  }

  void add(StoredQueue) override { ++report_.queues; }
  void add(StoredJob job) override {
    ++report_.jobs;
    report_.running += job.running ? 1 : 0;
    report_.backlog += job.accepted.backlog ? 1 : 0;
  }
  void add(StoredEnd) override { ++report_.ended; }
  Result<void> unreadable(Error fault) override {
    problem("rows", std::move(fault.text));
    return {};
  }
  bool wants_backlog() const override { return true; }

  void problem(const char* check, std::string text) {
    const StoreProblem found{check, std::move(text)};
    const auto same_text = [&](const StoreProblem& known) { return known.text == found.text; };
    if (std::ranges::any_of(report_.problems, same_text)) return;  // one fault of the disk stops several checks
    if (++told_[check] <= kToldOfEachCheck) {
      report_.problems.push_back(found);
    } else {
      ++report_.left_out;
    }
  }

 private:
  // All ended ids, however old.
  static constexpr Retention kEverything{{std::numeric_limits<int64_t>::max() / 2},
                                         std::numeric_limits<uint64_t>::max()};

  bool told(const char* check, const Result<void>& done) {
    if (!done) problem(check, done.error().text);
    return static_cast<bool>(done);
  }
  std::string a_copy(std::string_view fault) const {
    return fmt::format("{} {}: put a copy in its place", report_.path, fault);
  }

  bool is_ours();
  void check_pages();
  bool check_tables();
  void check_meta();
  void check_ids();
  void check_dead();
  void check_results();
  void check_keys();
  void check_payloads();
  void check_counts();
  void check_counts_of(const SqliteStatement& queue, int64_t held);
  void check_lanes();
  void check_ended();

  SqliteDatabase& database_;
  const bool quick_;
  StoreReport& report_;
  std::map<std::string, int> told_;  // by check
};

// Whether the rest can be checked: the file is ours, and of the version that this program knows.
bool StoreVerifier::is_ours() {
  const Result<int64_t> mark = database_.integer("PRAGMA application_id");
  const Result<int64_t> version = database_.integer("PRAGMA user_version");
  const Result<int64_t> things = database_.integer("SELECT count(*) FROM sqlite_schema");
  for (const Result<int64_t>* read : {&mark, &version, &things}) {
    if (!*read) problem("file", read->error().text);
  }
  if (!mark || !version || !things) return false;
  report_.version = *version;
  report_.found = *mark != 0 || *version != 0 || *things != 0;
  if (!report_.found) return false;
  const auto known = static_cast<int64_t>(store_migrations().size());
  if (*mark != kStoreApplicationId || *version < 1) {
    problem("file", fmt::format("{} is not a file of EventMQ: move it away, or set another data_dir", report_.path));
  } else if (*version > known) {
    problem("file", fmt::format("{} has version {}, and this program knows versions up to {}: verify it with the newer "
                                "one",
                                report_.path, *version, known));
  } else if (*version < known) {
    problem("file", fmt::format("{} has version {}, and this program checks version {}: start the router once, which "
                                "brings it up to that",
                                report_.path, *version, known));
  }
  return report_.problems.empty();
}

void StoreVerifier::check_pages() {
  told("pages", for_each_row(database_, quick_ ? "PRAGMA quick_check" : "PRAGMA integrity_check",
                             [&](const SqliteStatement& row) -> Result<void> {
                               std::string fault(row.text(0));
                               std::ranges::replace(fault, '\n', ' ');
                               if (fault != "ok")
                                 problem("pages", sqlite_fault(SQLITE_CORRUPT, 0, report_.path, fault));
                               return {};
                             }));
}

// Whether the rows can be checked.
bool StoreVerifier::check_tables() {
  const Result<TableColumns> tables = columns_of_tables(database_);
  const Result<TableColumns> wanted = columns_wanted(store_migrations());
  if (!tables || !wanted) return told("tables", tl::unexpected(tables ? wanted.error() : tables.error()));
  bool all_there = true;
  for (const auto& [name, columns] : *wanted) {
    const auto found = tables->find(name);
    if (found != tables->end() && found->second == columns) continue;
    problem("tables", a_copy(found == tables->end()
                                 ? fmt::format("lacks the table {}", name)
                                 : fmt::format("has other columns in its table {} than a router makes", name)));
    all_there = false;
  }
  told("tables", for_each_row(database_, kTriggers, [&](const SqliteStatement& row) -> Result<void> {
         problem("tables",
                 fmt::format("the trigger {} changes what a router writes: drop it {}", row.text(0), kBySqlite));
         return {};
       }));
  return all_there;
}

void StoreVerifier::check_meta() {
  told("meta", for_each_row(database_, kBadMeta, [&](const SqliteStatement& row) -> Result<void> {
         problem("meta", a_copy(fmt::format("has no sound {} in its table meta", row.text(0))));
         return {};
       }));
  report_.epoch = database_.integer("SELECT value FROM meta WHERE key = 'epoch'").value_or(0);
}

void StoreVerifier::check_ids() {
  told("rows", for_each_row(database_, kSameIds, [&](const SqliteStatement& row) -> Result<void> {
         problem("rows", id_twice(job_key_of(row), static_cast<JobKey>(row.integer(1))).text);
         return {};
       }));
}

void StoreVerifier::check_dead() {
  const auto fault_of = [](const SqliteStatement& row) -> std::string {
    Outcome cause = Outcome::kOk;
    if (!outcome_from_word(row.text(1), cause) || !is_dead(cause)) return fmt::format("its cause is {}", row.text(1));
    if (row.integer(2) != 0) return "its queue is missing";
    return row.integer(3) != 0 ? "its payload is missing" : "";
  };
  told("rows", for_each_row(database_, kDead, [&](const SqliteStatement& row) -> Result<void> {
         ++report_.dead;
         const std::string fault = fault_of(row);
         if (!fault.empty()) problem("rows", unreadable_row(fmt::format("dead letter {}", row.integer(0)), fault).text);
         return {};
       }));
  report_.dead_dropped = database_.integer("SELECT value FROM meta WHERE key = 'dead_dropped'").value_or(0);
}

void StoreVerifier::check_results() {
  const auto fault_of = [](const SqliteStatement& row) -> std::string {
    Outcome outcome = Outcome::kOk;
    if (!outcome_from_word(row.text(1), outcome)) return fmt::format("its outcome is {}", row.text(1));
    if (row.integer(2) != 0) return "its bytes_to is less than what stands before it";
    return row.integer(3) != 0 ? "it is kept until before its end" : "";
  };
  told("rows", for_each_row(database_, kResults, [&](const SqliteStatement& row) -> Result<void> {
         ++report_.results;
         const std::string fault = fault_of(row);
         if (!fault.empty()) problem("rows", unreadable_row(fmt::format("result of {}", row.text(0)), fault).text);
         return {};
       }));
  report_.results_dropped = database_.integer("SELECT value FROM meta WHERE key = 'results_dropped'").value_or(0);
}

void StoreVerifier::check_keys() {
  told("keys", for_each_row(database_, kBadKeys, [&](const SqliteStatement& row) -> Result<void> {
         problem("keys",
                 row.integer(0) < 1
                     ? fmt::format("the key of job {} is below 1: delete the row {}", row.integer(0), kBySqlite)
                     : fmt::format("the key of job {} is above last_key in meta, so it would be given out again: "
                                   "set last_key to the highest key of jobs {}",
                                   row.integer(0), kBySqlite));
         return {};
       }));
  told("keys", for_each_row(database_, kTwice, [&](const SqliteStatement& row) -> Result<void> {
         problem("keys",
                 fmt::format("job {} is in {} and in {}, so it would be run twice: delete one of the two rows {}",
                             row.integer(0), row.text(1), row.text(2), kBySqlite));
         return {};
       }));
}

void StoreVerifier::check_payloads() {
  told("payloads", for_each_row(database_, kOrphans, [&](const SqliteStatement& row) -> Result<void> {
         problem("payloads", fmt::format("large_payloads has a message {} of no job: delete the row {}", row.integer(0),
                                         kBySqlite));
         return {};
       }));
}

void StoreVerifier::check_counts() {
  std::unordered_map<int64_t, int64_t> held;
  const auto count = [&](const SqliteStatement& row) -> Result<void> {
    ++held[row.integer(0)];
    return {};
  };
  if (!told("counts",
            for_each_row(database_, "SELECT queue_id FROM jobs UNION ALL SELECT queue_id FROM backlog", count))) {
    return;
  }
  told("counts", for_each_row(database_, kCounts, [&](const SqliteStatement& row) -> Result<void> {
         const auto found = held.find(row.integer(0));
         check_counts_of(row, found == held.end() ? 0 : found->second);
         return {};
       }));
}

void StoreVerifier::check_counts_of(const SqliteStatement& queue, int64_t held) {
  const int64_t accepted = queue.integer(2), done = queue.integer(3), dead = queue.integer(4);
  const int64_t expired = queue.integer(5), cancelled = queue.integer(6);
  const int64_t sum = done + dead + expired + cancelled + held;
  if (accepted == sum && std::min({accepted, done, dead, expired, cancelled}) >= 0) return;
  problem(
      "counts",
      fmt::format("queue {} has accepted {} jobs, but {} done, {} dead, {} expired, {} cancelled and {} held are {}: "
                  "look for rows of jobs that were added or deleted by hand, or put a copy of the file in its place",
                  queue.text(1), accepted, done, dead, expired, cancelled, held, sum));
}

void StoreVerifier::check_lanes() {
  told("lanes", for_each_row(database_, kLanesWithout, [&](const SqliteStatement& row) -> Result<void> {
         problem("lanes",
                 fmt::format("lanes counts {} waiting and {} delayed jobs in the backlog of queue {} at priority "
                             "{}, and there are {} and {}: write these numbers there {}",
                             row.integer(2), row.integer(3), row.integer(0), row.integer(1), row.integer(4),
                             row.integer(5), kBySqlite));
         return {};
       }));
}

void StoreVerifier::check_ended() {
  told("ended", for_each_row(database_, kEndedNumbers, [&](const SqliteStatement& row) -> Result<void> {
         const int64_t first = row.integer(0), last = row.integer(1), missing = last - first + 1 - row.integer(2);
         if (missing == 0) return {};
         problem("ended",
                 fmt::format("the table ended lacks {} of the numbers {} to {}, so some ids would be run again if "
                             "they came again: put a copy of the file in its place, or let them age",
                             missing, first, last));
         return {};
       }));
}

uint64_t size_of(const std::string& path) {
  struct stat found;
  return ::stat(path.c_str(), &found) == 0 ? static_cast<uint64_t>(found.st_size) : 0;
}

// Whether there is a file to read. What lies there otherwise, and should not, is an error.
Result<bool> find_file(const StorePaths& paths) {
  struct stat folder;
  if (::stat(paths.folder.c_str(), &folder) == 0 && !S_ISDIR(folder.st_mode)) {
    return fail(ErrorCode::kBadValue, fmt::format("{} is not a folder: set another data_dir", paths.folder));
  }
  if (Result<void> checked = check_files(paths); !checked) return tl::unexpected(checked.error());
  return static_cast<bool>(FileIdentity::of(paths.database));
}

}  // namespace

StoreReport verify_store(const VerifyOptions& options) {
  const StorePaths paths(options.data_dir);
  for (int tried = 1;; ++tried) {
    StoreReport report;
    report.path = paths.database;
    const Result<bool> found = find_file(paths);
    if (!found) report.problems.push_back({"file", found.error().text});
    if (!found || !*found) return report;
    Result<SqliteReading> reading = SqliteReading::open(paths);
    if (!reading) {
      report.problems.push_back({"file", reading.error().text});
      return report;
    }
    StoreVerifier verifier(reading->database(), options.quick, report);
    verifier.run();
    report.bytes = size_of(paths.database);
    report.log_bytes = size_of(paths.log);
    if (reading->still_true()) return report;
    if (tried == kTries) {
      report.problems = {{"file", fmt::format("{} changes while it is read: end whatever writes to it without a lock",
                                              paths.database)}};
      return report;
    }
  }
}

}  // namespace eventmq
