// Faults of SqliteStore that need no broken disk: its files are taken away, replaced, locked or changed.
#include "src/store/testing/sqlite_store_fixture.h"

namespace eventmq {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class SqliteStoreOutageTest : public SqliteStoreTest {
 protected:
  // What the next router would find, with the index gone.
  int64_t jobs_after_a_kill() const {
    const TemporaryFolder killed;
    for (const char* name : {"/eventmq.db", "/eventmq.db-wal"})
      fs::copy_file(folder_.path() + name, killed.path() + name);
    return Reader(killed.path()).integer("SELECT count(*) FROM jobs");
  }
};

void move_all_of_log(Reader& program) {
  ASSERT_EQ(program.integer("SELECT count(*) FROM meta WHERE key = 'epoch'"), 1) << "it looks at the log";
  const auto moved = program.database().checkpoint(SqliteDatabase::Checkpoint::kPassive);
  ASSERT_TRUE(moved) << moved.error().text;
  ASSERT_EQ(moved->frames_left, 0);
}

TEST_F(SqliteStoreOutageTest, WaitsForAnotherProgramThatWritesAndGoesOn) {
  open();
  Reader other(folder_.path());
  other.run("BEGIN IMMEDIATE");
  submit({accepted(1)});
  ASSERT_TRUE(wait_until([&] { return !store_->health().available; }));
  EXPECT_THAT(store_->health().text, HasSubstr("is locked by another program: end whatever writes to it"));
  EXPECT_EQ(store_->committed(), 0u);
  submit({accepted(2)});
  other.run("COMMIT");
  ASSERT_TRUE(wait_until([&] { return store_->committed() == 2; })) << store_->health().text;
  EXPECT_TRUE(store_->health().available);
  EXPECT_EQ(other.integer("SELECT count(*) FROM jobs"), 2);
}

// It ends between two attempts, and is then the last to close the file: it moves the log there and removes it.
TEST_F(SqliteStoreOutageTest, WaitsForAnotherProgramThatWritesAndEndsAndGoesOn) {
  auto patient = options();
  patient.retry_interval = seconds(1);
  open(patient);
  commit({accepted(1)});
  auto other = std::make_unique<Reader>(folder_.path());
  other->run("BEGIN IMMEDIATE");
  submit({accepted(2)});
  ASSERT_TRUE(wait_until([&] { return !store_->health().available; }));
  other.reset();
  EXPECT_FALSE(fs::exists(folder_.file("eventmq.db-wal")));
  ASSERT_TRUE(wait_until([&] { return store_->committed() == 2; })) << store_->health().text;
  EXPECT_EQ(Reader(folder_.path()).integer("SELECT count(*) FROM jobs"), 2);
}

TEST_F(SqliteStoreOutageTest, AFileThatIsGoneIsMissedAndFoundAgain) {
  open();
  commit({accepted(1)});
  fs::rename(database(), folder_.file("elsewhere"));
  submit({accepted(2)});
  ASSERT_TRUE(wait_until([&] { return !store_->health().available; }));
  EXPECT_EQ(store_->health().text,
            database() + " is gone: put it back, or restart the router to begin with what is there");
  EXPECT_FALSE(fs::exists(database())) << "no other file is made in its place";
  fs::rename(folder_.file("elsewhere"), database());
  ASSERT_TRUE(wait_until([&] { return store_->committed() == 2; })) << store_->health().text;
  EXPECT_TRUE(store_->health().available);
  EXPECT_EQ(Reader(folder_.path()).integer("SELECT count(*) FROM jobs"), 2);
}

TEST_F(SqliteStoreOutageTest, OneThatMustExistIsNotMadeAnew) {
  auto existing = options();
  existing.file.must_exist = true;
  const auto refused = SqliteStore::open(existing);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kStoreUnavailable);
  EXPECT_THAT(refused.error().text, HasSubstr(" is gone: put it back"));
  EXPECT_FALSE(fs::exists(database()));
  write(folder_.file("eventmq.db-wal"), "something");
  EXPECT_THAT(SqliteStore::open(existing).error().text,
              HasSubstr("put the file back, or move its log away and restart the router to begin with an empty one"))
      << "a restart alone would end in the same";
  fs::remove(folder_.file("eventmq.db-wal"));
  open();
  store_.reset();
  EXPECT_TRUE(SqliteStore::open(existing));
}

