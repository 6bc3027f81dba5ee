#include "src/broker/job_table.h"

#include <gtest/gtest.h>

namespace eventmq {
namespace {

class JobTableTest : public ::testing::Test {
 protected:
  Job& add(const std::string& id, const std::string& payload = "") {
    Job job;
    job.id = Bytes(id);
    job.payload = Bytes(payload);
    return table_.add(std::move(job));
  }
  JobTable table_{KeyedHash{1, 2}};
};

TEST_F(JobTableTest, FindsJobsById) {
  Job& a = add("a");
  Job& b = add("b");
  EXPECT_EQ(table_.find("a"), &a);
  EXPECT_EQ(table_.find("b"), &b);
  EXPECT_EQ(table_.find("c"), nullptr);
  EXPECT_EQ(table_.size(), 2u);
}

TEST_F(JobTableTest, AReleasedJobIsGoneAndItsPlaceUsedAgain) {
  Job& a = add("a", "payload");
  table_.release(a);
  EXPECT_EQ(table_.find("a"), nullptr);
  EXPECT_EQ(table_.memory_bytes(), 0u);
  EXPECT_EQ(&add("b"), &a);
}

TEST_F(JobTableTest, CountsMemory) {
  add("a");
  const uint64_t small = table_.memory_bytes();
  Job& b = add("b", std::string(1000, 'x'));
  EXPECT_EQ(table_.memory_bytes(), 2 * small + 1000);
  table_.change_client(b, Side::kBackend, Bytes("twelve bytes"));
  EXPECT_EQ(table_.memory_bytes(), 2 * small + 1012);
  EXPECT_EQ(b.client_side, Side::kBackend);
}

TEST_F(JobTableTest, CountsFollowers) {
  Job& a = add("a");
  const uint64_t before = table_.memory_bytes();
  const ReplyRoute route{Side::kFrontend, Bytes("c2"), Bytes("r2")};
  table_.add_follower(a, {route});
  EXPECT_EQ(table_.memory_bytes(), before + route.memory_bytes());
  table_.change_follower(a, a.followers[0], {Side::kFrontend, Bytes("a longer name"), Bytes("r2")});
  EXPECT_EQ(table_.memory_bytes(), before + a.followers[0].memory_bytes());
  EXPECT_EQ(a.memory_bytes(), table_.memory_bytes());
}

TEST_F(JobTableTest, ABlockThatSeveralFramesShareCountsOnce) {
  BytesPacker packer(30);
  Job job;
  job.id = packer.add("0123456789");
  job.payload = packer.add("0123456789");
  packer.add("0123456789");  // a frame that nobody keeps
  const size_t shared = job.memory_bytes();
  Job bare;
  EXPECT_EQ(shared, bare.memory_bytes() + 30);
}

TEST_F(JobTableTest, VisitsEachLiveJobOnceFromSlotToSlot) {
  std::vector<Job*> jobs;
  for (const char* id : {"a", "b", "c", "d"}) jobs.push_back(&add(id));
  table_.release(*jobs[1]);
  std::string seen;
  const auto see = [&](const Job& job) {
    seen += job.id.str();
    return true;
  };
  EXPECT_EQ(table_.visit_slots(0, 3, see), 3u);
  EXPECT_EQ(table_.visit_slots(3, 3, see), std::nullopt);
  EXPECT_EQ(seen, "acd");
  EXPECT_EQ(table_.visit_slots(0, 9, [](const Job& job) { return job.id != "c"; }), 2u) << "to be visited again";
  for (const size_t behind : {size_t{4}, size_t{5}, SIZE_MAX})
    EXPECT_EQ(table_.visit_slots(behind, 9, see), std::nullopt);
  seen.clear();
  table_.for_each(see);
  EXPECT_EQ(seen, "acd");
}

using JobTableDeathTest = JobTableTest;

TEST_F(JobTableDeathTest, OneIdTwiceIsABug) {
  add("a");
  EXPECT_DEATH(add("a"), "job a twice");
}

}  // namespace
}  // namespace eventmq
