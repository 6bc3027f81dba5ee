// What goes wrong, drawn from the seed: one fault after another until they are told to end.
#pragma once

#include <array>
#include <cstdint>

#include "sim/system.h"

namespace eventmq::sim {

class Faults {
 public:
  Faults(World& world, System& system);

  void begin();
  void end();

 private:
  enum class Kind : uint8_t {
    kReset,
    kPartition,
    kStall,
    kSlowNetwork,
    kWorkerCrash,
    kWorkerHang,
    kWorkerDrain,
    kLegacyCrash,
    kLegacyLeave,
    kClientCrash,
    kClientHang,
    kClientClose,
    kBrokerCrash,
    kBrokerHang,
    kBrokerShutdown,
    kStoreOutage,
    kSettings,
    kClockStep,
    kCount,
  };

  void next();
  void inject(Kind kind);
  void hang_worker();
  void slow_network();
  void change_settings();
  template <class Processes>
  auto* any(Processes& processes);

  World& world_;
  System& system_;
  bool over_ = false;
  Duration longest_pause_;
  std::array<unsigned, static_cast<size_t>(Kind::kCount)> weights_{};
};

}  // namespace eventmq::sim
