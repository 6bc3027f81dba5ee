#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>

#include "src/store/testing/random_history.h"
#include "src/store/testing/sqlite_store_fixture.h"
#include "testing/store_model.h"

namespace eventmq {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// --- Opening ---

TEST_F(SqliteStoreTest, MakesItsFolderForThisUserOnly) {
  auto elsewhere = options();
  elsewhere.data_dir = folder_.file("a/b");
  open(elsewhere);
  struct stat found;
  ASSERT_EQ(::stat(elsewhere.data_dir.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777u, 0700u);
}

TEST_F(SqliteStoreTest, ASecondOneOnTheSameFolderIsRefusedAndToldWhoHasIt) {
  open();
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::kStoreUnavailable);
  EXPECT_EQ(error.text, "another router (process " + std::to_string(::getpid()) + ") uses " + database() +
                            ": stop it, or give this one another data_dir");
  store_.reset();
  open();
}

TEST_F(SqliteStoreTest, TheLockOfAnotherProcessEndsWithIt) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = FileLock::take(folder_.file("eventmq.lock"), "");
    write(folder_.file("ready"), "");
    while (lock && fs::exists(folder_.path())) ::pause();
    ::_exit(0);
  }
  ASSERT_TRUE(wait_until([&] { return fs::exists(folder_.file("ready")); }));
  EXPECT_THAT(refusal().text, HasSubstr("(process " + std::to_string(child) + ")"));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  open();
}

TEST_F(SqliteStoreTest, AForeignFileIsRefusedAndLeftAsItIs) {
  write(database(), "Dear diary, today I was no database but long enough to be one, or so I thought.");
  EXPECT_THAT(refusal().text, HasSubstr("is not a file of EventMQ: move it away, or set another data_dir"));
  fs::remove(database());
  {
    Reader other(folder_.path());
    other.run("CREATE TABLE jobs (a); PRAGMA user_version = 1");
  }
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::kBadValue);
  EXPECT_THAT(error.text, HasSubstr("is not a file of EventMQ"));
  Reader other(folder_.path());
  EXPECT_EQ(other.text("SELECT group_concat(name) FROM sqlite_schema"), "jobs");
  EXPECT_EQ(other.text("PRAGMA journal_mode"), "delete");
}

TEST_F(SqliteStoreTest, ANewerFileIsRefused) {
  open();
  store_.reset();
  Reader(folder_.path()).run("PRAGMA user_version = 99");
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::kStoreUnavailable);
  EXPECT_THAT(error.text, AllOf(HasSubstr("has version 99, and this router knows versions up to "),
                                HasSubstr(": use the newer router")));
}