TEST_F(SqliteStoreOutageTest, AnotherFileInItsPlaceIsNotTaken) {
  open();
  commit({accepted(1)});
  fs::copy_file(database(), folder_.file("copy"));
  fs::rename(folder_.file("copy"), database());
  submit({accepted(2)});
  ASSERT_TRUE(wait_until([&] { return !store_->health().available; }));
  EXPECT_THAT(store_->health().text, HasSubstr("is not the file that this router opened"));
  EXPECT_EQ(store_->committed(), 1u);
}

TEST_F(SqliteStoreOutageTest, ALogThatIsTakenAwayCostsNothingThatWasTold) {
  open();
  commit({accepted(1)});
  fs::remove(folder_.file("eventmq.db-wal"));
  submit({accepted(2)});
  ASSERT_TRUE(wait_until([&] { return store_->committed() == 2; })) << store_->health().text;
  EXPECT_EQ(Reader(folder_.path()).integer("SELECT count(*) FROM jobs"), 2);
}

// Reads a moment, and holds back what came after it.
class LongReader {
 public:
  explicit LongReader(const std::string& folder) : reader_(folder) {
    reader_.run("BEGIN");
    seen_ = reader_.integer("SELECT count(*) FROM jobs");
  }
  int64_t seen() const { return seen_; }
  int64_t sees() { return reader_.integer("SELECT count(*) FROM jobs"); }
  void end() { reader_.run("COMMIT"); }

 private:
  Reader reader_;
  int64_t seen_ = 0;
};

constexpr const char* kHeldUp = "only when no other program reads that: end whatever reads it";
constexpr const char* kNotBegun = "a new one is begun only when no other program has that open: end whatever does";

TEST_F(SqliteStoreOutageTest, ALogThatIsTakenAwayWhileSomebodyReadsIsWaitedForAndNothingIsLost) {
  open();
  commit({accepted(1)});
  LongReader reader(folder_.path());
  for (JobKey key = 2; key <= 6; ++key) commit({accepted(key)});
  fs::remove(folder_.file("eventmq.db-wal"));
  submit({accepted(7)});
  ASSERT_TRUE(wait_until([&] { return !store_->health().available; }));
  EXPECT_THAT(store_->health().text, HasSubstr(kHeldUp));
  EXPECT_EQ(store_->committed(), 6u);
  EXPECT_EQ(reader.sees(), 1);
  reader.end();
  ASSERT_TRUE(wait_until([&] { return store_->committed() == 7; })) << store_->health().text;
  commit({accepted(8)});
  store_.reset();
  EXPECT_EQ(Reader(folder_.path()).integer("SELECT count(*) FROM jobs"), 8);
  EXPECT_EQ(Reader(folder_.path()).text("PRAGMA integrity_check"), "ok");
}

// All of the log is in the database then, but a new one would be written as if it went on after the old one.
TEST_F(SqliteStoreOutageTest, AReaderOfTheNewestMomentHoldsUpANewLogToo) {
  open();
  commit({accepted(1)});
  LongReader older(folder_.path());
  Reader newest(folder_.path());
  EXPECT_EQ(newest.integer("SELECT count(*) FROM jobs"), 1);
  fs::remove(folder_.file("eventmq.db-wal"));
  submit({accepted(2)});
  ASSERT_TRUE(wait_until([&] { return !store_->health().available; }));
  newest.run("BEGIN");
  EXPECT_EQ(newest.integer("SELECT count(*) FROM jobs"), 2);
  older.end();
  ASSERT_TRUE(wait_until([&] {
    auto file = SqliteDatabase::open_read_only(database(), "", true);
    return file && file->integer("SELECT count(*) FROM jobs").value_or(0) == 2;
  })) << "all of it is moved";
  EXPECT_THAT(store_->health().text, HasSubstr(kHeldUp));
  newest.run("COMMIT");
  ASSERT_TRUE(wait_until([&] { return store_->committed() == 2; })) << store_->health().text;
  commit({accepted(3)});
  EXPECT_EQ(jobs_after_a_kill(), 3);
}

