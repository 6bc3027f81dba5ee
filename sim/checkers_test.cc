// Tests of the simulator's own rules: each bug that is put in on purpose must be caught, and by the rule that
// is about it.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "sim/simulation.h"

namespace eventmq::sim {
namespace {

struct Case {
  const char* name;
  Sabotage sabotage;
  std::set<std::string> rules;  // any of these
  int times = 1;                // one such bug may be healed by a reconnect, or not matter
  uint64_t seeds = 12;
  uint64_t caught = seeds / 3;  // at least
};

void PrintTo(const Case& test_case, std::ostream* out) { *out << test_case.name; }

class SabotageTest : public testing::TestWithParam<Case> {};

// Some seeds never come to the place where the bug would show, so it need not be caught in each.
TEST_P(SabotageTest, IsCaught) {
  const uint64_t seeds = GetParam().seeds;
  uint64_t caught = 0;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    const SimulationResult result =
        simulate({.seed = seed, .sabotage = GetParam().sabotage, .sabotage_times = GetParam().times});
    if (!result.violation) continue;
    ++caught;
    EXPECT_TRUE(GetParam().rules.contains(result.violation->rule))
        << "seed " << seed << " was caught by " << result.violation->rule << ": " << result.violation->text;
  }
  EXPECT_GE(caught, GetParam().caught);
}

INSTANTIATE_TEST_SUITE_P(
    All, SabotageTest,
    testing::Values(
        Case{"HiddenReply", Sabotage::kHideReply, {"reply-missing"}},
        Case{"DoubledReply", Sabotage::kDoubleReply, {"reply"}},
        Case{"WrongOutcome", Sabotage::kWrongOutcome, {"reply"}},
        Case{"DoubledDispatch", Sabotage::kDoubleDispatch, {"two-attempts"}},
        Case{"WrongWorker", Sabotage::kWrongWorker, {"dispatch"}},
        Case{"IgnoredCommit", Sabotage::kIgnoreCommits, {"before-commit"}},
        Case{"ForgottenRecord", Sabotage::kForgetRecord, {"records", "commit-order", "before-commit", "result"}, 6},
        Case{"ForgottenResult", Sabotage::kForgetResult, {"result"}, 60},
        Case{"ForgottenSync", Sabotage::kForgetSync, {"lost", "result", "left"}, 1'000'000},
        Case{"NoFence",
             Sabotage::kNoFence,
             {"lost", "left", "records", "backlog", "status", "one-end"},
             1'000'000,
             30,
             2},
        Case{"CorruptStatus", Sabotage::kCorruptStatus, {"conservation"}},
        Case{"VanishedReply", Sabotage::kDropReply, {"stuck"}, 20},
        Case{"VanishedRequest", Sabotage::kDropRequest, {"stuck"}, 6},
        Case{"VanishedAck", Sabotage::kDropAck, {"stuck"}, 60}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace eventmq::sim
