#include "sim/simulation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sim/faults.h"
#include "sim/system.h"

namespace eventmq::sim {
namespace {

constexpr Duration kQuietLimit = seconds(900);  // beyond: something is stuck
constexpr uint64_t kEventsMax = 20'000'000;     // of one seed; beyond: it never ends

class Simulation {
 public:
  explicit Simulation(const SimulationOptions& options);

  SimulationResult run();

 private:
  void submit_from_clients();
  void submit_from_legacy_client();
  void calm_down();
  void wait_until_quiet();
  std::vector<std::string> whatever_is_not_at_rest();
  void shut_down();
  void await_shutdown(Instant deadline);

  SimulationOptions options_;
  World world_;
  System system_;
  Faults faults_;
  Instant storm_end_;
  Instant quiet_deadline_;
  bool done_ = false;
};

Simulation::Simulation(const SimulationOptions& options)
    : options_(options),
      world_(options.seed, options.trace, options.sabotage, options.sabotage_times),
      system_(world_),
      faults_(world_, system_) {}

SimulationResult Simulation::run() {
  storm_end_ = world_.now() + world_.between(seconds(15), seconds(70));
  for (Process* process : system_.all()) {
    world_.queue.after(world_.between(milliseconds(0), milliseconds(500)), [process] {
      if (!process->alive()) process->start();
    });
  }
  world_.queue.after(seconds(1), [this] { system_.supervise(); });
  world_.queue.after(milliseconds(300), [this] { submit_from_clients(); });
  world_.queue.after(milliseconds(300), [this] { submit_from_legacy_client(); });
  world_.queue.at(storm_end_, [this] { calm_down(); });
  faults_.begin();
  uint64_t events = 0;
  while (!done_ && !world_.violation && !world_.queue.empty()) {
    world_.queue.run_next();
    if (++events > kEventsMax) world_.violate("endless", "the simulation does not come to an end");
  }
  const auto& lines = world_.trace.last_lines();
  return {options_.seed,
          world_.violation,
          world_.coverage,
          world_.trace.hash(),
          {lines.begin(), lines.end()},
          world_.now() - World::kStart};
}

void Simulation::submit_from_clients() {
  if (world_.now() >= storm_end_) return;
  auto& client = world_.pick(system_.clients);
  const int64_t burst = world_.prng.chance(5) ? world_.between(5, 25) : 1;
  for (int64_t i = 0; i < burst; ++i) client->submit_something();
  world_.queue.after(world_.between(milliseconds(5), milliseconds(900)), [this] { submit_from_clients(); });
}

void Simulation::submit_from_legacy_client() {
  if (world_.now() >= storm_end_ || system_.legacy_clients.empty()) return;
  system_.legacy_clients.front()->submit();
  world_.queue.after(world_.between(milliseconds(100), seconds(3)), [this] { submit_from_legacy_client(); });
}

// Faults end, enough workers are there, and whoever could hold something for ever without being to blame is
// started anew.
void Simulation::calm_down() {
  world_.note("simulation", "the faults are over");
  faults_.end();
  system_.calm = true;
  for (const auto& hostile : system_.hostiles) hostile->crash();
  for (const auto& scheduler : system_.schedulers) scheduler->pause();
  system_.add_last_worker();
  quiet_deadline_ = world_.now() + kQuietLimit;
  wait_until_quiet();
}

void Simulation::wait_until_quiet() {
  for (const auto& legacy : system_.legacy_workers) {
    if (legacy->suspect()) legacy->crash();
  }
  const std::vector<std::string> restless = whatever_is_not_at_rest();
  if (restless.empty()) return shut_down();
  if (world_.now() >= quiet_deadline_) {
    return world_.violate("stuck", fmt::format("{} not at rest long after the last fault: {}", restless.size(),
                                               fmt::join(restless, "; ")));
  }
  world_.queue.after(milliseconds(700), [this] { wait_until_quiet(); });
}

std::vector<std::string> Simulation::whatever_is_not_at_rest() {
  const BrokerHost& broker = *system_.broker;
  if (!broker.alive() || broker.hung()) return {"the broker is down"};
  system_.broker->check_status();
  std::vector<std::string> restless;
  if (!system_.broker->store_is_settled()) restless.push_back("the store is behind");
  for (const auto& client : system_.clients) {
    if (!client->alive()) restless.push_back(client->name() + " is down");
    for (std::string& text : client->unfinished()) restless.push_back(std::move(text));
  }
  if (!broker.model().idle()) {
    for (std::string& text : broker.model().unfinished()) restless.push_back(std::move(text));
  }
  for (const auto& worker : system_.workers) {
    const ModelWorker* known =
        worker->link() ? broker.model().worker(Side::kBackend, worker->link()->routing_id()) : nullptr;
    if (!known || known->credits != worker->slots() || worker->running() > 0) {
      restless.push_back(fmt::format("{} has {} of {} slots on offer and runs {}", worker->name(),
                                     known ? known->credits : 0, worker->slots(), worker->running()));
    }
  }
  return restless;
}

void Simulation::shut_down() {
  world_.note("simulation", "all is quiet");
  system_.broker->check_disk_is_empty();
  system_.broker->shut_down();
  await_shutdown(world_.now() + system_.broker->settings().drain_timeout + seconds(2));
}

void Simulation::await_shutdown(Instant deadline) {
  const uint64_t life = system_.broker->life();
  world_.queue.at(deadline, [this, life] {
    if (system_.broker->life() == life) world_.violate("shutdown", "the broker does not stop");
    done_ = true;
  });
}

}  // namespace

SimulationResult simulate(const SimulationOptions& options) { return Simulation(options).run(); }

}  // namespace eventmq::sim
