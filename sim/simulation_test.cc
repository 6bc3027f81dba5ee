#include "sim/simulation.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "sim/campaign.h"

namespace eventmq::sim {
namespace {

// A sanitizer makes each fifteen times slower, and looks at something else than the rules.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint64_t kSeeds = 100;
#else
constexpr uint64_t kSeeds = 2000;
#endif
constexpr bool kMustSeeEverything = kSeeds >= 500;

std::string replay_lines(const std::vector<SimulationResult>& failures) {
  std::string text;
  for (const SimulationResult& failure : failures) text += replay_line(failure) + "\n";
  return text;
}

TEST(SimulationTest, NoSeedBreaksARuleAndEveryKindOfEventHappens) {
  name_seed_on_abort();
  const CampaignResult campaign = run_campaign(1, kSeeds, std::max(1u, std::thread::hardware_concurrency()));
  EXPECT_EQ(campaign.seeds, kSeeds);
  EXPECT_TRUE(campaign.failures.empty()) << replay_lines(campaign.failures);
  for (size_t i = 0; kMustSeeEverything && i < static_cast<size_t>(Covered::kCount); ++i) {
    const auto what = static_cast<Covered>(i);
    EXPECT_GT(campaign.coverage.of(what), 0u)
        << covered_name(what) << " never happened: the simulator has gone blind to it";
  }
}

// Seeds that once broke a rule, one to a line with what it was.
TEST(SimulationTest, SeedsThatOnceFoundABugFindNoneNow) {
  name_seed_on_abort();
  std::ifstream file(EVENTMQ_SOURCE_DIR "/sim/regression_seeds.txt");
  ASSERT_TRUE(file.is_open());
  int seeds = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const uint64_t seed = std::stoull(line);
    const CampaignResult campaign = run_campaign(seed, seed, 1);
    EXPECT_TRUE(campaign.failures.empty()) << replay_lines(campaign.failures) << "once: " << line;
    ++seeds;
  }
  EXPECT_GT(seeds, 0);
}

TEST(SimulationTest, TheSameSeedGivesTheSameRun) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const SimulationResult once = simulate({.seed = seed});
    const SimulationResult again = simulate({.seed = seed, .trace = Trace::Mode::kKeepLast});
    EXPECT_EQ(once.trace_hash, again.trace_hash) << "seed " << seed;
  }
  EXPECT_NE(simulate({.seed = 1}).trace_hash, simulate({.seed = 2}).trace_hash);
}

}  // namespace
}  // namespace eventmq::sim
