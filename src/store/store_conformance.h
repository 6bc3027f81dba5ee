// What every Store must do, as tests to run against each of them:
//
//   const MakeStore make = [] { return std::make_unique<MemoryStore>(); };
//   INSTANTIATE_TEST_SUITE_P(Memory, StoreConformanceTest, testing::Values(make));
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <thread>

#include "src/store/store.h"

namespace eventmq {

using MakeStore = std::function<std::unique_ptr<Store>()>;

class StoreConformanceTest : public testing::TestWithParam<MakeStore> {
 protected:
  std::unique_ptr<Store> store_ = GetParam()();
  JobKey next_key_ = 1;

  std::vector<JobRecord> records(size_t count, size_t payload_bytes = 10) {
    std::vector<JobRecord> records;
    for (size_t i = 0; i < count; ++i) {
      JobAccepted job;
      job.key = next_key_++;
      job.id = Bytes("job-" + std::to_string(i));
      job.queue = Bytes::literal("default");
      job.payload = Bytes(std::string(payload_bytes, 'x'));
      records.push_back(std::move(job));
    }
    return records;
  }

  // Waits until everything up to `commit` is kept; false after half a minute.
  bool wait_for(CommitNumber commit) const {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (store_->committed() < commit) {
      if (std::chrono::steady_clock::now() > give_up) return false;
      std::this_thread::yield();
    }
    return true;
  }
};

TEST_P(StoreConformanceTest, NothingIsCommittedAtFirst) { EXPECT_EQ(store_->committed(), 0u); }

TEST_P(StoreConformanceTest, EveryCommitIsReachedInOrder) {
  CommitNumber seen = 0;
  for (CommitNumber commit = 1; commit <= 200; ++commit) {
    store_->submit(commit, records(1 + commit % 3));
    const CommitNumber now = store_->committed();
    EXPECT_GE(now, seen) << "what is kept was taken back";
    EXPECT_LE(now, commit) << "more is kept than was handed in";
    seen = now;
  }
  EXPECT_TRUE(wait_for(200));
  EXPECT_EQ(store_->committed(), 200u);
}

TEST_P(StoreConformanceTest, EveryKindOfRecordIsTaken) {
  std::vector<JobRecord> all = records(1);
  all.push_back(AttemptStarted{1, Bytes("job-0"), 1, 1, Bytes("worker")});
  all.push_back(JobRequeued{1, Bytes("job-0"), 1, 1, 0, Instant{5}});
  all.push_back(AttemptStarted{1, Bytes("job-0"), 2, 2, Bytes("worker")});
  all.push_back(JobEnded{1, Bytes("job-0"), Bytes("default"), Outcome::kOk, 2, Instant{9}, false, Bytes()});
  all.push_back(IdRemembered{Bytes("merged"), Outcome::kOk, Instant{9}, true, Bytes("5")});
  store_->submit(1, std::move(all));
  EXPECT_TRUE(wait_for(1));
}

TEST_P(StoreConformanceTest, HasTheNameOfItsSetting) { EXPECT_FALSE(store_->name().empty()); }

}  // namespace eventmq
