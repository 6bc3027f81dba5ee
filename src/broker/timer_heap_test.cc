#include "src/broker/timer_heap.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>
#include <vector>

#include "src/base/prng.h"

namespace eventmq {
namespace {

TEST(TimerHeapTest, GivesJobsInTheOrderOfTheirTimes) {
  TimerHeap heap;
  std::deque<Job> jobs(4);
  const int times[] = {30, 10, 40, 20};
  for (size_t i = 0; i < 4; ++i) heap.set(jobs[i], Instant{times[i]});
  EXPECT_EQ(heap.next(), Instant{10});
  EXPECT_EQ(heap.pop_due(Instant{9}), nullptr);
  EXPECT_EQ(heap.pop_due(Instant{25}), &jobs[1]);
  EXPECT_EQ(heap.pop_due(Instant{25}), &jobs[3]);
  EXPECT_EQ(heap.pop_due(Instant{25}), nullptr);
  EXPECT_EQ(heap.size(), 2u);
}

TEST(TimerHeapTest, AnEmptyHeapNeverWakes) {
  TimerHeap heap;
  EXPECT_EQ(heap.next(), Instant::never());
  EXPECT_EQ(heap.pop_due(Instant{1}), nullptr);
}

TEST(TimerHeapTest, OnlyThoseBeforeATimeAreLookedAt) {
  TimerHeap heap;
  std::vector<Job> jobs(100);
  for (size_t i = 0; i < jobs.size(); ++i) heap.set(jobs[i], Instant{static_cast<int64_t>((i * 37) % 100)});
  std::set<int64_t> seen;
  EXPECT_EQ(heap.find_before(Instant{10},
                             [&](const Job& job) {
                               seen.insert(job.timer_at.us);
                               return false;
                             }),
            nullptr);
  EXPECT_EQ(seen, (std::set<int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  const Job* found = heap.find_before(Instant{10}, [](const Job& job) { return job.timer_at.us == 9; });
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->timer_at, Instant{9});
}

TEST(TimerHeapTest, NeverClears) {
  TimerHeap heap;
  Job job;
  heap.set(job, Instant{5});
  heap.set(job, Instant::never());
  EXPECT_EQ(heap.size(), 0u);
  EXPECT_EQ(job.timer_index, Job::kNoTimer);
  heap.clear(job);
}

// Against a map that does the same slowly.
TEST(TimerHeapTest, AgreesWithAMapWhateverIsSetMovedAndCleared) {
  Prng prng(1);
  TimerHeap heap;
  std::deque<Job> jobs(50);
  std::map<const Job*, Instant> expected;
  for (int i = 0; i < 20'000; ++i) {
    Job& job = jobs[prng.below(jobs.size())];
    if (prng.chance(20)) {
      heap.clear(job);
      expected.erase(&job);
    } else if (prng.chance(75)) {
      const Instant at{static_cast<int64_t>(prng.below(100))};
      heap.set(job, at);
      expected[&job] = at;
    } else if (Job* due = heap.pop_due(Instant{static_cast<int64_t>(prng.below(100))})) {
      for (const auto& [other, at] : expected) EXPECT_LE(expected.at(due), at);
      expected.erase(due);
    }
    ASSERT_EQ(heap.size(), expected.size());
    Instant earliest = Instant::never();
    for (const auto& [other, at] : expected) earliest = std::min(earliest, at);
    ASSERT_EQ(heap.next(), earliest);
  }
}

}  // namespace
}  // namespace eventmq
