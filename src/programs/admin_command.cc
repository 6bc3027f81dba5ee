#include "src/programs/admin_command.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>

#include "src/base/assert.h"
#include "src/programs/addresses.h"

namespace eventmq {

Result<Settings> settings_of(Invocation& invocation) {
  Result<Settings> settings = load_settings(invocation.request);
  if (!settings) {
    invocation.console.error_line(settings.error().text);
    return settings;
  }
  for (const std::string& warning : settings->warnings) invocation.console.error_line("warning: " + warning);
  return settings;
}

Result<AdminClient> admin_client_of(Invocation& invocation) {
  const Result<Settings> settings = settings_of(invocation);
  if (!settings) return tl::unexpected(settings.error());
  return admin_client_of(invocation, *settings);
}

Result<AdminClient> admin_client_of(Invocation& invocation, const Settings& settings) {
  const auto refuse = [&invocation](std::string text) {
    invocation.console.error_line(text);
    return fail(ErrorCode::kBadValue, std::move(text));
  };
  const std::string address =
      administrative_address(invocation.value("--addr"), invocation.request.environment, settings);
  if (auto checked = check_socket_address(address, false, "47293"); !checked) return refuse(checked.error().text);
  const Result<Duration> timeout = parse_seconds(invocation.value("--reply-timeout", "5"));
  if (!timeout) return refuse("--reply-timeout: " + timeout.error().text);
  if (*timeout <= Duration{}) return refuse("--reply-timeout: 0 leaves no time to answer; write seconds, as in 5");
  return AdminClient(address, *timeout);
}

namespace {

struct ViewMember {
  std::string_view view;
  const char* member;
};
constexpr ViewMember kMembers[] = {{"status", "totals"},      {"queues", "queues"},         {"workers", "workers"},
                                   {"jobs", "jobs"},          {"schedulers", "schedulers"}, {"job", "id"},
                                   {"dead", "dead"},          {"cancel", "cancelled"},      {"dead-show", "id"},
                                   {"jobs-retry", "retried"}, {"jobs-delete", "deleted"}};

using JsonType = nlohmann::ordered_json::value_t;
struct MemberType {
  std::string_view member;
  JsonType type;
};
constexpr MemberType kMemberTypes[] = {{"totals", JsonType::object},
                                       {"queues", JsonType::array},
                                       {"workers", JsonType::array},
                                       {"jobs", JsonType::array},
                                       {"schedulers", JsonType::array},
                                       {"dead", JsonType::array},
                                       {"id", JsonType::string},
                                       {"cancelled", JsonType::boolean},
                                       {"retried", JsonType::number_unsigned},
                                       {"deleted", JsonType::number_unsigned},
                                       {"done", JsonType::number_unsigned}};

// An answer waits for what its question changed to be kept, so the store may be what it waits for.
Error with_the_stores_fault(AdminClient& admin, Error error) {
  if (error.code != ErrorCode::kTimedOut) return error;
  const Result<std::string> answer = admin.query("status", "");
  const auto json = answer ? nlohmann::ordered_json::parse(*answer, nullptr, false) : nlohmann::ordered_json();
  const auto store = json.is_object() ? json.find("store") : json.end();
  const std::string fault = store == json.end() ? "" : text_field(*store, "fault");
  if (!fault.empty())
    error.text += ": its store is not available, and what this changed is kept once it is back: " + fault;
  return error;
}

bool is_as_due(const nlohmann::ordered_json& answer, std::string_view member) {
  const auto* due = std::ranges::find(kMemberTypes, member, &MemberType::member);
  EMQ_ASSERT(due != std::end(kMemberTypes), "member {}", member);
  const auto found = answer.is_object() ? answer.find(member) : answer.end();
  return found != answer.end() && found->type() == due->type;
}

}  // namespace

Result<nlohmann::ordered_json> answer_of(AdminClient& admin, const std::string& view, const std::string& arguments,
                                         const char* member) {
  const Result<std::string> answer = admin.query(view, arguments);
  if (!answer) return tl::unexpected(with_the_stores_fault(admin, answer.error()));
  auto json = nlohmann::ordered_json::parse(*answer, nullptr, false);
  if (is_as_due(json, member)) return json;
  return fail(ErrorCode::kBadMessage, fmt::format("what {} answers to {} is no JSON object with {} as it is due",
                                                  admin.address(), view, member));
}

ExitCode asked_in_vain(Invocation& invocation, const Error& error) {
  const ExitCode code = invocation.console.fail(error);
  return error.code == ErrorCode::kBadValue ? kExitUsage : code;
}

ExitCode show_view(Invocation& invocation, const std::string& view, const std::string& arguments,
                   const std::function<void(const nlohmann::ordered_json&)>& show) {
  Result<AdminClient> admin = admin_client_of(invocation);
  if (!admin) return kExitUsage;
  const auto* known = std::ranges::find(kMembers, view, &ViewMember::view);
  EMQ_ASSERT(known != std::end(kMembers), "view {}", view);
  const Result<nlohmann::ordered_json> json = answer_of(*admin, view, arguments, known->member);
  if (!json) return asked_in_vain(invocation, json.error());
  print_answer(invocation, *json, show);
  return kExitDone;
}

void print_answer(Invocation& invocation, const nlohmann::ordered_json& answer,
                  const std::function<void(const nlohmann::ordered_json&)>& show) {
  using Json = nlohmann::ordered_json;
  if (!invocation.has("--json")) return show(answer);
  invocation.console.line(answer.dump(2, ' ', false, Json::error_handler_t::replace));
}

std::string text_field(const nlohmann::ordered_json& json, const char* name) {
  const auto found = json.is_object() ? json.find(name) : json.end();
  if (found == json.end() || found->is_null()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

double number_field(const nlohmann::ordered_json& json, const char* name) {
  const auto found = json.is_object() ? json.find(name) : json.end();
  return found != json.end() && found->is_number() ? found->get<double>() : 0;
}

std::string duration_text(double seconds) {
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto minutes = static_cast<int64_t>(seconds / 60);
  if (minutes < 60) return fmt::format("{} min {:.0f} s", minutes, std::floor(std::fmod(seconds, 60)));
  const int64_t hours = minutes / 60;
  if (hours < 48) return fmt::format("{} h {} min", hours, minutes % 60);
  return fmt::format("{} d {} h", hours / 24, hours % 24);
}

std::string moment_text(double seconds) {
  const auto whole = static_cast<time_t>(seconds);
  struct tm parts = {};
  return ::gmtime_r(&whole, &parts) ? fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", parts) : "";
}

std::string size_text(double bytes) {
  static constexpr const char* kUnits[] = {"", "K", "M", "G", "T"};
  size_t unit = 0;
  while (bytes >= 1024 && unit < 4) {
    bytes /= 1024;
    ++unit;
  }
  return unit == 0 || bytes == std::floor(bytes) ? fmt::format("{:.0f}{}", bytes, kUnits[unit])
                                                 : fmt::format("{:.1f}{}", bytes, kUnits[unit]);
}

std::string count_text(double count) { return fmt::format("{:.0f}", count); }

}  // namespace eventmq
