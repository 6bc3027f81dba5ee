#include "src/store/memory_store.h"

#include <gtest/gtest.h>

namespace eventmq {
namespace {

// A payload that says when nobody refers to it any more.
struct CountedBlock : Block {
  CountedBlock() : Block(&destroy) { ++alive; }
  static void destroy(Block* block) {
    --alive;
    delete static_cast<CountedBlock*>(block);
  }
  static inline int alive = 0;
};

TEST(MemoryStoreTest, CommitsAtOnceAndSaysThatNothingSurvives) {
  MemoryStore store;
  EXPECT_FALSE(store.durable());
  EXPECT_EQ(store.name(), "memory");
  store.submit(1, {JobRecord(JobEnded{})});
  EXPECT_EQ(store.committed(), 1u);
}

TEST(MemoryStoreTest, KeepsNoPayload) {
  MemoryStore store;
  JobAccepted job;
  job.payload = Bytes::adopt(new CountedBlock, "x", 1);
  std::vector<JobRecord> records;
  records.push_back(std::move(job));
  EXPECT_EQ(CountedBlock::alive, 1);
  store.submit(1, std::move(records));
  EXPECT_EQ(CountedBlock::alive, 0);
}

TEST(MemoryStoreDeathTest, ACommitOutOfOrderIsABug) {
  MemoryStore store;
  store.submit(2, {JobRecord(JobEnded{})});
  EXPECT_DEATH(store.submit(2, {JobRecord(JobEnded{})}), "commit 2 came after 2");
}

}  // namespace
}  // namespace eventmq
