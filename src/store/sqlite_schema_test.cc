#include "src/store/sqlite_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/temporary_folder.h"

namespace eventmq {
namespace {

using testing::HasSubstr;

constexpr Migration kFake[] = {
    {"CREATE TABLE colours (name TEXT); INSERT INTO colours VALUES ('red')"},
    {"ALTER TABLE colours ADD COLUMN hex TEXT; UPDATE colours SET hex = 'ff0000'"},
    {"CREATE TABLE shapes (name TEXT)"},
};
constexpr Migration kBroken[] = {kFake[0], kFake[1], {"CREATE TABLE half (name TEXT); INSERT INTO nowhere VALUES (1)"}};

class SqliteSchemaTest : public testing::Test {
 protected:
  Result<void> prepare(std::span<const Migration> migrations) { return prepare_schema(database_, path_, migrations); }
  std::string tables() { return *database_.text("SELECT group_concat(name) FROM sqlite_schema ORDER BY name"); }

  TemporaryFolder folder_;
  std::string path_ = folder_.file("x.db");
  SqliteDatabase database_ = *SqliteDatabase::open(path_, "");
};

TEST_F(SqliteSchemaTest, ANewFileGoesThroughEveryVersion) {
  ASSERT_TRUE(prepare(kFake));
  EXPECT_EQ(tables(), "colours,shapes");
  EXPECT_EQ(*database_.integer("PRAGMA user_version"), 3);
  EXPECT_EQ(*database_.integer("PRAGMA application_id"), kStoreApplicationId);
  EXPECT_EQ(*database_.text("PRAGMA journal_mode"), "wal");
}

TEST_F(SqliteSchemaTest, AnOlderFileTakesTheStepsItLacks) {
  ASSERT_TRUE(prepare(std::span(kFake).first(1)));
  EXPECT_EQ(*database_.integer("PRAGMA user_version"), 1);
  ASSERT_TRUE(prepare(kFake));
  EXPECT_EQ(*database_.integer("PRAGMA user_version"), 3);
  EXPECT_EQ(*database_.text("SELECT name || hex FROM colours"), "redff0000");
  ASSERT_TRUE(prepare(kFake)) << "nothing is left to do";
  EXPECT_EQ(*database_.integer("SELECT count(*) FROM colours"), 1);
}

TEST_F(SqliteSchemaTest, AStepThatFailsLeavesTheFileAsItWas) {
  ASSERT_TRUE(prepare(std::span(kFake).first(1)));
  const Result<void> prepared = prepare(kBroken);
  ASSERT_FALSE(prepared);
  EXPECT_THAT(prepared.error().text, HasSubstr("no such table: nowhere"));
  EXPECT_EQ(tables(), "colours");
  EXPECT_EQ(*database_.integer("PRAGMA user_version"), 1);
  EXPECT_EQ(*database_.integer("SELECT count(*) FROM pragma_table_info('colours')"), 1);
}

TEST_F(SqliteSchemaTest, ANewerFileIsRefusedUntouched) {
  ASSERT_TRUE(prepare(kFake));
  const Result<void> prepared = prepare(std::span(kFake).first(2));
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().code, ErrorCode::kStoreUnavailable);
  EXPECT_EQ(*database_.integer("PRAGMA user_version"), 3);
}

TEST_F(SqliteSchemaTest, AFileFromBeforeResultsKeepsWhatItHas) {
  ASSERT_TRUE(prepare(store_migrations().first(3)));
  ASSERT_TRUE(
      database_.run("INSERT INTO queues VALUES (1, 'default', 2, 1, 1, 0, 0); "
                    "INSERT INTO ended VALUES (7, 'job-1', 'ok', 5, 1, x'31')"));
  ASSERT_TRUE(prepare(store_migrations()));
  EXPECT_EQ(*database_.integer("PRAGMA user_version"), static_cast<int64_t>(store_migrations().size()));
  EXPECT_EQ(*database_.text("SELECT name || accepted FROM queues"), "default2");
  EXPECT_EQ(*database_.text("SELECT id FROM ended WHERE seq = 7"), "job-1");
  EXPECT_EQ(*database_.integer("SELECT value FROM meta WHERE key = 'results_dropped'"), 0);
  EXPECT_EQ(*database_.integer("SELECT value FROM meta WHERE key = 'dead_dropped'"), 0);
  EXPECT_EQ(*database_.integer("SELECT count(*) FROM results"), 0);
}

TEST_F(SqliteSchemaTest, TheTablesOfTheStoreAreMade) {
  ASSERT_TRUE(prepare(store_migrations()));
  EXPECT_EQ(*database_.integer("SELECT value FROM meta WHERE key = 'epoch'"), 0);
  EXPECT_EQ(database_.text("SELECT value FROM meta WHERE key = 'store_id'")->size(), 32u);
}

}  // namespace
}  // namespace eventmq
