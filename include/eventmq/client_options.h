// The options of eventmq::Client and of what it does (eventmq/client.h). All of them have defaults; name those you set,
// in the order in which they stand here:
//
//   client.send("reports.build", {2026, "ops"}, {.queue = "reports", .retry_count = 5, .guarantee = true});
//
// Times are std::chrono durations of any unit down to microseconds.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "eventmq/json.h"

namespace eventmq {

struct ClientOptions {
  // The broker: tcp://host:port, or just a host, or several with commas between them, of which the next is tried when
  // one does not answer. Empty: the variable EMQ_BROKER_ADDR, or else tcp://127.0.0.1:47291.
  std::string address = {};
  // Where publish() goes. Empty: the variable EMQ_PUBLISH_ADDR, or else tcp://127.0.0.1:47298.
  std::string publish_address = {};
  // The routing id at the broker, for its logs: up to 255 printable ASCII characters without blanks and commas. No two
  // peers may have the same. Empty: a new UUID for each connection.
  std::string name = {};
  // How long a submission waits for the broker's ACK before it fails. 0: without limit.
  std::chrono::microseconds ack_timeout = std::chrono::seconds(10);
  // How long close() and the destructor wait for the ACK of what was submitted.
  std::chrono::microseconds linger = std::chrono::seconds(5);
  // Submissions on their way to the broker at once; more wait in the client.
  uint32_t window = 1000;
  // Submissions that have no ACK yet. Beyond: queue-full, at once.
  size_t unacknowledged_max = 100'000;
  // Whether heartbeats are sent and their absence is minded: a client without them notices a broken connection late.
  bool heartbeats = true;
  // A heartbeat is sent when nothing else was for so long: less than the broker's heartbeat_timeout, or it takes this
  // client for gone.
  std::chrono::microseconds heartbeat_interval = std::chrono::seconds(3);
  // The broker is taken for gone when it was silent for so long, so many times (at most 1000) in a row.
  std::chrono::microseconds heartbeat_timeout = std::chrono::seconds(5);
  uint32_t heartbeat_liveness = 3;
  // How long to wait for a broker's first answer before the next address is tried.
  std::chrono::microseconds reconnect_timeout = std::chrono::seconds(5);
  // How long a request that the broker took waits for its result while no broker is reached; then it fails with
  // unreachable: the job may have run, or may run yet. 0: without limit.
  std::chrono::microseconds outage_timeout = std::chrono::seconds(60);
  // Told of connections made and lost. Called on the client's own thread.
  std::function<void(bool warning, const std::string& text)> on_log = {};
};

// Of times that are optional, one that is not said leaves the matter to others; a zero that is said is meant.
struct SendOptions {
  std::string queue = {};    // empty: the broker's default queue
  uint32_t retry_count = 0;  // a failed attempt is repeated up to so many times
  // An attempt that runs longer is killed. Not said: after the job manager's global_timeout; 0: never.
  std::optional<std::chrono::microseconds> timeout = {};
  bool guarantee = false;              // the ACK means that it is on disk; it runs at least once
  std::chrono::microseconds delay{0};  // do not start before
  // Drop it if it has not started within. Not said: never; 0: unless it can start at once.
  std::optional<std::chrono::microseconds> expires = {};
  std::optional<uint8_t> priority = {};  // 0 to 9, higher first; the broker's default is 4
  // Before the first retry. Not said: the broker's setting; 0: at once.
  std::optional<std::chrono::microseconds> backoff = {};
  std::string unique = {};                  // of the waiting and running jobs of a queue, only one has this key
  std::string trace = {};                   // a W3C traceparent
  std::chrono::microseconds result_ttl{0};  // its result can be asked for so long (Client::result); at most 30 days
  Json kwargs = Json::object();             // arguments by name
  Json class_args = Json::array();          // for the constructor, if the name is that of a method (Python)
  Json class_kwargs = Json::object();
  std::string id = {};  // the job's id; empty: a new UUID. The broker takes an id once.
};

struct RequestOptions {
  std::string queue = {};
  uint32_t retry_count = 0;
  // The result is wanted within this time after the call; then the future throws timed-out. Unless it is guaranteed the
  // job then expires too, so that nothing is started for nobody. 0: as long as it takes.
  std::chrono::microseconds timeout{0};
  bool guarantee = false;
  // An attempt that runs longer is killed. Not said: after `timeout`, if that is set; 0: never.
  std::optional<std::chrono::microseconds> job_timeout = {};
  std::chrono::microseconds delay{0};
  // Not said: after `timeout`, if that is set and it is not guaranteed; 0: unless it can start at once.
  std::optional<std::chrono::microseconds> expires = {};
  std::optional<uint8_t> priority = {};
  std::optional<std::chrono::microseconds> backoff = {};
  std::string unique = {};
  std::string trace = {};
  std::chrono::microseconds result_ttl{0};
  Json kwargs = Json::object();
  Json class_args = Json::array();
  Json class_kwargs = Json::object();
  std::string id = {};
  // Told how far the job is: 0 to 1, and a text. Called on the client's own thread, so it must not wait for the client;
  // what it throws is dropped.
  std::function<void(double fraction, const std::string& text)> on_progress = {};
};

struct ScheduleOptions {
  std::string queue = {};
  uint32_t retry_count = 0;
  std::optional<std::chrono::microseconds> timeout = {};
  bool guarantee = false;
  bool nohaste = false;                    // with every(): wait for the first interval instead of running at once
  std::optional<uint32_t> run_count = {};  // stop after so many runs
  Json kwargs = Json::object();
  Json class_args = Json::array();
  Json class_kwargs = Json::object();
};

}  // namespace eventmq
