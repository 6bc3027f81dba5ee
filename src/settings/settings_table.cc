#include "src/settings/settings_table.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "src/settings/nearest.h"

namespace eventmq {
namespace {

constexpr double kDay = 86'400;
constexpr double kMany = 1e15;

using enum Section;
using enum SettingType;

constexpr Setting kSettings[] = {
    // --- Every program ---
    {.name = "super_debug",
     .section = kGlobal,
     .type = kYesNo,
     .default_text = "no",
     .help = "Log debug lines too; at the router, the messages that are sent and received.",
     .reloadable = true},
    {.name = "default_queue_name",
     .section = kGlobal,
     .type = kText,
     .default_text = "default",
     .help = "The queue of a job that names none.",
     .reloadable = true},
    // Heartbeats stay as they are until the next start: their times cannot be told to a peer, and one that keeps to the
    // former ones would be taken for gone.
    {.name = "disable_heartbeats",
     .section = kGlobal,
     .type = kYesNo,
     .default_text = "no",
     .help = "Neither send heartbeats nor mind their absence."},
    {.name = "heartbeat_interval",
     .section = kGlobal,
     .type = kSeconds,
     .default_text = "3",
     .help = "Send a heartbeat to a peer that was sent nothing else for so long.",
     .min = 0.05,
     .max = kDay},
    {.name = "heartbeat_timeout",
     .section = kGlobal,
     .type = kSeconds,
     .default_text = "5",
     .help = "A broker takes a peer that is silent for so long for gone; a peer counts it as one missed heartbeat.",
     .min = 0.1,
     .max = kDay},
    {.name = "max_message_size",
     .section = kGlobal,
     .type = kBytes,
     .default_text = "32M",
     .help =
         "The largest frame accepted; a message with a larger one is refused. A job's message and its result are at "
         "most 32M, whatever this says.",
     .min = 1024,
     .max = 1024.0 * 1024 * 1024},

    // --- The router ---
    {.name = "hide_heartbeat_logs",
     .section = kRouter,
     .type = kYesNo,
     .default_text = "yes",
     .help = "Leave heartbeats out of the log of messages.",
     .reloadable = true},
    {.name = "frontend_listen_addr",
     .section = kRouter,
     .type = kListenAddress,
     .default_text = "tcp://127.0.0.1:47291",
     .help = "Where the router listens for clients and schedulers.",
     .flags = "-F --frontend-addr",
     .aliases = "frontend_addr"},
    {.name = "backend_listen_addr",
     .section = kRouter,
     .type = kListenAddress,
     .default_text = "tcp://127.0.0.1:47290",
     .help = "Where the router listens for job managers.",
     .flags = "-B --backend-addr",
     .aliases = "backend_addr"},
    {.name = "administrative_listen_addr",
     .section = kRouter,
     .type = kListenAddress,
     .default_text = "tcp://127.0.0.1:47293",
     .help = "Where the router listens for administrative commands.",
     .flags = "-D --administrative-addr",
     .aliases = "administrative_addr"},
    {.name = "hwm",
     .section = kRouter,
     .type = kCount,
     .default_text = "1000000",
     .help =
         "The most jobs a queue holds in memory; a job beyond that is refused with queue-full, but a guaranteed one "
         "waits in the store.",
     .flags = "--high-water-mark",
     .aliases = "high_water_mark",
     .min = 1,
     .max = 1e9,
     .reloadable = true},
    {.name = "memory_limit",
     .section = kRouter,
     .type = kBytes,
     .default_text = "1G",
     .help = "The most memory that held jobs may take; a job beyond that is refused with queue-full.",
     .min = 1024 * 1024,
     .max = kMany,
     .reloadable = true},
    {.name = "unknown_queue",
     .section = kRouter,
     .type = kChoice,
     .default_text = "hold",
     .help =
         "What to do with a job for a queue that no worker serves: hold it, put it on the default queue, or reject it.",
     .choices = "hold|default|reject",
     .reloadable = true},
    {.name = "pick_policy",
     .section = kRouter,
     .type = kChoice,
     .default_text = "weighted",
     .help =
         "How a free slot chooses among its worker's queues: in proportion to their weights, or strictly the highest.",
     .choices = "weighted|strict",
     .reloadable = true},
    {.name = "store",
     .section = kRouter,
     .type = kChoice,
     .default_text = "sqlite",
     .help = "Where guaranteed jobs are kept: sqlite, a file in data_dir; memory loses them when the router stops.",
     .choices = "sqlite|memory"},
    {.name = "data_dir",
     .section = kRouter,
     .type = kText,
     .default_text = "$XDG_STATE_HOME/eventmq",
     .help = "The folder of the router's file of jobs; two routers never share one."},
    {.name = "retry_backoff",
     .section = kRouter,
     .type = kSeconds,
     .default_text = "1",
     .help = "The wait before the first retry of a job that does not say; it doubles with each further one.",
     .min = 0,
     .max = kDay,
     .reloadable = true},
    {.name = "retry_backoff_max",
     .section = kRouter,
     .type = kSeconds,
     .default_text = "600",
     .help = "The longest wait between two tries of a job.",
     .min = 0,
     .max = 7 * kDay,
     .reloadable = true},
    {.name = "max_deliveries",
     .section = kRouter,
     .type = kCount,
     .default_text = "5",
     .help = "A guaranteed job that was lost with its worker so often is given up as dead.",
     .min = 1,
     .max = 1000,
     .reloadable = true},
    {.name = "dedupe_window",
     .section = kRouter,
     .type = kSeconds,
     .default_text = "600",
     .help = "A request that comes again under the same id within this time is not run again.",
     .min = 0,
     .max = 7 * kDay,
     .reloadable = true},
    {.name = "dedupe_ids",
     .section = kRouter,
     .type = kCount,
     .default_text = "1000000",
     .help = "The most ids remembered for that; beyond, the oldest is forgotten.",
     .min = 0,
     .max = 1e8,
     .reloadable = true},
    {.name = "dead_retention",
     .section = kRouter,
     .type = kSeconds,
     .default_text = "30d",
     .help = "A guaranteed job that ended without success is kept for so long, to be looked into and run again (emq "
             "dead).",
     .min = 0,
     .max = 3650 * kDay,
     .reloadable = true},
    {.name = "dead_max",
     .section = kRouter,
     .type = kCount,
     .default_text = "100000",
     .help = "The most that are kept of those; beyond, the oldest is dropped.",
     .min = 0,
     .max = 1e8,
     .reloadable = true},
    {.name = "result_max",
     .section = kRouter,
     .type = kCount,
     .default_text = "100000",
     .help =
         "The most results of guaranteed jobs that are kept for their result-ttl; beyond, the oldest is dropped. 0: "
         "none is kept, of no job.",
     .min = 0,
     .max = 1e8,
     .reloadable = true},
    {.name = "result_limit",
     .section = kRouter,
     .type = kBytes,
     .default_text = "1G",
     .help = "The most that the values of those take on the disk; beyond, the oldest is dropped.",
     .min = 0,
     .max = kMany,
     .reloadable = true},
    {.name = "drain_timeout",
     .section = kRouter,
     .type = kSeconds,
     .default_text = "30",
     .help = "An orderly shutdown waits at most so long for the jobs that can run.",
     .min = 0,
     .max = kDay,
     .reloadable = true},
    {.name = "leave_grace",
     .section = kRouter,
     .type = kSeconds,
     .default_text = "300",
     .help = "A worker that said goodbye may still hand in results for so long.",
     .min = 0,
     .max = kDay,
     .reloadable = true},
    {.name = "resume_grace",
     .section = kRouter,
     .type = kSeconds,
     .default_text = "10",
     .help = "After a restart, jobs that were running wait so long for their workers to come back with them; then they "
             "are handed out again.",
     .min = 0,
     .max = kDay},

    // --- The job manager ---
    {.name = "name",
     .section = kJobmanager,
     .type = kText,
     .default_text = "",
     .help = "A unique name for this job manager, its routing id at the broker; without one, a new UUID for each "
             "conversation.",
     .flags = "-n"},
    {.name = "default_queue_weight",
     .section = kJobmanager,
     .type = kCount,
     .default_text = "10",
     .help = "The weight of a queue that is listed without one.",
     .min = 0,
     .max = 1e6},
    {.name = "heartbeat_liveness",
     .section = kJobmanager,
     .type = kCount,
     .default_text = "3",
     .help = "A job manager or client takes the broker for gone after so many missed heartbeats.",
     .min = 1,
     .max = 1000},
    {.name = "connect_addr",
     .section = kJobmanager,
     .type = kConnectAddresses,
     .default_text = "tcp://127.0.0.1:47290",
     .help = "The router's backend address, or several separated by commas, tried in turn. One that has blanks, as an "
             "ipc:// path may, stands in quotes.",
     .flags = "-A --worker-addr --broker-addr",
     .aliases = "worker_addr"},
    {.name = "worker_addr_default",
     .section = kJobmanager,
     .type = kConnectAddress,
     .default_text = "",
     .help = "The first router to try, if connect_addr is not set."},
    {.name = "worker_addr_failover",
     .section = kJobmanager,
     .type = kConnectAddress,
     .default_text = "",
     .help = "The router to try when the first does not answer."},
    {.name = "queues",
     .section = kJobmanager,
     .type = kQueues,
     .default_text = "[[10, \"default\"]]",
     .help = "The queues to take jobs from, each with its weight: [[10, \"default\"], [20, \"high\"]] or 10,default "
             "20,high.",
     .flags = "-Q"},
    {.name = "concurrent_jobs",
     .section = kJobmanager,
     .type = kCount,
     .default_text = "4",
     .help = "How many worker processes run jobs at once.",
     .flags = "-J --jobs",
     .min = 1,
     .max = 1000},
    {.name = "max_job_count",
     .section = kJobmanager,
     .type = kCount,
     .default_text = "1024",
     .help = "A worker process is replaced after so many jobs; 0 is never.",
     .min = 0,
     .max = 1e9,
     .reloadable = true},
    {.name = "kill_grace_period",
     .section = kJobmanager,
     .type = kSeconds,
     .default_text = "300",
     .help = "A job manager that was told to stop waits so long for running jobs before it kills them.",
     .min = 0,
     .max = kDay,
     .reloadable = true},
    {.name = "global_timeout",
     .section = kJobmanager,
     .type = kSeconds,
     .default_text = "0",
     .help = "The timeout of a job that sets none; 0 is never, as the protocol says (the original had 300).",
     .flags = "-t",
     .min = 0,
     .max = 365 * kDay,
     .reloadable = true},
    {.name = "reconnect_timeout",
     .section = kJobmanager,
     .type = kSeconds,
     .default_text = "5",
     .help = "How long to wait for a router's answer before the next address is tried.",
     .min = 0.05,
     .max = 3600},
    {.name = "load",
     .section = kJobmanager,
     .type = kTexts,
     .default_text = "",
     .help = "Plug-ins with job functions to load: paths of shared libraries, with commas or blanks between them. A "
             "path that "
             "has these stands in quotes; a word behind the flag may have blanks without.",
     .reloadable = true},
    {.name = "subprocess_setup_func",
     .section = kJobmanager,
     .type = kText,
     .default_text = "",
     .help = "The hook to run when a worker process starts.",
     .reloadable = true},
    {.name = "setup_path",
     .section = kJobmanager,
     .type = kText,
     .default_text = "",
     .help = "The first half of the start hook's name; subprocess_setup_func holds both.",
     .reloadable = true},
    {.name = "setup_callable",
     .section = kJobmanager,
     .type = kText,
     .default_text = "",
     .help = "The second half of the start hook's name; subprocess_setup_func holds both.",
     .reloadable = true},
    {.name = "job_entry_func",
     .section = kJobmanager,
     .type = kText,
     .default_text = "",
     .help = "The hook to run before every job.",
     .reloadable = true},
    {.name = "job_exit_func",
     .section = kJobmanager,
     .type = kText,
     .default_text = "",
     .help = "The hook to run after every job.",
     .reloadable = true},

    // --- Programs of the original that this version does not have; their settings may stand in a shared file ---
    {.name = "scheduler_addr",
     .section = kScheduler,
     .type = kConnectAddresses,
     .default_text = "tcp://127.0.0.1:47291",
     .help = "The router's frontend address for the scheduler.",
     .use = SettingUse::kLater},
    {.name = "publisher_incoming_addr",
     .section = kPublisher,
     .type = kListenAddress,
     .default_text = "tcp://127.0.0.1:47298",
     .help = "Where the publisher listens for messages.",
     .use = SettingUse::kLater},
    {.name = "publisher_outgoing_addr",
     .section = kPublisher,
     .type = kListenAddress,
     .default_text = "tcp://127.0.0.1:47299",
     .help = "Where the publisher listens for subscribers.",
     .use = SettingUse::kLater},
};

struct Retired {
  std::string_view name;
  std::string_view advice;
};
constexpr std::string_view kNoRedis = "EventMQ needs no Redis: remove it";
constexpr Retired kRetired[] = {
    {"rq_host", kNoRedis},
    {"rq_port", kNoRedis},
    {"rq_db", kNoRedis},
    {"rq_password", kNoRedis},
    {"redis_host", kNoRedis},
    {"redis_port", kNoRedis},
    {"redis_db", kNoRedis},
    {"redis_password", kNoRedis},
    {"redis_client_class", kNoRedis},
    {"redis_client_class_kwargs", kNoRedis},
    {"redis_startup_error_hard_kill", kNoRedis},
    {"wal", "there is no separate log of messages: remove it; store and data_dir say where jobs are kept"},
    {"wal_enabled", "there is no separate log of messages: remove it; store and data_dir say where jobs are kept"},
    {"max_sockets", "the number of sockets does not grow with the number of peers: remove it"},
    {"default_encoding", "texts are always UTF-8: remove it"},
    {"config_file", "a file cannot name another: use --config or EVENTMQ_CONFIG_FILE"},
};

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

bool is_among(std::string_view name, std::string_view list) {
  const auto words = split_words(list);
  return std::ranges::any_of(words, [name](std::string_view word) { return same_name(name, word); });
}

}  // namespace

std::string_view section_word(Section section) {
  static constexpr std::array<std::string_view, 5> kWords = {"global", "router", "scheduler", "jobmanager",
                                                             "publisher"};
  return kWords[static_cast<size_t>(section)];
}

std::span<const Setting> all_settings() { return kSettings; }

std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

const Setting* find_setting(std::string_view name) {
  for (const Setting& setting : kSettings) {
    if (same_name(name, setting.name) || is_among(name, setting.aliases)) return &setting;
  }
  return nullptr;
}

std::string_view retired_setting_advice(std::string_view name) {
  for (const Retired& retired : kRetired) {
    if (same_name(name, retired.name)) return retired.advice;
  }
  return {};
}

std::vector<std::string_view> retired_settings() {
  std::vector<std::string_view> names;
  for (const Retired& retired : kRetired) names.push_back(retired.name);
  return names;
}

std::string nearest_setting(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Setting& setting : kSettings) {
    names.push_back(setting.name);
    for (std::string_view alias : split_words(setting.aliases)) names.push_back(alias);
  }
  return nearest_name(name, names);
}

std::string environment_name(const Setting& setting) {
  std::string name = "EVENTMQ_";
  for (unsigned char c : setting.name) name.push_back(static_cast<char>(std::toupper(c)));
  return name;
}

}  // namespace eventmq
