// The processes of one simulation and how they are brought up again after an end.
#pragma once

#include <memory>
#include <vector>

#include "sim/broker_host.h"
#include "sim/client_host.h"
#include "sim/hostile_peer.h"
#include "sim/jobs.h"
#include "sim/legacy_peers.h"
#include "sim/legacy_worker.h"
#include "sim/network.h"
#include "sim/worker_host.h"

namespace eventmq::sim {

struct System {
  explicit System(World& world);

  // Starts what has ended, each after a wait, for as long as the simulation runs.
  void supervise();
  // A job manager that serves every queue, so that nothing stays for want of one.
  void add_last_worker();
  std::vector<Process*> all();

  World& world;
  Network network;
  Jobs jobs;
  std::unique_ptr<BrokerHost> broker;
  std::vector<std::unique_ptr<WorkerHost>> workers;
  std::vector<std::unique_ptr<LegacyWorker>> legacy_workers;
  std::vector<std::unique_ptr<ClientHost>> clients;
  std::vector<std::unique_ptr<LegacyClient>> legacy_clients;
  std::vector<std::unique_ptr<LegacyScheduler>> schedulers;
  std::vector<std::unique_ptr<HostilePeer>> hostiles;
  bool calm = false;  // restarts come at once, and hostile peers stay away

 private:
  void build_broker();
  std::string who_runs(const std::string& id, uint32_t attempt) const;
  void build_workers();
  void build_clients();
  void build_hostiles();
  std::vector<QueueWeight> draw_queues(bool all_queues);
  void revive(Process& process);

  bool named_peers_ = false;
  bool several_addresses_ = false;
  std::vector<Process*> reviving_;
};

}  // namespace eventmq::sim