// So does one of the file when the log went while the router had it closed.
TEST_F(SqliteStoreOutageTest, ALogThatIsTakenAwayBetweenTwoAttemptsWhileSomebodyReadsIsNotBegunAnew) {
  auto patient = options();
  patient.retry_interval = seconds(1);
  open(patient);
  commit({accepted(1)});
  auto reader = std::make_unique<LongReader>(folder_.path());
  auto other = std::make_unique<Reader>(folder_.path());
  move_all_of_log(*other);
  other->run("BEGIN IMMEDIATE");
  submit({accepted(2)});
  ASSERT_TRUE(wait_until([&] { return !store_->health().available; }));
  fs::remove(folder_.file("eventmq.db-wal"));
  other->run("ROLLBACK");
  const auto held_up = [&] { return store_->health().text.find(kNotBegun) != std::string::npos; };
  ASSERT_TRUE(wait_until([&] { return held_up() || store_->committed() == 2; }));
  ASSERT_EQ(store_->committed(), 1u) << "it would be lost with the index";
  reader.reset();
  other.reset();
  ASSERT_TRUE(wait_until([&] { return store_->committed() == 2; })) << store_->health().text;
  EXPECT_EQ(jobs_after_a_kill(), 2);
}

TEST_F(SqliteStoreOutageTest, ALogThatIsTakenAwayBetweenTwoLivesWhileSomebodyReadsIsNotBegunAnew) {
  open();
  commit({accepted(1)});
  auto reader = std::make_unique<LongReader>(folder_.path());
  {
    Reader other(folder_.path());
    move_all_of_log(other);
  }
  store_.reset();
  fs::remove(folder_.file("eventmq.db-wal"));
  for (int attempt = 1; attempt <= 2; ++attempt) EXPECT_THAT(refusal().text, HasSubstr(kNotBegun)) << attempt;
  reader->end();
  EXPECT_THAT(refusal().text, HasSubstr(kNotBegun)) << "it has the old log open, and would move that as the new one";
  reader.reset();
  open();
  commit({accepted(2)});
  EXPECT_EQ(jobs_after_a_kill(), 2);
}

TEST_F(SqliteStoreOutageTest, AStartWithoutALogIsNotHeldUpByAReaderThatNeedsNone) {
  open();
  commit({accepted(1)});
  store_.reset();
  ASSERT_FALSE(fs::exists(folder_.file("eventmq.db-wal")));
  LongReader reader(folder_.path());
  open();
  commit({accepted(2)});
  EXPECT_EQ(reader.sees(), 1);
  EXPECT_EQ(jobs_after_a_kill(), 2);
}

TEST_F(SqliteStoreOutageTest, ALogThatIsTakenAwayWhileAnotherProgramWritesIsMovedOnceThatEnds) {
  open();
  commit({accepted(1)});
  Reader other(folder_.path());
  other.run("BEGIN IMMEDIATE");
  fs::remove(folder_.file("eventmq.db-wal"));
  submit({accepted(2)});
  ASSERT_TRUE(wait_until([&] { return !store_->health().available; }));
  EXPECT_EQ(store_->committed(), 1u);
  other.run("COMMIT");
  ASSERT_TRUE(wait_until([&] { return store_->committed() == 2; })) << store_->health().text;
  EXPECT_EQ(Reader(folder_.path()).integer("SELECT count(*) FROM jobs"), 2);
}

TEST_F(SqliteStoreOutageTest, ALogThatIsPutBackWhileSomebodyReadsIsGoneOnWith) {
  const std::string log = folder_.file("eventmq.db-wal");
  open();
  commit({accepted(1)});
  LongReader reader(folder_.path());
  commit({accepted(2)});
  fs::rename(log, folder_.file("log"));
  submit({accepted(3)});
  ASSERT_TRUE(wait_until([&] { return !store_->health().available; }));
  fs::rename(folder_.file("log"), log);
  ASSERT_TRUE(wait_until([&] { return store_->committed() == 3; })) << store_->health().text;
  EXPECT_EQ(reader.sees(), 1);
  reader.end();
  EXPECT_EQ(Reader(folder_.path()).integer("SELECT count(*) FROM jobs"), 3);
}