TEST_F(SqliteStoreTest, ADamagedFileIsRefused) {
  open();
  commit({accepted(1)});
  store_.reset();
  std::fstream file(database(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(100);
  file << std::string(3000, 'Z');
  file.close();
  EXPECT_THAT(refusal().text, AllOf(HasSubstr("is damaged"), HasSubstr("put a copy in its place, or move it and its "
                                                                       "log away and restart the router")));
}

TEST_F(SqliteStoreTest, AnEmptiedFileBesideItsLogIsRefused) {
  write(database(), "");
  write(folder_.file("eventmq.db-wal"), "something");
  EXPECT_THAT(refusal().text, HasSubstr("is empty but"));
  EXPECT_EQ(fs::file_size(folder_.file("eventmq.db-wal")), 9u);
}

TEST_F(SqliteStoreTest, ALogWithoutItsFileIsRefusedAndKept) {
  write(folder_.file("eventmq.db-wal"), "something");
  EXPECT_THAT(refusal().text, HasSubstr("eventmq.db is not: put the file back, or move its log away"));
  EXPECT_EQ(fs::file_size(folder_.file("eventmq.db-wal")), 9u);
  EXPECT_FALSE(fs::exists(database()));
  write(folder_.file("eventmq.db-wal"), "");
  open();
}

TEST_F(SqliteStoreTest, ALinkAFolderAndAFileInTheWrongPlaceAreRefused) {
  write(folder_.file("real"), "");
  fs::create_symlink(folder_.file("real"), database());
  EXPECT_THAT(refusal().text, HasSubstr("is a symbolic link: set data_dir to the folder of the file itself"));
  fs::remove(database());
  fs::create_directory(database());
  EXPECT_THAT(refusal().text, HasSubstr("is not a file: move it away"));
  auto within_a_file = options();
  within_a_file.data_dir = folder_.file("real/data");
  EXPECT_EQ(SqliteStore::open(within_a_file).error(),
            (Error{ErrorCode::kBadValue, folder_.file("real") + " is not a folder: set another data_dir"}));
  auto none = options();
  none.data_dir = "";
  EXPECT_THAT(SqliteStore::open(none).error().text, HasSubstr("data_dir is empty"));
}

TEST_F(SqliteStoreTest, AFolderThatCannotBeWrittenIsRefused) {
  auto unwritable = options();
  unwritable.data_dir = "/proc/eventmq";
  EXPECT_THAT(SqliteStore::open(unwritable).error().text, HasSubstr("/proc/eventmq cannot be made"));
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  fs::permissions(folder_.path(), fs::perms::owner_read | fs::perms::owner_exec);
  const Error error = refusal();
  fs::permissions(folder_.path(), fs::perms::owner_all);
  EXPECT_EQ(error.code, ErrorCode::kSystem);
  EXPECT_THAT(error.text, HasSubstr("make it and its folder writable for this user"));
}

// Who runs the tests, or nobody in the place of root, who may write everywhere.
class OrdinaryUser {
 public:
  explicit OrdinaryUser(const std::string& folder) : user_(::geteuid()) {
    if (user_ != 0) return;
    EMQ_ASSERT(::chown(folder.c_str(), kNobody, kNobody) == 0);
    for (const auto& file : fs::directory_iterator(folder)) EMQ_ASSERT(::chown(file.path().c_str(), kNobody, 0) == 0);
    EMQ_ASSERT(::seteuid(kNobody) == 0);
  }
  ~OrdinaryUser() { EMQ_ASSERT(::seteuid(user_) == 0); }
  OrdinaryUser(const OrdinaryUser&) = delete;
  OrdinaryUser& operator=(const OrdinaryUser&) = delete;

 private:
  static constexpr uid_t kNobody = 65534;
  const uid_t user_;
};

TEST_F(SqliteStoreTest, AFileThatMayOnlyBeReadIsRefusedAfterAKillToo) {
  open();
  commit({accepted(1)});
  const TemporaryFolder killed;
  for (const char* name : {"/eventmq.db", "/eventmq.db-wal"})
    fs::copy_file(folder_.path() + name, killed.path() + name);
  fs::permissions(killed.file("eventmq.db"), fs::perms::owner_read);
  const OrdinaryUser user(killed.path());
  const auto opened = SqliteStore::open({.data_dir = killed.path()});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().text, killed.file("eventmq.db") +
                                     " cannot be written (attempt to write a readonly database): make it and its "
                                     "folder writable for this user");
}

// --- What is in the file ---

TEST_F(SqliteStoreTest, ACommitIsToldOnlyWhenOthersSeeItInTheFile) {
  open();
  Reader reader(folder_.path());
  for (JobKey key = 1; key <= 200; ++key) {
    submit({accepted(key)});
    const auto told = static_cast<int64_t>(store_->committed());
    EXPECT_GE(reader.integer("SELECT count(*) FROM jobs"), told);
    EXPECT_GE(reader.integer("SELECT value FROM meta WHERE key = 'commit'"), told);
  }
  ASSERT_TRUE(wait_until([&] { return store_->committed() == 200; }));
  EXPECT_TRUE(wait_until([this] { return changes_ > 0; })) << "it is called just after";
  EXPECT_EQ(reader.integer("SELECT count(*) FROM jobs"), 200);
}

TEST_F(SqliteStoreTest, EveryQueuesCountsAddUpAtEveryMoment) {
  open();
  Reader reader(folder_.path());
  RandomHistory history(7);
  for (int i = 0; i < 300; ++i) {
    submit(history.commit());
    EXPECT_EQ(reader.integer("SELECT count(*) FROM queues WHERE accepted <> done + dead + expired + cancelled + "
                             "(SELECT count(*) FROM jobs WHERE jobs.queue_id = queues.queue_id) + "
                             "(SELECT count(*) FROM backlog WHERE backlog.queue_id = queues.queue_id)"),
              0);
  }
  ASSERT_TRUE(wait_until([&] { return store_->committed() == commit_; }));
  EXPECT_GT(reader.integer("SELECT sum(accepted) FROM queues"), 100);
}

TEST_F(SqliteStoreTest, AJobThatComesAndGoesWithinABatchNeverHasARow) {
  open();
  Reader reader(folder_.path());
  reader.run("BEGIN IMMEDIATE");  // holds the store up, so that the next three are one batch
  submit({accepted(1)});
  submit({AttemptStarted{1, Bytes("job-1"), 1, 0, Bytes("w")}});
  submit({ended(1, Outcome::kTimeout), accepted(2)});
  reader.run(
      "CREATE TABLE t (n); CREATE TRIGGER seen AFTER INSERT ON jobs BEGIN INSERT INTO t VALUES (new.key); END;"
      "COMMIT");
  ASSERT_TRUE(wait_until([&] { return store_->committed() == 3; })) << store_->health().text;
  EXPECT_EQ(reader.text("SELECT group_concat(key) FROM jobs"), "2");
  EXPECT_EQ(reader.text("SELECT group_concat(id || ' ' || outcome) FROM ended"), "job-1 timeout");
  EXPECT_EQ(reader.text("SELECT name || accepted || done || dead FROM queues"), "default201");
}

TEST_F(SqliteStoreTest, AJobIsReadableAsTheDocumentationSays) {
  open();
  commit({accepted(1, "small"), accepted(2, std::string(5000, 'L'), "other")});
  commit({AttemptStarted{2, Bytes("job-2"), 1, 0, Bytes("worker-a")}});
  Reader reader(folder_.path());
  EXPECT_EQ(reader.text("SELECT payload FROM jobs WHERE key = 1"), "small");
  EXPECT_EQ(reader.integer("SELECT payload IS NULL FROM jobs WHERE key = 2"), 1);
  EXPECT_EQ(reader.integer("SELECT length(payload) FROM large_payloads WHERE key = 2"), 5000);
  EXPECT_EQ(reader.text("SELECT id || headers || accepted_at || due_at || running || attempt || worker FROM jobs "
                        "WHERE key = 2"),
            "job-2guarantee1000000100000011worker-a");
  EXPECT_EQ(reader.integer("SELECT expires_at IS NULL FROM jobs WHERE key = 1"), 1);
  commit({ended(2, Outcome::kOk, "other")});
  EXPECT_EQ(reader.integer("SELECT count(*) FROM large_payloads"), 0);
}

TEST_F(SqliteStoreTest, TheDocumentedQueriesRun) {
  open();
  commit({accepted(1), accepted(2, std::string(5000, 'L')), accepted(3)});
  commit({ended(3, Outcome::kTimeout)});
  JobAccepted in_backlog = accepted(4);
  in_backlog.backlog = true;
  commit({in_backlog});
  Reader reader(folder_.path());
  std::ifstream document(EVENTMQ_SOURCE_DIR "/docs/store_format.md");
  std::string line, sql;
  bool in_sql = false;
  int queries = 0, of_none = 0;
  while (std::getline(document, line)) {
    if (in_sql && line == "```") {
      const Result<std::string> first = reader.database().text(sql.c_str());
      EXPECT_TRUE(first) << sql << first.error().text;
      if (sql.find("SELECT * FROM queues") == 0) {
        EXPECT_EQ(first.value_or("unreadable"), "") << "there are none";
        ++of_none;
      }
      ++queries;
    }
    in_sql = in_sql ? line != "```" : line == "```sql";
    sql = in_sql && line != "```sql" ? sql + line + "\n" : "";
  }
  EXPECT_EQ(queries, 6);
  EXPECT_EQ(of_none, 1);
}

TEST_F(SqliteStoreTest, EndedJobsAreTrimmedInPortionsAsTheyAgeAndOverflow) {
  open();
  Reader reader(folder_.path());
  store_->set_retention({seconds(600), 1000});
  const auto remember = [&](int64_t from, int64_t count, Instant at) {
    std::vector<JobRecord> records;
    for (int64_t i = from; i < from + count; ++i) {
      records.push_back(IdRemembered{Bytes("id-" + std::to_string(i)), Outcome::kOk, at, false, Bytes()});
    }
    commit(std::move(records));
  };
  remember(0, 1500, Instant{0});
  EXPECT_EQ(reader.integer("SELECT count(*) FROM ended"), 1000);
  EXPECT_EQ(reader.text("SELECT id FROM ended ORDER BY seq LIMIT 1"), "id-500");
  remember(1500, 1, Instant{0} + seconds(700));  // all others are over age: some go
  const int64_t after_one = reader.integer("SELECT count(*) FROM ended");
  EXPECT_LT(after_one, 1000);
  EXPECT_GT(after_one, 800);
  for (int64_t i = 0; i < 20; ++i) remember(1501 + i, 1, Instant{0} + seconds(700));
  EXPECT_EQ(reader.integer("SELECT count(*) FROM ended"), 21);
  EXPECT_EQ(reader.integer("SELECT max(seq) - min(seq) + 1 FROM ended"), 21);
}

TEST_F(SqliteStoreTest, NobodyElseMayReadTheJobs) {
  open();
  commit({accepted(1)});
  for (const char* name : {"eventmq.db", "eventmq.db-wal", "eventmq.db-shm"}) {
    EXPECT_EQ(fs::status(folder_.file(name)).permissions(), fs::perms::owner_read | fs::perms::owner_write) << name;
  }
}

TEST_F(SqliteStoreTest, OnlyTheNewestResultsAreReadAgain) {
  open();
  constexpr int64_t kMore = 5;
  std::vector<JobRecord> records;
  for (int64_t i = 0; i < static_cast<int64_t>(limits::kRecentReplies) + kMore; ++i) {
    records.push_back(IdRemembered{Bytes("id-" + std::to_string(i)), Outcome::kOk, Instant{9}, true, Bytes("5")});
  }
  commit(std::move(records));
  open();
  const Result<StoredState> state = store_->recover(Instant{10});
  ASSERT_TRUE(state) << state.error().text;
  ASSERT_EQ(state->ended.size(), limits::kRecentReplies + kMore);
  EXPECT_FALSE(state->ended[kMore - 1].reply_wanted);
  EXPECT_TRUE(state->ended[kMore - 1].result.empty());
  EXPECT_TRUE(state->ended[kMore].reply_wanted);
  EXPECT_EQ(state->ended[kMore].result.str(), "5");
}

TEST_F(SqliteStoreTest, ALongLogIsMovedToTheFileUnlessAReaderHoldsIt) {
  auto small_log = options();
  small_log.file.checkpoint_frames = 20;
  open(small_log);
  const std::string log = folder_.file("eventmq.db-wal");
  Reader reader(folder_.path());
  reader.run("BEGIN");
  reader.integer("SELECT count(*) FROM jobs");
  for (JobKey key = 1; key <= 100; ++key) commit({accepted(key, std::string(1000, 'p'))});
  const auto held_back = fs::file_size(log);
  EXPECT_GT(held_back, 100u * 4096);
  reader.run("COMMIT");
  for (JobKey key = 101; key <= 200; ++key) commit({accepted(key, std::string(1000, 'p'))});
  EXPECT_EQ(reader.integer("SELECT count(*) FROM jobs"), 200);
  EXPECT_LT(fs::file_size(log), held_back + 60u * 4096) << "the log begins anew once it is moved";
}

TEST_F(SqliteStoreTest, ARowThatCannotBeReadIsAnErrorAndNoLoss) {
  open();
  commit({accepted(1), accepted(2)});
  store_.reset();
  Reader(folder_.path()).run("UPDATE jobs SET headers = 'priority:many' WHERE key = 2");
  open();
  const Result<StoredState> state = store_->recover(Instant{});
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, ErrorCode::kStoreUnavailable);
  EXPECT_THAT(state.error().text, AllOf(HasSubstr("job 2 cannot be read"), HasSubstr("priority")));
}

