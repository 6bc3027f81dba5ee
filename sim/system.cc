#include "sim/system.h"

#include <fmt/format.h>

#include <algorithm>

namespace eventmq::sim {

System::System(World& shared) : world(shared), network(shared), jobs(shared) {
  named_peers_ = world.prng.chance(25);
  several_addresses_ = world.prng.chance(25);
  build_broker();
  build_workers();
  build_clients();
  build_hostiles();
}

void System::build_broker() {
  BrokerSettings settings;
  Prng& prng = world.prng;
  const UnknownQueue unknown[] = {UnknownQueue::kHold, UnknownQueue::kHold, UnknownQueue::kHold, UnknownQueue::kDefault,
                                  UnknownQueue::kReject};
  settings.unknown_queue = unknown[prng.below(5)];
  settings.pick_policy = prng.chance(25) ? PickPolicy::kStrict : PickPolicy::kWeighted;
  if (prng.chance(15)) settings.jobs_per_queue = static_cast<uint64_t>(world.between(2, 20));
  settings.store_durable = true;
  // A store that was written by two says of its backlog what stops the broker at once.
  const bool has_backlog = prng.chance(40) && world.sabotage != Sabotage::kNoFence;
  if (has_backlog) settings.window_jobs = static_cast<uint64_t>(world.between(1, 10));
  settings.heartbeat_timeout = prng.chance(70) ? seconds(5) : seconds(8);
  settings.retry_backoff = world.between(milliseconds(50), seconds(2));
  settings.retry_backoff_max = seconds(20);
  settings.leave_grace = seconds(20);
  settings.drain_timeout = seconds(10);
  settings.dedupe_window = seconds(6 * 3600);
  settings.max_deliveries = static_cast<uint32_t>(world.between(2, 5));
  const Duration slowest_commit = prng.chance(50) ? milliseconds(5) : milliseconds(60);
  broker = std::make_unique<BrokerHost>(world, network, settings, slowest_commit);
  broker->who_runs = [this](const std::string& id, uint32_t attempt) { return who_runs(id, attempt); };
  network.settings().send_queue_messages = prng.chance(30) ? 20 : 1000;
}

std::string System::who_runs(const std::string& id, uint32_t attempt) const {
  for (const auto& worker : workers) {
    if (!worker->alive() || worker->hung() || !worker->runs(id, attempt) || !worker->link() || !worker->link()->open())
      continue;
    const ModelWorker* known = broker->model().worker(Side::kBackend, worker->link()->routing_id());
    if (known && !known->leaving) return worker->name();
  }
  return "";
}

std::vector<QueueWeight> System::draw_queues(bool all_queues) {
  std::vector<QueueWeight> queues;
  for (const std::string& name : jobs.queues()) {
    const auto weight = static_cast<uint32_t>(world.prng.chance(30) ? 10 : world.between(1, 40));
    if (all_queues || world.prng.chance(65)) queues.push_back({weight, Bytes(name)});
  }
  if (all_queues) queues.push_back({1, Bytes("later")});
  return queues;  // none: the broker's default queue
}

void System::build_workers() {
  const int64_t count = world.between(1, 4);
  for (int64_t i = 1; i <= count; ++i) {
    WorkerSessionSettings settings;
    if (several_addresses_) settings.link.addresses.push_back("sim://nowhere");
    settings.link.addresses.emplace_back(Network::kBrokerAddress);
    if (named_peers_) settings.link.name = fmt::format("worker-{}", i);
    settings.queues = draw_queues(false);
    settings.slots = static_cast<uint32_t>(world.between(1, 4));
    workers.push_back(std::make_unique<WorkerHost>(world, network, jobs, fmt::format("worker-{}", i), settings));
  }
  for (int64_t i = world.between(0, 2); i > 0; --i) {
    legacy_workers.push_back(std::make_unique<LegacyWorker>(world, network, jobs, fmt::format("legacy-{}", i),
                                                            draw_queues(false),
                                                            static_cast<uint32_t>(world.between(1, 3))));
  }
}

void System::add_last_worker() {
  WorkerSessionSettings settings;
  settings.link.addresses.emplace_back(Network::kBrokerAddress);
  settings.queues = draw_queues(true);
  settings.slots = 4;
  workers.push_back(std::make_unique<WorkerHost>(world, network, jobs, "worker-last", settings));
  workers.back()->start();
}

void System::build_clients() {
  for (int64_t i = world.between(1, 3); i > 0; --i) {
    ClientSessionSettings settings;
    if (several_addresses_) settings.link.addresses.push_back("sim://nowhere");
    settings.link.addresses.emplace_back(Network::kBrokerAddress);
    if (named_peers_) settings.link.name = fmt::format("client-{}", i);
    settings.window = world.prng.chance(30) ? static_cast<uint32_t>(world.between(1, 5)) : 1000;
    clients.push_back(std::make_unique<ClientHost>(world, network, jobs, fmt::format("client-{}", i), settings));
  }
  if (world.prng.chance(60))
    legacy_clients.push_back(std::make_unique<LegacyClient>(world, network, jobs, "legacy-client"));
  if (world.prng.chance(60)) schedulers.push_back(std::make_unique<LegacyScheduler>(world, network, jobs, "scheduler"));
}

void System::build_hostiles() {
  if (world.prng.chance(30))
    hostiles.push_back(std::make_unique<HostilePeer>(world, network, jobs, "hostile-worker", Side::kBackend));
  if (world.prng.chance(30))
    hostiles.push_back(std::make_unique<HostilePeer>(world, network, jobs, "hostile-client", Side::kFrontend));
}

std::vector<Process*> System::all() {
  std::vector<Process*> processes{broker.get()};
  const auto add = [&](auto& some) {
    for (auto& process : some) processes.push_back(process.get());
  };
  add(workers);
  add(legacy_workers);
  add(clients);
  add(legacy_clients);
  add(schedulers);
  if (!calm) add(hostiles);
  return processes;
}

void System::supervise() {
  for (Process* process : all()) {
    if (!process->alive()) revive(*process);
  }
  world.queue.after(milliseconds(100), [this] { supervise(); });
}

void System::revive(Process& process) {
  if (std::find(reviving_.begin(), reviving_.end(), &process) != reviving_.end()) return;
  reviving_.push_back(&process);
  const Duration wait = calm ? milliseconds(10) : world.between(milliseconds(10), seconds(4));
  world.queue.after(wait, [this, &process] {
    std::erase(reviving_, &process);
    if (!process.alive()) process.start();
  });
}

}  // namespace eventmq::sim