TEST_F(SqliteStoreOutageTest, AnotherLogInThePlaceOfOneThatSomebodyReadsIsNotTaken) {
  const std::string log = folder_.file("eventmq.db-wal");
  open();
  commit({accepted(1)});
  fs::copy_file(log, folder_.file("older"));
  LongReader reader(folder_.path());
  commit({accepted(2)});
  fs::rename(folder_.file("older"), log);
  submit({accepted(3)});
  ASSERT_TRUE(wait_until([&] { return !store_->health().available; }));
  EXPECT_THAT(store_->health().text, HasSubstr(kHeldUp));
  reader.end();
  const auto says = [&] { return store_->health().text.find("is not the log of this router") != std::string::npos; };
  ASSERT_TRUE(wait_until(says)) << store_->health().text;
  fs::remove(log);
  ASSERT_TRUE(wait_until([&] { return store_->committed() == 3; })) << store_->health().text;
  EXPECT_EQ(Reader(folder_.path()).integer("SELECT count(*) FROM jobs"), 3);
  EXPECT_EQ(Reader(folder_.path()).text("PRAGMA integrity_check"), "ok");
}

TEST_F(SqliteStoreOutageTest, ALogThatIsTakenAwayDuringAnotherFaultIsWaitedFor) {
  const std::string log = folder_.file("eventmq.db-wal");
  open();
  commit({accepted(1)});
  fs::rename(database(), folder_.file("elsewhere"));
  submit({accepted(2)});
  ASSERT_TRUE(wait_until([&] { return !store_->health().available; }));
  fs::rename(log, folder_.file("log"));
  fs::rename(folder_.file("elsewhere"), database());
  ASSERT_TRUE(wait_until([&] { return store_->health().text.starts_with(log); })) << store_->health().text;
  EXPECT_EQ(store_->health().text, log + " is gone: put it back, or restart the router to begin with what is there");
  EXPECT_FALSE(fs::exists(log)) << "no other one is made in its place";
  fs::rename(folder_.file("log"), log);
  ASSERT_TRUE(wait_until([&] { return store_->committed() == 2; })) << store_->health().text;
  EXPECT_EQ(Reader(folder_.path()).integer("SELECT count(*) FROM jobs"), 2);
}

TEST_F(SqliteStoreOutageTest, AnotherLogInItsPlaceIsNotTakenAndItsOwnIsOnceItIsBack) {
  const std::string log = folder_.file("eventmq.db-wal");
  open();
  fs::copy_file(log, folder_.file("older"));
  commit({accepted(1)});
  fs::rename(database(), folder_.file("elsewhere"));
  submit({accepted(2)});
  ASSERT_TRUE(wait_until([&] { return !store_->health().available; }));
  fs::rename(log, folder_.file("log"));
  fs::rename(folder_.file("older"), log);
  fs::rename(folder_.file("elsewhere"), database());
  ASSERT_TRUE(wait_until([&] { return store_->health().text.find("lacks what this router") != std::string::npos; }))
      << store_->health().text;
  EXPECT_EQ(store_->committed(), 1u);
  fs::rename(folder_.file("log"), log);
  ASSERT_TRUE(wait_until([&] { return store_->committed() == 2; })) << store_->health().text;
  EXPECT_EQ(Reader(folder_.path()).integer("SELECT count(*) FROM jobs"), 2);
  EXPECT_EQ(Reader(folder_.path()).text("PRAGMA integrity_check"), "ok");
}

TEST_F(SqliteStoreOutageTest, OnceAnotherRouterHasTheFileNothingIsWrittenAnyMore) {
  open();
  commit({accepted(1)});
  fs::remove(folder_.file("eventmq.lock"));  // so that two can be there
  auto other = SqliteStore::open(options());
  ASSERT_TRUE(other) << other.error().text;
  submit({accepted(2)});
  ASSERT_TRUE(wait_until([&] { return !store_->health().available; }));
  EXPECT_THAT(store_->health().text, HasSubstr("another router has taken over"));
  store_.reset();
  (*other)->submit(1, {accepted(3)});
  ASSERT_TRUE(wait_until([&] { return (*other)->committed() == 1; }));
  EXPECT_EQ(Reader(folder_.path()).text("SELECT group_concat(key) FROM jobs"), "1,3");
}

TEST_F(SqliteStoreOutageTest, AJobThatSomebodyDeletedIsNoticedAndNotCounted) {
  open();
  commit({accepted(1)});
  Reader(folder_.path()).run("DELETE FROM jobs");
  submit({ended(1)});
  ASSERT_TRUE(wait_until([&] { return !store_->health().available; }));
  EXPECT_THAT(store_->health().text,
              AllOf(HasSubstr("job 1 of this router is not in the store"), HasSubstr("restart")));
  store_.reset();
  EXPECT_EQ(Reader(folder_.path()).integer("SELECT done FROM queues"), 0);
}

}  // namespace
}  // namespace eventmq
