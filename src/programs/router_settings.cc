#include "src/programs/router_settings.h"

#include <fmt/format.h>

#include <array>

#include "src/transport/address.h"

namespace eventmq {
namespace {

UnknownQueue unknown_queue_of(const std::string& word) {
  return word == "default" ? UnknownQueue::kDefault : word == "reject" ? UnknownQueue::kReject : UnknownQueue::kHold;
}

}  // namespace

BrokerSettings broker_settings(const Settings& settings) {
  BrokerSettings broker;
  broker.default_queue_name = settings.text("default_queue_name");
  broker.unknown_queue = unknown_queue_of(settings.text("unknown_queue"));
  broker.pick_policy = settings.text("pick_policy") == "strict" ? PickPolicy::kStrict : PickPolicy::kWeighted;
  broker.heartbeats_enabled = !settings.is_on("disable_heartbeats");
  broker.heartbeat_interval = settings.duration("heartbeat_interval");
  broker.heartbeat_timeout = settings.duration("heartbeat_timeout");
  broker.leave_grace = settings.duration("leave_grace");
  broker.resume_grace = settings.duration("resume_grace");
  broker.drain_timeout = settings.duration("drain_timeout");
  broker.jobs_per_queue = settings.count("hwm");
  broker.memory_bytes = settings.count("memory_limit");
  broker.dedupe_window = settings.duration("dedupe_window");
  broker.dedupe_ids = settings.count("dedupe_ids");
  broker.dead_window = settings.duration("dead_retention");
  broker.dead_letters = settings.count("dead_max");
  broker.results = settings.count("result_max");
  broker.result_bytes = settings.count("result_limit");
  broker.retry_backoff = settings.duration("retry_backoff");
  broker.retry_backoff_max = settings.duration("retry_backoff_max");
  broker.max_deliveries = static_cast<uint32_t>(settings.count("max_deliveries"));
  return broker;
}

LiveRouterSettings live_router_settings(const Settings& settings) {
  return {.broker = broker_settings(settings),
          .log_messages = settings.is_on("super_debug"),
          .hide_heartbeats = settings.is_on("hide_heartbeat_logs")};
}

Result<void> check_listen_addresses(const Settings& settings) {
  constexpr std::array<const char*, 3> kNames = {"frontend_listen_addr", "backend_listen_addr",
                                                 "administrative_listen_addr"};
  for (size_t one = 0; one < kNames.size(); ++one) {
    for (size_t other = one + 1; other < kNames.size(); ++other) {
      const std::string& address = settings.text(kNames[one]);
      const std::string& beside = settings.text(kNames[other]);
      if (!same_place(address, beside)) continue;
      return fail(ErrorCode::kBadValue,
                  fmt::format("{} ({}) and {} ({}) are in one place, and each needs an address of its own: change one",
                              kNames[one], address, kNames[other], beside));
    }
  }
  return {};
}

RouterSettings router_settings(const Settings& settings) {
  RouterSettings router;
  router.frontend_address = settings.text("frontend_listen_addr");
  router.backend_address = settings.text("backend_listen_addr");
  router.administrative_address = settings.text("administrative_listen_addr");
  router.sockets.frame_bytes_max = settings.count("max_message_size");
  router.live = live_router_settings(settings);
  return router;
}

}  // namespace eventmq
