#include "src/store/late_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/store/memory_store.h"

namespace eventmq {
namespace {

using ::testing::AnyOf;
using ::testing::StartsWith;

// What a LateStore has told so far, and when.
class Told {
 public:
  void add() {
    const std::lock_guard lock(mutex_);
    ++times_;
    changed_.notify_all();
  }
  bool wait_for(int times) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::minutes(1), [&] { return times_ >= times; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int times_ = 0;
};

// It is not open before `faults` have been told, and then holds a job.
class FaultyStores {
 public:
  explicit FaultyStores(int faults) : faults_(faults) {}
  Result<std::unique_ptr<Store>> open() {
    if (faults_-- > 0) return fail(ErrorCode::kStoreUnavailable, "fault " + std::to_string(faults_));
    return std::make_unique<Holding>();
  }

 private:
  struct Holding : MemoryStore {
    void call_on_change(std::function<void()> call) override { on_change = std::move(call); }
    void set_retention(Retention limits) override { retention = limits; }
    Result<StoredState> recover(Instant now) override {
      StoredState state;
      state.last_key = retention.ids;
      state.jobs.emplace_back().accepted.accepted_at = now;
      on_change();
      return state;
    }
    std::function<void()> on_change;
    Retention retention;
  };
  int faults_;
};

std::unique_ptr<LateStore> late_store(int faults, Told& told, bool was_there = true) {
  auto store = std::make_unique<LateStore>([stores = std::make_shared<FaultyStores>(faults)] { return stores->open(); },
                                           "sqlite", Error{ErrorCode::kStoreUnavailable, "the disk is full"}, was_there,
                                           milliseconds(1));
  store->call_on_change([&told] { told.add(); });
  return store;
}

TEST(LateStoreTest, IsAwayUntilTheStoreCanBeOpenedAndSaysWhy) {
  Told told;
  const auto store = late_store(2, told);
  EXPECT_THAT(store->health().text, StartsWith("the disk is full (what was accepted before"));
  EXPECT_FALSE(store->health().available);
  EXPECT_EQ(store->recover(Instant{1})->jobs.size(), 0u);
  ASSERT_TRUE(told.wait_for(2));
  EXPECT_THAT(store->health().text, StartsWith("fault 0"));
  EXPECT_FALSE(store->health().available);
}

TEST(LateStoreTest, SpeaksOfNothingAcceptedBeforeWhereNoFileWas) {
  Told told;
  const auto store = late_store(1, told, false);
  EXPECT_EQ(store->health().text, "the disk is full");
  ASSERT_TRUE(store->recover(Instant{1}));
  ASSERT_TRUE(told.wait_for(1));
  EXPECT_THAT(store->health().text, AnyOf("fault 0", "the disk is full"));
}

TEST(LateStoreTest, GivesOutTheStoreWithWhatIsInItOnce) {
  Told told;
  const auto store = late_store(2, told);
  Retention limits;
  limits.ids = 7;
  store->set_retention(limits);
  ASSERT_TRUE(store->recover(Instant{1'000'000}));
  ASSERT_TRUE(told.wait_for(4)) << "two faults, the store's own word and that it is there";
  std::optional<OpenedStore> opened = store->take_opened();
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->state.last_key, 7u) << "the settings reach it before it is read";
  EXPECT_GE(opened->state.jobs.at(0).accepted.accepted_at, Instant{1'000'000});
  EXPECT_FALSE(store->take_opened());
}

TEST(LateStoreTest, OneThatIsNeverOpenedEndsAtOnce) {
  LateStore store([] { return fail(ErrorCode::kStoreUnavailable, "never"); }, "sqlite",
                  Error{ErrorCode::kStoreUnavailable, "not yet"}, true, seconds(86'400));
  ASSERT_TRUE(store.recover(Instant{}));
  EXPECT_EQ(store.committed(), 0u);
  EXPECT_TRUE(store.durable());
}

TEST(LateStoreDeathTest, ARecordForItIsABug) {
  Told told;
  EXPECT_DEATH(late_store(1, told)->submit(1, {JobRecord(JobEnded{})}), "before the store was open");
}

}  // namespace
}  // namespace eventmq
