// emq bench: how fast the router is here.
#include <fmt/format.h>
#include <signal.h>

#include <nlohmann/json.hpp>

#include "src/programs/command.h"
#include "src/runtime/bench.h"

namespace eventmq {
namespace {

Result<std::vector<size_t>> windows_of(const std::string& text) {
  std::vector<size_t> windows;
  for (std::string_view word : split_words(text)) {
    const Result<uint64_t> window = parse_count(word);
    if (!window || *window < 1 || *window > kBenchWindowMax) {
      return fail(ErrorCode::kBadValue, fmt::format("--windows must be whole numbers from 1 to {}, not \"{}\"",
                                                    kBenchWindowMax, safe_text(word)));
    }
    windows.push_back(*window);
  }
  return windows;
}

Result<BenchOptions> options_of(const Invocation& invocation) {
  BenchOptions options;
  if (invocation.has("--windows")) {
    auto windows = windows_of(invocation.value("--windows"));
    if (!windows) return tl::unexpected(windows.error());
    options.windows = *std::move(windows);
  }
  const Result<uint64_t> payload = parse_size(invocation.value("--payload", "200"));
  if (!payload || *payload > limits::kFrameBytesDefault) {
    return fail(ErrorCode::kBadValue, fmt::format("--payload must be a size from 0 to 32M, not \"{}\"",
                                                  safe_text(invocation.value("--payload"))));
  }
  options.payload_bytes = *payload;
  const Result<Duration> measured = parse_seconds(invocation.value("--measure", "1"));
  if (!measured || measured->us == 0) {
    return fail(ErrorCode::kBadValue, fmt::format("--measure must be seconds, as 3 or 0.5, not \"{}\"",
                                                  safe_text(invocation.value("--measure"))));
  }
  options.measured = *measured;
  const Result<uint64_t> rounds = parse_count(invocation.value("--rounds", "5"));
  if (!rounds || *rounds < 1 || *rounds > kBenchRoundsMax) {
    return fail(ErrorCode::kBadValue, fmt::format("--rounds must be a whole number from 1 to {}, not \"{}\"",
                                                  kBenchRoundsMax, safe_text(invocation.value("--rounds"))));
  }
  options.rounds = *rounds;
  options.folder = invocation.value("--folder", ".");
  return options;
}

std::string bench_json(const BenchReport& report) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const BenchRow& row : report.rows) {
    rows.push_back({{"system", row.system},
                    {"window", row.window},
                    {"round_trips", row.round_trips},
                    {"per_second", row.per_second},
                    {"cpu_us_per_trip", row.cpu_us_per_trip},
                    {"latency_p50_us", row.latency_p50.us},
                    {"latency_p99_us", row.latency_p99.us},
                    {"ack_p50_us", row.ack_p50.us},
                    {"ack_p99_us", row.ack_p99.us}});
  }
  nlohmann::ordered_json shares = nlohmann::ordered_json::array();
  for (const DurableShare& share : report.durable_shares) {
    shares.push_back(
        {{"window", share.window}, {"median", share.median}, {"least", share.least}, {"most", share.most}});
  }
  return nlohmann::ordered_json{{"rounds", report.rounds}, {"rows", rows}, {"durable_shares", shares}}.dump(2);
}

volatile sig_atomic_t g_bench_stopped_by = 0;

void note_stop(int signal) { g_bench_stopped_by = signal; }

// Ends by this signal once the folder that was made is gone.
Result<BenchReport> run_until_signal(BenchOptions options) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    if (::signal(signal, note_stop) == SIG_IGN) ::signal(signal, SIG_IGN);
  }
  options.stopped = [] { return g_bench_stopped_by != 0; };
  Result<BenchReport> report = run_bench(options);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    if (::signal(signal, SIG_DFL) == SIG_IGN) ::signal(signal, SIG_IGN);
  }
  if (g_bench_stopped_by != 0) ::raise(g_bench_stopped_by);
  return report;
}

}  // namespace

ExitCode run_bench_command(Invocation& invocation) {
  const Result<BenchOptions> options = options_of(invocation);
  if (!options) {
    invocation.console.error_line(options.error().text);
    return kExitUsage;
  }
  const Result<BenchReport> report = run_until_signal(*options);
  if (!report) return invocation.console.fail(report.error());
  if (invocation.has("--json")) {
    invocation.console.line(bench_json(*report));
  } else {
    invocation.console.print(bench_text(*report));
  }
  return kExitDone;
}

}  // namespace eventmq
