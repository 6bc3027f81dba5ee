#include "src/programs/client_settings.h"

namespace eventmq {

ClientOptions client_options(const Settings& settings) {
  ClientOptions options;
  options.heartbeats = !settings.is_on("disable_heartbeats");
  options.heartbeat_interval = std::chrono::microseconds(settings.duration("heartbeat_interval").us);
  options.heartbeat_timeout = std::chrono::microseconds(settings.duration("heartbeat_timeout").us);
  options.heartbeat_liveness = static_cast<uint32_t>(settings.count("heartbeat_liveness"));
  return options;
}

}  // namespace eventmq