TEST_F(SqliteStoreTest, TwoRowsWithOneIdAreAnErrorThatNamesBoth) {
  open();
  commit({accepted(1), accepted(2), accepted(3)});
  store_.reset();
  Reader(folder_.path()).run("UPDATE jobs SET id = 'job-1' WHERE key = 3");
  open();
  const Result<StoredState> state = store_->recover(Instant{});
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, ErrorCode::kStoreUnavailable);
  EXPECT_THAT(state.error().text,
              HasSubstr("job 3 cannot be read (its id is that of job 1): mend the row, or delete it"));
}

TEST_F(SqliteStoreTest, TheDestructorCommitsWhatWasSubmitted) {
  open();
  for (JobKey key = 1; key <= 500; ++key) submit({accepted(key)});
  store_.reset();
  Reader reader(folder_.path());
  EXPECT_EQ(reader.integer("SELECT count(*) FROM jobs"), 500);
  EXPECT_FALSE(fs::exists(folder_.file("eventmq.db-wal")) && fs::file_size(folder_.file("eventmq.db-wal")) > 0);
}

TEST_F(SqliteStoreTest, DeadLettersThatGoForTheirNumberAreCountedAndThoseOfAgeAreNot) {
  open();
  store_->set_retention({.dead_window = seconds(100), .dead_letters = 10});
  const auto end_one = [&](JobKey key, Outcome outcome, Instant at) {
    JobEnded end = ended(key, outcome);
    end.ended_at = at;
    commit({accepted(key), end});
  };
  for (JobKey key = 1; key <= 25; ++key) end_one(key, Outcome::kError, Instant{2'000'000});
  end_one(26, Outcome::kOk, Instant{2'000'000} + seconds(200));
  Reader reader(folder_.path());
  EXPECT_EQ(reader.integer("SELECT count(*) FROM dead"), 0);
  EXPECT_EQ(reader.integer("SELECT value FROM meta WHERE key = 'dead_dropped'"), 15);
}

}  // namespace
}  // namespace eventmq
