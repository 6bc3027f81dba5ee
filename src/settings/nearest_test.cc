#include "src/settings/nearest.h"

#include <gtest/gtest.h>

namespace eventmq {
namespace {

TEST(NearestTest, CountsChangesInsertionsOmissionsAndSwaps) {
  EXPECT_EQ(edit_distance("queues", "queues"), 0u);
  EXPECT_EQ(edit_distance("queus", "queues"), 1u);
  EXPECT_EQ(edit_distance("qeueus", "queues"), 2u);
  EXPECT_EQ(edit_distance("hwm", "hmw"), 1u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
}

TEST(NearestTest, CaseAndDashesDoNotCount) { EXPECT_EQ(edit_distance("Concurrent-Jobs", "concurrent_jobs"), 0u); }

TEST(NearestTest, NamesTheNearest) {
  EXPECT_EQ(nearest_name("concurent_jobs", {"connect_addr", "concurrent_jobs"}), "concurrent_jobs");
}

TEST(NearestTest, NothingNearIsNothing) { EXPECT_EQ(nearest_name("banana", {"hwm", "queues"}), ""); }

TEST(NearestTest, AVeryLongNameIsNotCompared) { EXPECT_EQ(nearest_name(std::string(100'000, 'x'), {"hwm"}), ""); }

}  // namespace
}  // namespace eventmq
