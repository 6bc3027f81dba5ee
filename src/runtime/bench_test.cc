#include "src/runtime/bench.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "testing/temporary_folder.h"

namespace eventmq {
namespace {

TEST(BenchTest, AllSystemsCompleteRoundTrips) {
  BenchOptions options;
  options.windows = {1, 8};
  options.warm_up = milliseconds(1);
  options.measured = milliseconds(100);
  options.rounds = 3;
  options.folder = testing::TempDir();
  const Result<BenchReport> report = run_bench(options);
  ASSERT_TRUE(report) << report.error().text;
  ASSERT_EQ(report->rows.size(), 6u);
  for (const BenchRow& row : report->rows) EXPECT_GT(row.round_trips, 0u) << row.system << " " << row.window;
  EXPECT_THAT(bench_text(*report), testing::HasSubstr("forwarder"));
  ASSERT_EQ(report->durable_shares.size(), 2u);
  for (const DurableShare& share : report->durable_shares) {
    EXPECT_GT(share.least, 0) << share.window;
    EXPECT_LE(share.least, share.median) << share.window;
    EXPECT_LE(share.median, share.most) << share.window;
  }
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

TEST(BenchTest, ANumberOfRoundsThatCannotBeIsRefused) {
  BenchOptions options;
  options.rounds = 0;
  EXPECT_FALSE(run_bench(options));
  options.rounds = kBenchRoundsMax + 1;
  EXPECT_FALSE(run_bench(options));
}

TEST(BenchTest, TheTableShowsTheShareOfTheCeiling) {
  BenchReport report;
  report.rows.push_back({"forwarder", 16, 300, 100.0, 5.0, microseconds(10), microseconds(20), {}, {}});
  report.rows.push_back({"router", 16, 150, 50.0, 9.0, microseconds(20), microseconds(40), {}, {}});
  EXPECT_THAT(bench_text(report), testing::HasSubstr("50 %"));
}

TEST(BenchTest, TheDurableShareIsToldWithWhatTheRoundsGave) {
  BenchReport report{.rows = {}, .durable_shares = {{16, 0.625, 0.5, 0.75}}, .rounds = 5};
  EXPECT_EQ(bench_text(report).substr(bench_text(report).find("At ")),
            "At 16 in flight the durable router has 0.62 of the router's rate (0.50 to 0.75 in 5 rounds).\n");
  report.rounds = 1;
  EXPECT_THAT(bench_text(report), testing::HasSubstr("has 0.62 of the router's rate.\n"));
}

}  // namespace
}  // namespace eventmq
