#include "src/programs/job_manager_settings.h"

namespace eventmq {

JobManagerOptions job_manager_options(const Settings& settings) {
  JobManagerOptions options;
  LinkSettings& link = options.session.link;
  link.addresses = router_addresses(settings);
  link.name = settings.text("name");
  link.heartbeats_enabled = !settings.is_on("disable_heartbeats");
  link.heartbeat_interval = settings.duration("heartbeat_interval");
  link.heartbeat_timeout = settings.duration("heartbeat_timeout");
  link.heartbeat_liveness = static_cast<uint32_t>(settings.count("heartbeat_liveness"));
  link.reconnect_timeout = settings.duration("reconnect_timeout");
  options.session.queues = settings.queues("queues");
  options.session.slots = static_cast<uint32_t>(settings.count("concurrent_jobs"));
  options.executor.max_job_count = static_cast<uint32_t>(settings.count("max_job_count"));
  options.executor.hooks = {
      .setup = start_hook(settings), .entry = settings.text("job_entry_func"), .exit = settings.text("job_exit_func")};
  options.executor.global_timeout = settings.duration("global_timeout");
  options.plugins = settings.list("load");
  options.kill_grace_period = settings.duration("kill_grace_period");
  options.session.payload_bytes_max = settings.count("max_message_size");
  return options;
}

}  // namespace eventmq
