#include "src/runtime/bench.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <thread>

#include "src/runtime/bench_peers.h"
#include "src/runtime/router_loop.h"
#include "src/store/memory_store.h"
#include "src/store/sqlite_store.h"
#include "src/transport/forwarder.h"

namespace eventmq {
namespace {

// Runs client and worker against something that listens on two endpoints.
Result<BenchRow> measure(const BenchOptions& options, size_t window, const std::string& frontend,
                         const std::string& backend, bool inform, std::string_view headers = "reply-requested") {
  ZmqContext context;
  BenchWorker worker(context);
  if (Result<void> started = worker.start(backend, window + 1, inform); !started) {
    return tl::unexpected<Error>(started.error());
  }
  auto client = std::make_unique<BenchClient>(context, options, window, headers);
  return client->run(frontend);
}

Result<BenchRow> measure_forwarder(const BenchOptions& options, size_t window) {
  ZmqContext context;
  Forwarder forwarder(context, "client", "worker");
  if (Result<void> opened = forwarder.open(); !opened) return tl::unexpected<Error>(opened.error());
  std::thread thread([&] { forwarder.run(); });
  Result<BenchRow> row = measure(options, window, forwarder.frontend(), forwarder.backend(), false);
  forwarder.stop();
  thread.join();
  if (row) row->system = "forwarder";
  return row;
}

Result<BenchRow> measure_router(const BenchOptions& options, size_t window, std::string_view system,
                                std::unique_ptr<Store> store, std::string_view headers) {
  RouterSettings settings;
  settings.frontend_address = settings.backend_address = settings.administrative_address = "tcp://127.0.0.1:*";
  settings.live.broker.heartbeats_enabled = false;
  RouterParts parts;
  parts.store = std::move(store);
  parts.log = [](LogLevel, std::string_view) {};
  RouterLoop loop(std::move(settings), std::move(parts));
  if (Result<void> opened = loop.open(); !opened) return tl::unexpected<Error>(opened.error());
  std::thread thread([&] { loop.run(); });
  Result<BenchRow> row = measure(options, window, loop.endpoints().frontend, loop.endpoints().backend, true, headers);
  loop.stop();
  thread.join();
  if (row) row->system = system;
  return row;
}

Result<BenchRow> measure_memory(const BenchOptions& options, size_t window) {
  return measure_router(options, window, "router", std::make_unique<MemoryStore>(), "reply-requested");
}

// Guaranteed jobs, in a file that is made for it and removed again.
Result<BenchRow> measure_durable(const BenchOptions& options, size_t window) {
  std::string folder = options.folder + "/emq-bench-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) {
    return fail(ErrorCode::kSystem, fmt::format("no file can be made in {}; name another folder", options.folder));
  }
  Result<std::unique_ptr<SqliteStore>> store = SqliteStore::open({.data_dir = folder});
  Result<BenchRow> row = tl::unexpected(Error());
  if (store) {
    row = measure_router(options, window, "durable", *std::move(store), "reply-requested,guarantee");
  } else {
    row = tl::unexpected(store.error());
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return row;
}

constexpr std::array kSystems{&measure_forwarder, &measure_memory, &measure_durable};
constexpr size_t kMemory = 1, kDurable = 2;
using Round = std::array<BenchRow, kSystems.size()>;

Result<Round> measure_round(const BenchOptions& options, size_t window) {
  Round round;
  for (size_t i = 0; i < kSystems.size(); ++i) {
    Result<BenchRow> row = kSystems[i](options, window);
    if (!row) return tl::unexpected<Error>(row.error());
    round[i] = *std::move(row);
  }
  return round;
}

// Of an even number of rounds the lower one in the middle, so that a row is one that was measured.
const BenchRow& median(std::vector<Round>& rounds, size_t system) {
  const auto middle = rounds.begin() + static_cast<std::ptrdiff_t>((rounds.size() - 1) / 2);
  std::nth_element(rounds.begin(), middle, rounds.end(),
                   [&](const Round& a, const Round& b) { return a[system].per_second < b[system].per_second; });
  return (*middle)[system];
}

DurableShare durable_share(const std::vector<Round>& rounds, size_t window) {
  std::vector<double> shares;
  shares.reserve(rounds.size());
  for (const Round& round : rounds) shares.push_back(round[kDurable].per_second / round[kMemory].per_second);
  std::sort(shares.begin(), shares.end());
  return {window, shares[(shares.size() - 1) / 2], shares.front(), shares.back()};
}

Result<void> check(const BenchOptions& options) {
  for (size_t window : options.windows) {
    if (window >= 1 && window <= kBenchWindowMax) continue;
    return fail(ErrorCode::kBadValue, fmt::format("a window is 1 to {} requests in flight", kBenchWindowMax));
  }
  if (options.rounds >= 1 && options.rounds <= kBenchRoundsMax) return {};
  return fail(ErrorCode::kBadValue, fmt::format("there are 1 to {} rounds", kBenchRoundsMax));
}

}  // namespace

Result<BenchReport> run_bench(const BenchOptions& options) {
  if (Result<void> checked = check(options); !checked) return tl::unexpected<Error>(checked.error());
  BenchReport report{.rounds = options.rounds};
  for (size_t window : options.windows) {
    std::vector<Round> rounds;
    while (rounds.size() < options.rounds) {
      Result<Round> round = measure_round(options, window);
      if (!round) return tl::unexpected<Error>(round.error());
      rounds.push_back(*std::move(round));
    }
    report.durable_shares.push_back(durable_share(rounds, window));
    for (size_t system = 0; system < kSystems.size(); ++system) report.rows.push_back(median(rounds, system));
  }
  return report;
}

std::string bench_text(const BenchReport& report) {
  std::string text =
      fmt::format("{:>9}  {:<9}  {:>13}  {:>8}  {:>8}  {:>8}  {:>8}  {:>11}  {:>8}\n", "in flight", "through",
                  "round trips/s", "p50 µs", "p99 µs", "ACK p50", "ACK p99", "CPU µs/trip", "share");
  double ceiling = 0;
  for (const BenchRow& row : report.rows) {
    const bool is_ceiling = row.system == "forwarder";
    if (is_ceiling) ceiling = row.per_second;
    const auto ack = [&](Duration latency) { return is_ceiling ? std::string() : fmt::to_string(latency.us); };
    const std::string share = is_ceiling || ceiling == 0 ? "" : fmt::format("{:.0f} %", 100 * row.per_second / ceiling);
    text += fmt::format("{:>9}  {:<9}  {:>13.0f}  {:>7}  {:>7}  {:>8}  {:>8}  {:>11.1f}  {:>8}\n", row.window,
                        row.system, row.per_second, row.latency_p50.us, row.latency_p99.us, ack(row.ack_p50),
                        ack(row.ack_p99), row.cpu_us_per_trip, share);
  }
  for (const DurableShare& share : report.durable_shares) {
    text +=
        fmt::format("At {} in flight the durable router has {:.2f} of the router's rate", share.window, share.median);
    text += report.rounds > 1
                ? fmt::format(" ({:.2f} to {:.2f} in {} rounds).\n", share.least, share.most, report.rounds)
                : ".\n";
  }
  return text;
}

}  // namespace eventmq
