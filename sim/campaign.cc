#include "sim/campaign.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <thread>

namespace eventmq::sim {
namespace {

thread_local uint64_t current_seed = 0;

void on_abort(int) {
  std::fprintf(stderr, "replay with: emq_sim --seed %llu --trace\n", static_cast<unsigned long long>(current_seed));
  std::fflush(nullptr);  // the trace up to here
}

}  // namespace

void name_seed_on_abort() { std::signal(SIGABRT, on_abort); }

std::string replay_line(const SimulationResult& failure) {
  return fmt::format("emq_sim --seed {}    # {}: {}", failure.seed, failure.violation->rule, failure.violation->text);
}

SimulationResult run_seed(const SimulationOptions& options) {
  current_seed = options.seed;
  return simulate(options);
}

CampaignResult run_campaign(uint64_t first, uint64_t last, unsigned threads) {
  CampaignResult campaign;
  std::mutex mutex;
  std::atomic<uint64_t> next{first};
  const auto work = [&] {
    for (uint64_t seed = next++; seed <= last; seed = next++) {
      SimulationResult result = run_seed({.seed = seed});
      const std::lock_guard lock(mutex);
      ++campaign.seeds;
      campaign.coverage.add(result.coverage);
      if (result.violation) campaign.failures.push_back(std::move(result));
    }
  };
  std::vector<std::thread> pool;
  for (unsigned i = 1; i < std::max(threads, 1u); ++i) pool.emplace_back(work);
  work();
  for (std::thread& thread : pool) thread.join();
  std::sort(campaign.failures.begin(), campaign.failures.end(),
            [](const auto& a, const auto& b) { return a.seed < b.seed; });
  return campaign;
}

}  // namespace eventmq::sim
