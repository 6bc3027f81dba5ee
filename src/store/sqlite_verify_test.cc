#include "src/store/sqlite_verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "src/store/sqlite_schema.h"
#include "src/store/sqlite_store.h"
#include "src/store/testing/random_history.h"
#include "src/store/testing/wait_until.h"
#include "testing/temporary_folder.h"

namespace eventmq {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

auto problem(const std::string& check, const std::string& text) {
  return AllOf(Field(&StoreProblem::check, check), Field(&StoreProblem::text, HasSubstr(text)));
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

class SqliteVerifyTest : public testing::Test {
 protected:
  StoreReport verify(bool quick = false) { return verify_in(folder_.path(), quick); }
  static StoreReport verify_in(const std::string& folder, bool quick = false) {
    return verify_store({.data_dir = folder, .quick = quick});
  }
  void open() {
    auto opened = SqliteStore::open({.data_dir = folder_.path()});
    ASSERT_TRUE(opened) << opened.error().text;
    store_ = std::move(*opened);
  }
  void commit(std::vector<JobRecord> records) {
    store_->submit(++commit_, std::move(records));
    ASSERT_TRUE(wait_until([this] { return store_->committed() == commit_; })) << store_->health().text;
  }
  // Queue "default" has job 1, which runs, job 2, and job 3, which has a large message; jobs 4 to 6 have ended.
  void fill() {
    open();
    for (JobKey key = 1; key <= 6; ++key) commit({accepted(key, key == 3 ? std::string(5000, 'L') : "x")});
    commit({AttemptStarted{1, Bytes("job-1"), 1, 0, Bytes("w")}});
    for (JobKey key = 4; key <= 6; ++key) commit({ended(key)});
  }
  // Job 7, whose message is large, and job 8 are dead.
  void fill_with_dead() {
    fill();
    for (JobKey key = 7; key <= 8; ++key) {
      commit({accepted(key, key == 7 ? std::string(5000, 'D') : "x")});
      commit({ended(key, Outcome::kKilled)});
    }
    store_.reset();
  }
  // After its router has ended.
  void fill_and_close() {
    fill();
    store_.reset();
  }
  void damage(const std::string& sql) {
    auto database = SqliteDatabase::open(database_path(), "");
    ASSERT_TRUE(database);
    const Result<void> done = database->run(sql.c_str());
    ASSERT_TRUE(done) << done.error().text;
  }
  void write_bytes(std::streamoff at, const std::string& bytes) {
    std::fstream file(database_path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(at);
    file << bytes;
  }
  static JobAccepted accepted(JobKey key, const std::string& payload) {
    JobAccepted job;
    job.key = key;
    job.id = Bytes("job-" + std::to_string(key));
    job.queue = Bytes("default");
    job.headers.text = Bytes("guarantee");
    job.payload = Bytes(payload);
    job.accepted_at = job.due_at = Instant{1'000'000};
    job.expires_at = Instant::never();
    return job;
  }
  static JobEnded ended(JobKey key, Outcome outcome = Outcome::kOk) {
    return {key,       Bytes("job-" + std::to_string(key)), Bytes("default"), outcome, 1, Instant{2'000'000}, true,
            Bytes("5")};
  }
  std::string database_path() const { return folder_.file("eventmq.db"); }

  TemporaryFolder folder_;
  std::unique_ptr<SqliteStore> store_;
  CommitNumber commit_ = 0;
};

TEST_F(SqliteVerifyTest, ASoundFileIsSoundAndCounted) {
  fill_and_close();
  for (const bool quick : {false, true}) {
    const StoreReport report = verify(quick);
    EXPECT_THAT(report.problems, IsEmpty());
    EXPECT_TRUE(report.found);
    EXPECT_EQ(report.path, database_path());
    EXPECT_EQ(report.version, static_cast<int64_t>(store_migrations().size()));
    EXPECT_EQ(report.epoch, 1);
    EXPECT_EQ(report.queues, 1);
    EXPECT_EQ(report.jobs, 3);
    EXPECT_EQ(report.running, 1);
    EXPECT_EQ(report.ended, 3);
    EXPECT_EQ(report.dead, 0);
    EXPECT_EQ(report.bytes, fs::file_size(database_path()));
    EXPECT_EQ(report.log_bytes, 0u);
  }
}

TEST_F(SqliteVerifyTest, DeadLettersAreCountedApartAndAreNotHeld) {
  fill_with_dead();
  const StoreReport report = verify();
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_EQ(report.jobs, 3);
  EXPECT_EQ(report.dead, 2);
}

TEST_F(SqliteVerifyTest, DamagedDeadLettersAreFound) {
  fill_with_dead();
  damage(
      "DELETE FROM large_payloads WHERE key = 7; UPDATE dead SET cause = 'ok' WHERE key = 8; "
      "UPDATE dead SET key = 2 WHERE key = 8");
  EXPECT_THAT(verify().problems,
              ElementsAre(problem("rows", "dead letter 7 cannot be read (its payload is missing)"),
                          problem("rows", "dead letter 2 cannot be read (its cause is ok)"),
                          problem("keys", "job 2 is in jobs and in dead, so it would be run twice")));
}

TEST_F(SqliteVerifyTest, ResultsAreCountedAndDamagedOnesAreFound) {
  fill();
  for (const char* id : {"job-4", "job-5", "job-6"}) {
    commit({ResultKept{Bytes(id), Bytes("default"), Bytes("name"), Outcome::kOk, 1, Instant{1}, Instant{2},
                       Instant{1'000}, Bytes(), Bytes("value")}});
  }
  store_.reset();
  EXPECT_THAT(verify().problems, IsEmpty());
  EXPECT_EQ(verify().results, 3);
  damage(
      "UPDATE results SET outcome = 'fine' WHERE id = 'job-4'; UPDATE results SET bytes_to = 9 WHERE id = 'job-5'; "
      "UPDATE results SET kept_until = 1 WHERE id = 'job-6'");
  EXPECT_THAT(verify().problems,
              ElementsAre(problem("rows", "result of job-4 cannot be read (its outcome is fine)"),
                          problem("rows", "result of job-5 cannot be read (its bytes_to is less than what stands"),
                          problem("rows", "result of job-6 cannot be read (it is kept until before its end)")));
}

TEST_F(SqliteVerifyTest, WhatNoRouterHasMadeYetIsNoProblem) {
  for (const std::string& folder : {folder_.path(), folder_.file("none")}) {
    const StoreReport report = verify_in(folder);
    EXPECT_FALSE(report.found);
    EXPECT_THAT(report.problems, IsEmpty());
    EXPECT_FALSE(fs::exists(folder + "/eventmq.db")) << "nothing is made";
  }
  const std::ofstream empty(database_path());
  EXPECT_FALSE(verify().found);
  EXPECT_THAT(verify().problems, IsEmpty());
}

// --- Damage ---

struct Damage {
  const char* sql;
  const char* check;
  const char* text;
};

constexpr Damage kDamages[] = {
    {"PRAGMA application_id = 5", "file", "is not a file of EventMQ: move it away"},
    {"PRAGMA user_version = 99", "file", "has version 99, and this program knows versions up to"},
    {"DROP TABLE large_payloads", "tables", "lacks the table large_payloads: put a copy in its place"},
    {"ALTER TABLE ended ADD COLUMN more TEXT", "tables", "has other columns in its table ended than a router makes"},
    {"CREATE TRIGGER t AFTER INSERT ON jobs BEGIN DELETE FROM jobs; END", "tables",
     "the trigger t changes what a router writes: drop it with sqlite3"},
    {"DELETE FROM meta WHERE key = 'epoch'", "meta", "has no sound epoch in its table meta"},
    {"DELETE FROM meta WHERE key = 'results_dropped'", "meta", "has no sound results_dropped in its table meta"},
    {"DELETE FROM meta WHERE key = 'dead_dropped'", "meta", "has no sound dead_dropped in its table meta"},
    {"UPDATE meta SET value = 'x' WHERE key = 'commit'", "meta", "has no sound commit in its table meta"},
    {"UPDATE jobs SET headers = 'priority:many' WHERE key = 2", "rows", "job 2 cannot be read"},
    {"UPDATE jobs SET payload = NULL WHERE key = 2", "rows", "job 2 cannot be read (its payload is missing)"},
    {"UPDATE jobs SET id = 'job-1' WHERE key = 2", "rows", "job 2 cannot be read (its id is that of job 1)"},
    {"DELETE FROM large_payloads", "rows", "job 3 cannot be read (its payload is missing)"},
    {"UPDATE ended SET outcome = 'fine' WHERE seq = 2", "rows", "ended job job-5 cannot be read (its outcome is fine)"},
    {"UPDATE meta SET value = 2 WHERE key = 'last_key'", "keys", "the key of job 3 is above last_key in meta"},
    {"UPDATE jobs SET key = -2 WHERE key = 2", "keys", "the key of job -2 is below 1: delete the row"},
    {"INSERT INTO large_payloads VALUES (77, x'00')", "payloads", "large_payloads has a message 77 of no job"},
    {"DELETE FROM jobs WHERE key = 2", "counts",
     "queue default has accepted 6 jobs, but 3 done, 0 dead, 0 expired, 0 cancelled and 2 held are 5"},
    {"UPDATE queues SET dead = 1", "counts", "and 3 held are 7"},
    {"UPDATE queues SET accepted = 4, dead = -2", "counts", "-2 dead"},
    {"DELETE FROM ended WHERE seq = 2", "ended", "the table ended lacks 1 of the numbers 1 to 3"},
};

TEST_F(SqliteVerifyTest, EachDamageOfATableIsFoundAndNamed) {
  for (const Damage& one : kDamages) {
    fill_and_close();
    damage(one.sql);
    EXPECT_THAT(verify().problems, ElementsAre(problem(one.check, one.text))) << one.sql;
    fs::remove(database_path());
    commit_ = 0;
  }
}

TEST_F(SqliteVerifyTest, AJobWithoutItsQueueIsFound) {
  fill_and_close();
  damage("UPDATE jobs SET queue_id = 77 WHERE key = 2");
  const StoreReport report = verify();
  EXPECT_THAT(report.problems, Contains(problem("rows", "job 2 cannot be read (its queue is missing)")));
  EXPECT_THAT(report.problems, Contains(problem("counts", "2 held")));
  EXPECT_EQ(report.jobs, 2);
}

TEST_F(SqliteVerifyTest, OfManyProblemsOfAKindTheFirstAreTold) {
  open();
  for (JobKey key = 1; key <= 30; ++key) commit({accepted(key, "x")});
  store_.reset();
  damage("UPDATE jobs SET headers = 'priority:many'; UPDATE queues SET done = 1");
  const StoreReport report = verify();
  EXPECT_THAT(report.problems, SizeIs(21));
  EXPECT_EQ(report.left_out, 10);
  EXPECT_THAT(report.problems.back(), problem("counts", "1 done"));
}

TEST_F(SqliteVerifyTest, DamagedBytesAreFound) {
  fill_and_close();
  write_bytes(100, std::string(3000, 'Z'));
  EXPECT_THAT(verify().problems, Contains(Field(&StoreProblem::text, HasSubstr("is damaged"))));
}

TEST_F(SqliteVerifyTest, ADamagedPageOfATableIsFoundQuicklyToo) {
  fill_and_close();
  auto database = SqliteDatabase::open(database_path(), "");
  const int64_t page = *database->integer("SELECT rootpage FROM sqlite_schema WHERE name = 'ended'");
  const int64_t size = *database->integer("PRAGMA page_size");
  *database = {};
  write_bytes((page - 1) * size, std::string(64, 'Z'));
  for (const bool quick : {false, true}) {
    EXPECT_THAT(verify(quick).problems, Contains(problem("pages", "is damaged")));
  }
}

TEST_F(SqliteVerifyTest, AnIndexThatDoesNotAgreeWithItsTableIsFoundUnlessQuick) {
  fill_and_close();
  auto database = SqliteDatabase::open(database_path(), "");
  const int64_t page =
      *database->integer("SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_queues_1'");
  const int64_t size = *database->integer("PRAGMA page_size");
  *database = {};
  const std::string bytes = bytes_of(database_path());
  const size_t name = bytes.find("default", static_cast<size_t>((page - 1) * size));
  ASSERT_NE(name, std::string::npos);
  write_bytes(static_cast<std::streamoff>(name), "defaulT");
  EXPECT_THAT(verify().problems, Contains(problem("pages", "missing from index")));
  EXPECT_THAT(verify(true).problems, IsEmpty());
}

TEST_F(SqliteVerifyTest, AFileThatIsCutOffIsFound) {
  fill_and_close();
  fs::resize_file(database_path(), fs::file_size(database_path()) - 4096);
  EXPECT_THAT(verify().problems, Contains(Field(&StoreProblem::text, HasSubstr("is damaged"))));
}

TEST_F(SqliteVerifyTest, WhatIsNoFileOfOursIsAProblem) {
  std::ofstream(database_path()) << std::string(5000, 'Z');
  EXPECT_THAT(verify().problems, ElementsAre(problem("file", "is not a file of EventMQ")));
  EXPECT_THAT(verify_in(database_path()).problems,
              ElementsAre(problem("file", "is not a folder: set another data_dir")));
  fs::rename(database_path(), folder_.file("real"));
  fs::create_symlink(folder_.file("real"), database_path());
  EXPECT_THAT(verify().problems, ElementsAre(problem("file", "is a symbolic link")));
}

TEST_F(SqliteVerifyTest, ALogWhoseFileIsGoneIsAProblem) {
  fill();
  fs::create_directory(folder_.file("copy"));
  fs::copy(folder_.file("eventmq.db-wal"), folder_.file("copy/eventmq.db-wal"));
  EXPECT_THAT(verify_in(folder_.file("copy")).problems, ElementsAre(problem("file", "put the file back")));
}

// --- Beside a router, and after one ---

TEST_F(SqliteVerifyTest, BesideAStoreThatCommitsEveryMomentIsSound) {
  open();
  RandomHistory history(7);
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 5; ++i) store_->submit(++commit_, history.commit());
    const StoreReport report = verify();
    ASSERT_THAT(report.problems, IsEmpty()) << round;
  }
  commit(history.commit());
  EXPECT_TRUE(store_->health().available);
  EXPECT_GT(verify().jobs, 0);
  EXPECT_GT(verify().log_bytes, 0u);
}

class LeftOverLogTest : public SqliteVerifyTest {
 protected:
  // What a router leaves that is killed: some of its commits are in the log only.
  void SetUp() override {
    fill();
    ASSERT_EQ(bytes_of(database_path()).find("job-6"), std::string::npos) << "not moved to the file yet";
    fs::create_directory(copy_);
    for (const char* name : {"eventmq.db", "eventmq.db-wal", "eventmq.db-shm"}) {
      fs::copy(folder_.file(name), copy_ + "/" + name);
    }
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(copy_)) names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  }
  void expect_read_and_left() {
    const std::string file = bytes_of(copy_ + "/eventmq.db"), log = bytes_of(copy_ + "/eventmq.db-wal");
    const std::vector<std::string> before = names();
    const StoreReport report = verify_in(copy_);
    EXPECT_THAT(report.problems, IsEmpty());
    EXPECT_EQ(report.jobs, 3);
    EXPECT_EQ(report.ended, 3);
    EXPECT_EQ(report.log_bytes, log.size());
    EXPECT_EQ(bytes_of(copy_ + "/eventmq.db"), file);
    EXPECT_EQ(bytes_of(copy_ + "/eventmq.db-wal"), log);
    EXPECT_EQ(names(), before);
  }

  const std::string copy_ = folder_.file("copy");
};

TEST_F(LeftOverLogTest, IsReadAndLeftAsItIs) {
  expect_read_and_left();
  expect_read_and_left();
}

TEST_F(LeftOverLogTest, IsReadWithoutItsIndexToo) {
  fs::remove(copy_ + "/eventmq.db-shm");
  expect_read_and_left();
}

TEST_F(LeftOverLogTest, WithAnIndexThatIsNonsenseIsRead) {
  std::ofstream(copy_ + "/eventmq.db-shm") << std::string(32768, 'Z');
  expect_read_and_left();
}

TEST_F(LeftOverLogTest, IsTakenUpByTheNextRouterAfterwards) {
  expect_read_and_left();
  auto next = SqliteStore::open({.data_dir = copy_});
  ASSERT_TRUE(next) << next.error().text;
  EXPECT_EQ((*next)->recover(Instant{3'000'000})->jobs.size(), 3u);
}

TEST_F(SqliteVerifyTest, WithoutALogNoneIsMade) {
  fill_and_close();
  const std::string file = bytes_of(database_path());
  ASSERT_FALSE(fs::exists(folder_.file("eventmq.db-wal")));
  EXPECT_THAT(verify().problems, IsEmpty());
  EXPECT_FALSE(fs::exists(folder_.file("eventmq.db-wal")));
  EXPECT_FALSE(fs::exists(folder_.file("eventmq.db-shm")));
  EXPECT_EQ(bytes_of(database_path()), file);
}

TEST_F(SqliteVerifyTest, AFolderWithOddCharactersInItsNameIsRead) {
  fill_and_close();
  const std::string odd = folder_.file("50% off? #1");
  fs::create_directory(odd);
  fs::copy(database_path(), odd + "/eventmq.db");
  EXPECT_THAT(verify_in(odd).problems, IsEmpty());
  EXPECT_EQ(verify_in(odd).jobs, 3);
}

}  // namespace
}  // namespace eventmq
