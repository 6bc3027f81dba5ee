// What tests of SqliteStore share.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "src/store/sqlite_store.h"
#include "src/store/testing/wait_until.h"
#include "testing/temporary_folder.h"

namespace eventmq {

namespace fs = std::filesystem;

inline JobAccepted accepted(JobKey key, std::string payload = "x", std::string queue = "default") {
  JobAccepted job;
  job.key = key;
  job.id = Bytes("job-" + std::to_string(key));
  job.queue = Bytes(queue);
  job.headers.text = Bytes("guarantee");
  job.payload = Bytes(payload);
  job.accepted_at = job.due_at = Instant{1'000'000};
  job.expires_at = Instant::never();
  return job;
}

inline JobEnded ended(JobKey key, Outcome outcome = Outcome::kOk, std::string queue = "default") {
  return {key, Bytes("job-" + std::to_string(key)), Bytes(queue), outcome, 1, Instant{2'000'000}, false, Bytes()};
}

// Another program that looks into the file.
class Reader {
 public:
  explicit Reader(const std::string& folder) : database_(*SqliteDatabase::open(folder + "/eventmq.db", "")) {}
  int64_t integer(const char* sql) { return *database_.integer(sql); }
  std::string text(const char* sql) { return *database_.text(sql); }
  void run(const char* sql) {
    const Result<void> done = database_.run(sql);
    ASSERT_TRUE(done) << done.error().text;
  }
  SqliteDatabase& database() { return database_; }

 private:
  SqliteDatabase database_;
};

class SqliteStoreTest : public testing::Test {
 protected:
  SqliteStoreOptions options() {
    SqliteStoreOptions options;
    options.data_dir = folder_.path();
    options.retry_interval = milliseconds(1);
    return options;
  }
  void open() { open(options()); }
  void open(SqliteStoreOptions options) {
    store_.reset();
    auto opened = SqliteStore::open(std::move(options));
    ASSERT_TRUE(opened) << opened.error().text;
    store_ = std::move(*opened);
    store_->call_on_change([this] { ++changes_; });
    commit_ = 0;
  }
  Error refusal() {
    auto opened = SqliteStore::open(options());
    EXPECT_FALSE(opened);
    return opened ? Error() : opened.error();
  }
  void submit(std::vector<JobRecord> records) { store_->submit(++commit_, std::move(records)); }
  void commit(std::vector<JobRecord> records) {
    submit(std::move(records));
    ASSERT_TRUE(wait_until([&] { return store_->committed() == commit_; })) << store_->health().text;
  }
  std::string database() const { return folder_.file("eventmq.db"); }
  void write(const std::string& path, std::string_view text) { std::ofstream(path, std::ios::binary) << text; }

  TemporaryFolder folder_;
  std::atomic<int> changes_{0};
  std::unique_ptr<SqliteStore> store_;
  CommitNumber commit_ = 0;
};

}  // namespace eventmq
