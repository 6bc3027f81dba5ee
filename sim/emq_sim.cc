// The simulator's program: one seed with its story, or a campaign over many.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>
#include <string_view>
#include <thread>

#include "sim/campaign.h"

namespace {

using eventmq::sim::CampaignResult;
using eventmq::sim::run_seed;
using eventmq::sim::SimulationResult;
using eventmq::sim::Trace;

constexpr std::string_view kUsage =
    "usage: emq_sim [--seed N] [--trace]               one seed, with its story if asked or if a rule is broken\n"
    "       emq_sim --seeds FROM-TO [--threads N]      many seeds, and what happened in them\n"
    "Runs the whole system in one thread, with faults, from a seed (docs/simulator.md).\n";

struct Arguments {
  uint64_t first = 1;
  uint64_t last = 1;
  bool many = false;
  bool trace = false;
  unsigned threads = std::max(1u, std::thread::hardware_concurrency());
};

template <class Number>
bool parse(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

bool parse_range(std::string_view text, Arguments& arguments) {
  const size_t dash = text.find('-');
  arguments.many = true;
  return dash != std::string_view::npos && parse(text.substr(0, dash), arguments.first) &&
         parse(text.substr(dash + 1), arguments.last) && arguments.first <= arguments.last;
}

std::optional<Arguments> parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    const std::string_view value = i + 1 < argc ? argv[i + 1] : "";
    bool good = true;
    if (flag == "--trace") {
      arguments.trace = true;
      continue;
    } else if (flag == "--seed") {
      good = parse(value, arguments.first);
    } else if (flag == "--seeds") {
      good = parse_range(value, arguments);
    } else if (flag == "--threads") {
      good = parse(value, arguments.threads) && arguments.threads > 0;
    } else {
      good = false;
    }
    if (!good) return std::nullopt;
    ++i;
  }
  return arguments;
}

int run_one(uint64_t seed, bool trace) {
  const SimulationResult result =
      run_seed({.seed = seed, .trace = trace ? Trace::Mode::kPrint : Trace::Mode::kKeepLast});
  if (result.violation) {
    for (const std::string& line : result.last_lines) std::puts(line.c_str());
    std::puts(replay_line(result).c_str());
    return 1;
  }
  std::printf("seed %llu: no rule broken in %.0f s of virtual time (trace %016llx)\n",
              static_cast<unsigned long long>(seed), result.virtual_time.seconds(),
              static_cast<unsigned long long>(result.trace_hash));
  return 0;
}

int run_many(const Arguments& arguments) {
  const CampaignResult campaign = eventmq::sim::run_campaign(arguments.first, arguments.last, arguments.threads);
  std::fputs(campaign.coverage.report().c_str(), stdout);
  for (const SimulationResult& failure : campaign.failures) std::puts(replay_line(failure).c_str());
  std::printf("%llu seeds, %zu failed\n", static_cast<unsigned long long>(campaign.seeds), campaign.failures.size());
  return campaign.failures.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<Arguments> arguments = parse(argc, argv);
  if (!arguments) {
    std::fputs(kUsage.data(), stderr);
    return 2;
  }
  eventmq::sim::name_seed_on_abort();
  return arguments->many ? run_many(*arguments) : run_one(arguments->first, arguments->trace);
}
