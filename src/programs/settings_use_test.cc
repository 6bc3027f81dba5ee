// The settings as the programs use them.
#include <gtest/gtest.h>

#include "src/programs/addresses.h"
#include "src/programs/client_settings.h"
#include "src/programs/job_manager_settings.h"
#include "src/programs/router_settings.h"

namespace eventmq {
namespace {

using Variables = std::map<std::string, std::string>;

Settings settings_with(const Variables& environment) {
  LoadRequest request;
  request.config_path = "/dev/null";
  request.environment = environment;
  return *load_settings(request);
}

TEST(RouterSettingsTest, TheTablesDefaultsAreTheBrokersDefaults) {
  const BrokerSettings set = broker_settings(settings_with({}));
  const BrokerSettings plain;
  EXPECT_EQ(set.default_queue_name, plain.default_queue_name);
  EXPECT_EQ(set.unknown_queue, plain.unknown_queue);
  EXPECT_EQ(set.pick_policy, plain.pick_policy);
  EXPECT_EQ(set.heartbeats_enabled, plain.heartbeats_enabled);
  EXPECT_EQ(set.heartbeat_interval, plain.heartbeat_interval);
  EXPECT_EQ(set.heartbeat_timeout, plain.heartbeat_timeout);
  EXPECT_EQ(set.leave_grace, plain.leave_grace);
  EXPECT_EQ(set.drain_timeout, plain.drain_timeout);
  EXPECT_EQ(set.jobs_per_queue, plain.jobs_per_queue);
  EXPECT_EQ(set.memory_bytes, plain.memory_bytes);
  EXPECT_EQ(set.dedupe_window, plain.dedupe_window);
  EXPECT_EQ(set.dedupe_ids, plain.dedupe_ids);
  EXPECT_EQ(set.retry_backoff, plain.retry_backoff);
  EXPECT_EQ(set.retry_backoff_max, plain.retry_backoff_max);
  EXPECT_EQ(set.max_deliveries, plain.max_deliveries);
}

TEST(RouterSettingsTest, EverySettingReachesTheRouter) {
  const RouterSettings router = router_settings(settings_with({{"EVENTMQ_DEFAULT_QUEUE_NAME", "main"},
                                                               {"EVENTMQ_UNKNOWN_QUEUE", "reject"},
                                                               {"EVENTMQ_PICK_POLICY", "strict"},
                                                               {"EVENTMQ_DISABLE_HEARTBEATS", "yes"},
                                                               {"EVENTMQ_HWM", "7"},
                                                               {"EVENTMQ_MEMORY_LIMIT", "8M"},
                                                               {"EVENTMQ_MAX_DELIVERIES", "9"},
                                                               {"EVENTMQ_MAX_MESSAGE_SIZE", "1M"},
                                                               {"EVENTMQ_SUPER_DEBUG", "yes"},
                                                               {"EVENTMQ_HIDE_HEARTBEAT_LOGS", "no"},
                                                               {"EVENTMQ_BACKEND_ADDR", "tcp://127.0.0.1:1"}}));
  EXPECT_EQ(router.live.broker.default_queue_name, "main");
  EXPECT_EQ(router.live.broker.unknown_queue, UnknownQueue::kReject);
  EXPECT_EQ(router.live.broker.pick_policy, PickPolicy::kStrict);
  EXPECT_FALSE(router.live.broker.heartbeats_enabled);
  EXPECT_EQ(router.live.broker.jobs_per_queue, 7u);
  EXPECT_EQ(router.live.broker.memory_bytes, 8u * 1024 * 1024);
  EXPECT_EQ(router.live.broker.max_deliveries, 9u);
  EXPECT_EQ(router.sockets.frame_bytes_max, 1024u * 1024);
  EXPECT_TRUE(router.live.log_messages);
  EXPECT_FALSE(router.live.hide_heartbeats);
  EXPECT_EQ(router.backend_address, "tcp://127.0.0.1:1");
}

TEST(JobManagerSettingsTest, EverySettingReachesTheJobManager) {
  const JobManagerOptions options = job_manager_options(settings_with({{"EVENTMQ_WORKER_ADDR", "tcp://a:1,tcp://b:1"},
                                                                       {"EVENTMQ_NAME", "me"},
                                                                       {"EVENTMQ_QUEUES", "20,heavy"},
                                                                       {"EVENTMQ_CONCURRENT_JOBS", "3"},
                                                                       {"EVENTMQ_MAX_JOB_COUNT", "5"},
                                                                       {"EVENTMQ_LOAD", "a.so,b.so"},
                                                                       {"EVENTMQ_JOB_ENTRY_FUNC", "x.in"},
                                                                       {"EVENTMQ_JOB_EXIT_FUNC", "x.out"},
                                                                       {"EVENTMQ_SUBPROCESS_SETUP_FUNC", "x.setup"},
                                                                       {"EVENTMQ_GLOBAL_TIMEOUT", "7"},
                                                                       {"EVENTMQ_KILL_GRACE_PERIOD", "8"},
                                                                       {"EVENTMQ_RECONNECT_TIMEOUT", "9"}}));
  EXPECT_EQ(options.session.link.addresses, (std::vector<std::string>{"tcp://a:1", "tcp://b:1"}));
  EXPECT_EQ(options.session.link.name, "me");
  EXPECT_EQ(options.session.queues, (std::vector<QueueWeight>{{20, Bytes("heavy")}}));
  EXPECT_EQ(options.session.slots, 3u);
  EXPECT_EQ(options.executor.max_job_count, 5u);
  EXPECT_EQ(options.plugins, (std::vector<std::string>{"a.so", "b.so"}));
  EXPECT_EQ(options.executor.hooks.entry, "x.in");
  EXPECT_EQ(options.executor.hooks.exit, "x.out");
  EXPECT_EQ(options.executor.hooks.setup, "x.setup");
  EXPECT_EQ(options.executor.global_timeout, seconds(7));
  EXPECT_EQ(options.kill_grace_period, seconds(8));
  EXPECT_EQ(options.session.link.reconnect_timeout, seconds(9));
}

TEST(ClientSettingsTest, HeartbeatsReachTheClient) {
  const ClientOptions plain = client_options(settings_with({}));
  EXPECT_EQ(plain.heartbeats, ClientOptions().heartbeats);
  EXPECT_EQ(plain.heartbeat_interval, ClientOptions().heartbeat_interval);
  EXPECT_EQ(plain.heartbeat_timeout, ClientOptions().heartbeat_timeout);
  EXPECT_EQ(plain.heartbeat_liveness, ClientOptions().heartbeat_liveness);
  const ClientOptions options = client_options(settings_with({{"EVENTMQ_DISABLE_HEARTBEATS", "yes"},
                                                              {"EVENTMQ_HEARTBEAT_INTERVAL", "0.5"},
                                                              {"EVENTMQ_HEARTBEAT_TIMEOUT", "1"},
                                                              {"EVENTMQ_HEARTBEAT_LIVENESS", "2"}}));
  EXPECT_FALSE(options.heartbeats);
  EXPECT_EQ(options.heartbeat_interval, std::chrono::milliseconds(500));
  EXPECT_EQ(options.heartbeat_timeout, std::chrono::seconds(1));
  EXPECT_EQ(options.heartbeat_liveness, 2u);
}

TEST(AddressesTest, AnyInterfaceIsReachedOnThisMachine) {
  EXPECT_EQ(connectable("tcp://*:1"), "tcp://127.0.0.1:1");
  EXPECT_EQ(connectable("tcp://0.0.0.0:1"), "tcp://127.0.0.1:1");
  EXPECT_EQ(connectable("tcp://[::]:1"), "tcp://127.0.0.1:1");
  EXPECT_EQ(connectable("tcp://10.0.0.1:1"), "tcp://10.0.0.1:1");
  EXPECT_EQ(connectable("ipc:///x"), "ipc:///x");
}

TEST(AddressesTest, TheFrontendIsTypedOrInTheEnvironmentOrSet) {
  const Settings settings = settings_with({{"EVENTMQ_FRONTEND_LISTEN_ADDR", "tcp://*:5"}});
  EXPECT_EQ(frontend_address("tcp://t:1", {{"EMQ_BROKER_ADDR", "tcp://e:1"}}, settings), "tcp://t:1");
  EXPECT_EQ(frontend_address("", {{"EMQ_BROKER_ADDR", "tcp://e:1"}}, settings), "tcp://e:1");
  EXPECT_EQ(frontend_address("", {}, settings), "tcp://127.0.0.1:5");
}

TEST(AddressesTest, TheAdministrativeAddressFollowsTheBrokersHost) {
  const Settings plain = settings_with({});
  EXPECT_EQ(administrative_address("tcp://t:1", {{"EMQ_ADMIN_ADDR", "tcp://e:1"}}, plain), "tcp://t:1");
  EXPECT_EQ(administrative_address("", {{"EMQ_ADMIN_ADDR", "tcp://e:1"}}, plain), "tcp://e:1");
  EXPECT_EQ(administrative_address("", {{"EMQ_BROKER_ADDR", "tcp://broker:5"}}, plain), "tcp://broker:47293");
  EXPECT_EQ(administrative_address("", {{"EMQ_BROKER_ADDR", "broker"}}, plain), "tcp://broker:47293");
  EXPECT_EQ(administrative_address("", {{"EMQ_BROKER_ADDR", "tcp://[::1]:5"}}, plain), "tcp://[::1]:47293");
  EXPECT_EQ(administrative_address("", {{"EMQ_BROKER_ADDR", "ipc:///x"}}, plain), "tcp://127.0.0.1:47293");
  EXPECT_EQ(administrative_address("", {}, plain), "tcp://127.0.0.1:47293");
  const Settings set = settings_with({{"EVENTMQ_ADMINISTRATIVE_LISTEN_ADDR", "tcp://*:7"}});
  EXPECT_EQ(administrative_address("", {{"EMQ_BROKER_ADDR", "tcp://broker:5"}}, set), "tcp://127.0.0.1:7");
}

}  // namespace
}  // namespace eventmq
