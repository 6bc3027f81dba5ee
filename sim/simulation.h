// One whole system under one seed: a broker, job managers, clients, existing Python peers and hostile ones, a
// workload and faults. First the faults rage; then they end, and everything that was accepted must come to its
// end; then the broker is shut down in order. The same seed gives the same run.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/coverage.h"
#include "sim/world.h"

namespace eventmq::sim {

struct SimulationOptions {
  uint64_t seed = 1;
  Trace::Mode trace = Trace::Mode::kOff;
  Sabotage sabotage = Sabotage::kNone;
  int sabotage_times = 1;
};

struct SimulationResult {
  uint64_t seed = 0;
  std::optional<Violation> violation;
  Coverage coverage;
  uint64_t trace_hash = 0;
  std::vector<std::string> last_lines;  // of the trace, with Trace::Mode::kKeepLast
  Duration virtual_time;
};

SimulationResult simulate(const SimulationOptions& options);

}  // namespace eventmq::sim
