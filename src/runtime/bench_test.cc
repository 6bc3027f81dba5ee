#include "src/runtime/bench.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "src/store/testing/temporary_folder.h"

namespace eventmq {
namespace {

TEST(BenchTest, AllSystemsCompleteRoundTrips) {
  BenchOptions options;
  options.windows = {1, 8};
  options.warm_up = milliseconds(1);
  options.measured = milliseconds(300);
  options.folder = testing::TempDir();
  const Result<BenchReport> report = run_bench(options);
  ASSERT_TRUE(report) << report.error().text;
  ASSERT_EQ(report->rows.size(), 6u);
  for (const BenchRow& row : report->rows) EXPECT_GT(row.round_trips, 0u) << row.system << " " << row.window;
  EXPECT_THAT(bench_text(*report), testing::HasSubstr("forwarder"));
}

TEST(BenchTest, OneThatIsStoppedLeavesNoFolder) {
  const TemporaryFolder folder;
  BenchOptions options;
  options.windows = {1};
  options.warm_up = options.measured = milliseconds(50);
  options.folder = folder.path();
  options.stopped = [&] { return !std::filesystem::is_empty(folder.path()); };
  const Result<BenchReport> report = run_bench(options);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().text, "the measurement was stopped");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(BenchTest, AWindowThatCannotBeIsRefused) {
  BenchOptions options;
  options.windows = {0};
  EXPECT_FALSE(run_bench(options));
  options.windows = {1'000'000};
  EXPECT_FALSE(run_bench(options));
}

TEST(BenchTest, TheTableShowsTheShareOfTheCeiling) {
  BenchReport report;
  report.rows.push_back({"forwarder", 16, 300, 100.0, 5.0, microseconds(10), microseconds(20), {}, {}});
  report.rows.push_back({"router", 16, 150, 50.0, 9.0, microseconds(20), microseconds(40), {}, {}});
  EXPECT_THAT(bench_text(report), testing::HasSubstr("50 %"));
}

}  // namespace
}  // namespace eventmq
