// emq up: everything on one machine.
#include <fmt/format.h>
#include <signal.h>

#include <unistd.h>
#include <climits>
#include <nlohmann/json.hpp>

#include "src/base/assert.h"
#include "src/programs/addresses.h"
#include "src/programs/admin_command.h"
#include "src/programs/router_settings.h"
#include "src/programs/settings_reload.h"
#include "src/programs/supervisor.h"
#include "src/transport/address.h"

namespace eventmq {
namespace {

constexpr uint64_t kJobManagersMax = 100;
constexpr Duration kStopMargin = seconds(10);  // beyond what a part itself waits for its jobs
constexpr Duration kAskTimeout = milliseconds(300);

std::string path_of_this_program() {
  char path[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  return size > 0 ? std::string(path, static_cast<size_t>(size)) : "emq";
}

// As one word that the part reads back, or one for each of several texts: in one word these would be one with blanks.
void add_words(std::vector<std::string>& words, const TypedFlag& flag, const std::string& name) {
  if (flag.spec->kind != FlagKind::kTexts) return words.push_back(name + "=" + flag.value);
  const Setting& setting = *find_setting(flag.spec->setting);
  const Result<SettingValue> value = parse_value(setting, flag.value);
  EMQ_ASSERT(value.has_value(), "the settings were loaded with it: {}", flag.value);
  for (const std::string& text : std::get<std::vector<std::string>>(*value)) {
    words.push_back(name + "=" + value_text(setting, std::vector<std::string>{text}));
  }
}

// The flags typed that are for this part, as it reads them.
std::vector<std::string> flags_for(const CommandLine& line, Section part) {
  std::vector<std::string> words;
  for (const TypedFlag& flag : line.flags) {
    const std::string& name = long_name(*flag.spec);
    const Setting* setting = find_setting(flag.spec->setting);
    const bool of_all = name == "--config" || (setting != nullptr && setting->section == Section::kGlobal);
    const bool is_name = setting != nullptr && setting->name == "name";
    if (is_name || !(of_all || (setting != nullptr && setting->section == part))) continue;
    add_words(words, flag, name);
  }
  return words;
}

// The settings as each part sees them.
struct PartSettings {
  Settings router;
  Settings job_manager;
};

LoadRequest request_of_part(const Invocation& invocation, Section part) {
  LoadRequest request = invocation.request;
  request.program = part;
  request.whole_file = false;
  return request;
}

Duration router_stop_limit(const Settings& settings) { return settings.duration("drain_timeout") + kStopMargin; }
Duration job_manager_stop_limit(const Settings& settings) {
  return settings.duration("kill_grace_period") + kStopMargin;
}

// What a part refuses when it reads its settings again, it does not take over: then its limit stays too.
void read_limits_again(const Invocation& invocation, const std::string& file_before, SupervisorPlan& plan) {
  if (const auto router = load_again(request_of_part(invocation, Section::kRouter), file_before)) {
    plan.router.stop_limit = router_stop_limit(*router);
  }
  if (const auto job_manager = load_again(request_of_part(invocation, Section::kJobmanager), file_before)) {
    for (PartSpec& part : plan.job_managers) part.stop_limit = job_manager_stop_limit(*job_manager);
  }
}

PartSpec router_part(const Invocation& invocation, const Settings& settings) {
  PartSpec part{"router", {path_of_this_program(), "router"}, router_stop_limit(settings)};
  for (std::string& word : flags_for(invocation.line, Section::kRouter)) part.command.push_back(std::move(word));
  return part;
}

bool names_a_router(const Settings& job_manager) {
  return job_manager.is_set("connect_addr") || job_manager.is_set("worker_addr_default");
}

std::string backend_of(const PartSettings& settings) {
  return connectable(settings.router.text("backend_listen_addr"));
}

// Or else another router's, of which this one knows nothing.
bool is_for_this_router(const PartSettings& settings) {
  return !names_a_router(settings.job_manager) ||
         same_place(router_addresses(settings.job_manager).front(), backend_of(settings));
}

PartSpec job_manager_part(const Invocation& invocation, const PartSettings& settings, uint64_t number, uint64_t count) {
  const std::string suffix = count > 1 ? fmt::format("-{}", number) : "";
  PartSpec part{
      "jobmanager" + suffix, {path_of_this_program(), "jobmanager"}, job_manager_stop_limit(settings.job_manager)};
  for (std::string& word : flags_for(invocation.line, Section::kJobmanager)) part.command.push_back(std::move(word));
  if (!names_a_router(settings.job_manager)) {
    const std::vector<std::string> router = {backend_of(settings)};
    part.command.push_back("--connect-addr=" + value_text(*find_setting("connect_addr"), router));
  }
  const std::string& name = settings.job_manager.text("name");
  if (!name.empty()) part.command.push_back("--name=" + name + suffix);
  return part;
}

// The parts must find each other, so the ports must be known beforehand.
Result<void> check_ports(const Settings& settings) {
  for (const char* name : {"frontend_listen_addr", "backend_listen_addr", "administrative_listen_addr"}) {
    const std::string& address = settings.text(name);
    if (address.ends_with(":*") || address.ends_with(":0")) {
      return fail(ErrorCode::kBadValue, fmt::format("emq up needs a fixed port in {}, not \"{}\"", name, address));
    }
  }
  return check_listen_addresses(settings);
}

// Of one side: how often it says something, and for how long the other may be silent.
struct Heartbeats {
  bool enabled;
  Duration interval;
  Duration patience;
};

Heartbeats heartbeats_of(const Settings& settings, int64_t liveness) {
  return {!settings.is_on("disable_heartbeats"), settings.duration("heartbeat_interval"),
          settings.duration("heartbeat_timeout") * liveness};
}

// Empty: `watcher` does not take `other` for gone while it is there.
std::string unsuited(std::string_view watcher, const Heartbeats& its, std::string_view other,
                     const Heartbeats& others) {
  if (!its.enabled || (others.enabled && others.interval < its.patience)) return "";
  return fmt::format(
      "{} after {} s of silence for gone, and {} sends {}: put the heartbeat settings into [global], where "
      "both find them",
      watcher, its.patience.seconds(), other,
      others.enabled ? fmt::format("a heartbeat every {} s", others.interval.seconds()) : "none");
}

std::string heartbeats_that_do_not_suit(const PartSettings& settings) {
  const Heartbeats router = heartbeats_of(settings.router, 1);
  const auto liveness = static_cast<int64_t>(settings.job_manager.count("heartbeat_liveness"));
  const Heartbeats manager = heartbeats_of(settings.job_manager, liveness);
  const std::string text = unsuited("the router takes a job manager", router, "a job manager", manager);
  return text.empty() ? unsuited("a job manager takes the router", manager, "the router", router) : text;
}

Result<uint64_t> job_manager_count(const Invocation& invocation) {
  Result<uint64_t> count = parse_count(invocation.value("--jobmanagers", "1"));
  if (!count || *count < 1 || *count > kJobManagersMax) {
    return fail(ErrorCode::kBadValue, fmt::format("--jobmanagers must be a whole number from 1 to {}, not \"{}\"",
                                                  kJobManagersMax, safe_text(invocation.value("--jobmanagers"))));
  }
  return count;
}

bool workers_are_connected(AdminClient& admin, uint64_t count) {
  const Result<std::string> answer = admin.query("workers");
  if (!answer) return false;
  const auto json = nlohmann::json::parse(*answer, nullptr, false);
  return json.is_object() && json.contains("workers") && json["workers"].size() >= count;
}

std::string ready_text(const PartSettings& settings) {
  const std::string elsewhere =
      is_for_this_router(settings)
          ? ""
          : fmt::format("the job managers connect to {}; ", router_addresses(settings.job_manager).front());
  return fmt::format("ready; clients connect to {}; {}Ctrl-C stops",
                     connectable(settings.router.text("frontend_listen_addr")), elsewhere);
}

SupervisorPlan plan_of(Invocation& invocation, const PartSettings& settings, uint64_t count, AdminClient& admin) {
  SupervisorPlan plan;
  plan.router = router_part(invocation, settings.router);
  for (uint64_t number = 1; number <= count; ++number) {
    plan.job_managers.push_back(job_manager_part(invocation, settings, number, count));
  }
  const uint64_t awaited = is_for_this_router(settings) ? count : 0;
  plan.router_answers = [&admin] { return admin.query("status").has_value(); };
  plan.job_managers_are_connected = [&admin, awaited] { return awaited == 0 || workers_are_connected(admin, awaited); };
  plan.print = [&invocation](std::string_view line) { invocation.console.line(line); };
  plan.ready_text = ready_text(settings);
  plan.read_limits_again = [&invocation, file = settings.router.file](SupervisorPlan& current) {
    read_limits_again(invocation, file, current);
  };
  if (::isatty(STDIN_FILENO) == 1) plan.terminal_is_gone = [] { return ::isatty(STDIN_FILENO) != 1; };
  return plan;
}

}  // namespace

ExitCode run_up(Invocation& invocation) {
  ::signal(SIGPIPE, SIG_IGN);                                 // as start_log() does
  SignalCatcher signals({SIGTERM, SIGINT, SIGHUP, SIGCHLD});  // first, for Ctrl-C may come at once
  invocation.request.program = Section::kRouter;
  invocation.request.whole_file = true;  // the job managers take their settings from it too
  const Result<Settings> settings = settings_of(invocation);
  if (!settings) return kExitUsage;
  const Result<uint64_t> count = job_manager_count(invocation);
  const Result<void> checked = count ? check_ports(*settings) : tl::unexpected(count.error());
  if (!checked) {
    invocation.console.error_line(checked.error().text);
    return kExitUsage;
  }
  const Result<Settings> job_manager = load_settings(request_of_part(invocation, Section::kJobmanager));
  if (!job_manager) return invocation.console.fail(job_manager.error());
  AdminClient admin(connectable(settings->text("administrative_listen_addr")), kAskTimeout);
  if (admin.query("status")) {
    invocation.console.error_line(fmt::format(
        "a router already runs at {}; stop it with `emq shutdown`, or give this one other addresses", admin.address()));
    return kExitFailed;
  }
  const PartSettings parts{*settings, *job_manager};
  const std::string warning = heartbeats_that_do_not_suit(parts);
  if (!warning.empty()) invocation.console.error_line("warning: " + warning);
  return Supervisor(plan_of(invocation, parts, *count, admin), signals).run();
}

}  // namespace eventmq
