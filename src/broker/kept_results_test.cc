#include "src/broker/kept_results.h"

#include <gtest/gtest.h>

namespace eventmq {
namespace {

class KeptResultsTest : public testing::Test {
 protected:
  KeptResultsTest() { results_.set_limits(10, 100'000); }
  static ResultKept result(const std::string& id, int64_t ended, int64_t until, size_t bytes = 1) {
    return {Bytes(id),  Bytes("default"), Bytes("name"),  Outcome::kOk, 1,
            Instant{0}, Instant{ended},   Instant{until}, Bytes(),      Bytes(std::string(bytes, 'v'))};
  }
  bool there(const std::string& id, int64_t at) { return results_.find(id, Instant{at}) != nullptr; }

  KeptResults results_{KeyedHash{1, 2}};
};

TEST_F(KeptResultsTest, AResultIsThereUntilItsTimeIsOver) {
  EXPECT_EQ(results_.keep(result("a", 10, 100)), 0u);
  EXPECT_TRUE(there("a", 99));
  EXPECT_FALSE(there("a", 100));
  EXPECT_FALSE(there("b", 50));
}

TEST_F(KeptResultsTest, WhatIsOverMakesRoomAndIsNoLoss) {
  for (int i = 0; i < 10; ++i) results_.keep(result("old" + std::to_string(i), 10, 100 + i));
  EXPECT_EQ(results_.keep(result("new", 104, 200)), 0u);
  EXPECT_EQ(results_.size(), 6u);
  EXPECT_TRUE(there("old5", 104));
}

TEST_F(KeptResultsTest, TheOldestGoForWantOfRoom) {
  for (int i = 0; i < 10; ++i) results_.keep(result(std::to_string(i), 10, 1000 - i));
  EXPECT_EQ(results_.keep(result("10", 10, 20)), 1u);
  EXPECT_FALSE(there("0", 11));
  EXPECT_TRUE(there("1", 11));
  EXPECT_GT(results_.keep(result("large", 10, 1000, 98'000)), 1u);
  EXPECT_TRUE(there("large", 11));
  EXPECT_LT(results_.size(), 10u);
  EXPECT_LE(results_.bytes(), 100'000u);
}

TEST_F(KeptResultsTest, OneThatDoesNotFitAtAllTakesNobodysPlace) {
  results_.keep(result("a", 10, 1000));
  EXPECT_EQ(results_.keep(result("too large", 10, 1000, 200'000)), 1u);
  EXPECT_TRUE(there("a", 11));
  EXPECT_FALSE(there("too large", 11));
}

TEST_F(KeptResultsTest, TheNewestOfAnIdCounts) {
  results_.keep(result("a", 10, 100, 5));
  results_.keep(result("a", 20, 50, 7));
  EXPECT_EQ(results_.size(), 1u);
  EXPECT_EQ(results_.find("a", Instant{40})->value.size(), 7u);
  EXPECT_FALSE(there("a", 60));
}

TEST_F(KeptResultsTest, WhatIsForgottenIsGone) {
  results_.keep(result("a", 10, 100));
  EXPECT_TRUE(results_.forget("a"));
  EXPECT_FALSE(results_.forget("a"));
  EXPECT_FALSE(there("a", 11));
  EXPECT_EQ(results_.bytes(), 0u);
}

TEST_F(KeptResultsTest, NoneAreKeptIfNoneMayBe) {
  results_.keep(result("a", 10, 100));
  results_.set_limits(0, 100'000);
  EXPECT_FALSE(there("a", 11));
  EXPECT_EQ(results_.keep(result("b", 10, 100)), 1u);
  EXPECT_FALSE(there("b", 11));
}

}  // namespace
}  // namespace eventmq
