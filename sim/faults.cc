#include "sim/faults.h"

#include <numeric>

namespace eventmq::sim {

// Each seed has its own climate: some kinds of fault never happen in it, others often.
Faults::Faults(World& world, System& system) : world_(world), system_(system) {
  longest_pause_ = world.between(seconds(1), seconds(12));
  for (unsigned& weight : weights_) weight = world.prng.chance(50) ? static_cast<unsigned>(world.between(1, 10)) : 0;
  // Most seeds keep their broker, so that what is promised while it lives is seen to the end.
  for (const Kind kind : {Kind::kBrokerCrash, Kind::kBrokerShutdown}) {
    unsigned& weight = weights_[static_cast<size_t>(kind)];
    weight = world.prng.chance(40) ? weight / 2 : 0;
  }
}

void Faults::begin() {
  world_.queue.after(world_.between(milliseconds(100), longest_pause_), [this] { next(); });
}

void Faults::end() {
  over_ = true;
  NetworkSettings& network = system_.network.settings();
  network.delay_low = NetworkSettings().delay_low;
  network.delay_high = NetworkSettings().delay_high;
}

void Faults::next() {
  if (over_) return;
  const unsigned sum = std::accumulate(weights_.begin(), weights_.end(), 0u);
  if (sum > 0) {
    uint64_t draw = world_.prng.below(sum);
    size_t kind = 0;
    while (draw >= weights_[kind]) draw -= weights_[kind++];
    inject(static_cast<Kind>(kind));
  }
  begin();
}

template <class Processes>
auto* Faults::any(Processes& processes) {
  return processes.empty() ? nullptr : world_.pick(processes).get();
}

void Faults::inject(Kind kind) {
  Coverage& coverage = world_.coverage;
  auto connections = system_.network.open_connections();
  switch (kind) {
    case Kind::kReset:
      if (!connections.empty()) system_.network.reset(world_.pick(connections));
      return;
    case Kind::kPartition:
      if (!connections.empty()) system_.network.partition(world_.pick(connections));
      return;
    case Kind::kStall:
      if (!connections.empty())
        system_.network.stall(world_.pick(connections), world_.between(milliseconds(100), seconds(12)));
      return;
    case Kind::kSlowNetwork:
      return slow_network();
    case Kind::kWorkerCrash:
      coverage.count(Covered::kWorkerCrash);
      return any(system_.workers)->crash();
    case Kind::kWorkerHang:
      return hang_worker();
    case Kind::kWorkerDrain:
      coverage.count(Covered::kWorkerDrain);
      return any(system_.workers)->drain();
    case Kind::kLegacyCrash:
      if (auto* legacy = any(system_.legacy_workers)) legacy->crash();
      return;
    case Kind::kLegacyLeave:
      if (auto* legacy = any(system_.legacy_workers)) legacy->leave();
      return;
    case Kind::kClientCrash:
      coverage.count(Covered::kClientCrash);
      return any(system_.clients)->crash();
    case Kind::kClientHang:
      coverage.count(Covered::kClientHang);
      return any(system_.clients)->hang(world_.between(milliseconds(100), seconds(20)));
    case Kind::kClientClose:
      return any(system_.clients)->close();
    case Kind::kBrokerCrash:
      coverage.count(Covered::kBrokerCrash);
      return system_.broker->crash();
    case Kind::kBrokerHang:
      coverage.count(Covered::kBrokerHang);
      if (world_.prng.chance(world_.sabotage == Sabotage::kNoFence ? 100 : 40)) return system_.broker->be_replaced();
      return system_.broker->hang(world_.between(milliseconds(10), seconds(8)));
    case Kind::kBrokerShutdown:
      return system_.broker->shut_down();
    case Kind::kStoreOutage:
      return system_.broker->store_outage(world_.between(milliseconds(10), seconds(20)));
    case Kind::kSettings:
      return change_settings();
    case Kind::kClockStep: {
      coverage.count(Covered::kClockStep);
      auto processes = system_.all();
      return world_.pick(processes)->step_clock(world_.between(milliseconds(100), seconds(60)));
    }
    case Kind::kCount:
      return;
  }
}

void Faults::hang_worker() {
  const bool past_timeout = world_.prng.chance(60);
  const Duration timeout = system_.broker->settings().heartbeat_timeout;
  world_.coverage.count(past_timeout ? Covered::kWorkerHang : Covered::kWorkerHiccup);
  // A worker speaks every three seconds, so one is sure to be shorter than the timeout and one to be longer.
  const Duration length = past_timeout ? timeout + world_.between(milliseconds(1), seconds(20))
                                       : world_.between(milliseconds(10), timeout - milliseconds(3500));
  any(system_.workers)->hang(length);
}

void Faults::slow_network() {
  NetworkSettings& network = system_.network.settings();
  world_.coverage.count(Covered::kSlowNetwork);
  network.delay_high = world_.between(milliseconds(1), seconds(2));
  world_.note("network", fmt::format("takes up to {} ms", network.delay_high.ms()));
  world_.queue.after(world_.between(milliseconds(100), seconds(10)),
                     [&network] { network.delay_high = NetworkSettings().delay_high; });
}

void Faults::change_settings() {
  world_.coverage.count(Covered::kSettingsChanged);
  BrokerSettings settings = system_.broker->settings();
  const UnknownQueue unknown[] = {UnknownQueue::kHold, UnknownQueue::kDefault, UnknownQueue::kReject};
  settings.unknown_queue = unknown[world_.prng.below(3)];
  settings.pick_policy = world_.prng.chance(50) ? PickPolicy::kStrict : PickPolicy::kWeighted;
  settings.max_deliveries = static_cast<uint32_t>(world_.between(2, 5));
  system_.broker->change_settings(std::move(settings));
}

}  // namespace eventmq::sim
