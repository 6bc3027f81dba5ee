// status, queues, workers, schedulers, jobs …, shutdown: what people ask the router.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "src/programs/admin_command.h"
#include "src/programs/views.h"
#include "src/wire/limits.h"

namespace eventmq {
namespace {

using Json = nlohmann::ordered_json;
using View = std::string (*)(const Json&, bool);

std::string text_of(const Json& arguments) { return arguments.dump(-1, ' ', false, Json::error_handler_t::replace); }

ExitCode show_text(Invocation& invocation, const char* view, const Json& arguments, View text) {
  return show_view(invocation, view, arguments.empty() ? "" : text_of(arguments),
                   [&](const Json& answer) { invocation.console.print(text(answer, invocation.console.colour())); });
}

Json id_argument(const Invocation& invocation) { return {{"id", invocation.argument(0)}}; }

// What the job returned, behind its outcome: the value of its payload, or the payload itself if it is not in the form
// of our workers.
void add_value(const std::string& payload, Json& job) {
  const Json parsed = Json::parse(payload, nullptr, false);
  const bool usual = parsed.is_object() && parsed.contains("value");
  Json shown = Json::object();
  for (const auto& [name, field] : job.items()) {
    if (name == "value_bytes") continue;
    shown[name] = field;
    if (name != "outcome") continue;
    shown["value"] = usual ? parsed["value"] : parsed.is_discarded() ? Json(payload) : parsed;
    if (usual && parsed.contains("error")) shown["failure"] = parsed["error"];
  }
  job = std::move(shown);
}

// Adds what was typed to the arguments of the view. Errors: kBadValue.
Result<void> add_count(const Invocation& invocation, const std::string& name, Json& arguments) {
  const std::string flag = "--" + name;
  if (!invocation.has(flag)) return {};
  const Result<uint64_t> count = parse_count(invocation.value(flag));
  if (!count) return fail(ErrorCode::kBadValue, fmt::format("{}: {}", flag, count.error().text));
  if (name == "limit" && *count > limits::kListingRows) {
    return fail(
        ErrorCode::kBadValue,
        fmt::format("--limit: one listing has at most {0} jobs; write --limit {0}, and add --offset {0} for the "
                    "next ones",
                    limits::kListingRows));
  }
  arguments[name] = *count;
  return {};
}

}  // namespace

ExitCode run_status(Invocation& invocation) { return show_text(invocation, "status", {}, status_view); }
ExitCode run_queues(Invocation& invocation) { return show_text(invocation, "queues", {}, queues_view); }
ExitCode run_workers(Invocation& invocation) { return show_text(invocation, "workers", {}, workers_view); }
ExitCode run_schedulers(Invocation& invocation) { return show_text(invocation, "schedulers", {}, schedulers_view); }

ExitCode run_jobs_list(Invocation& invocation) {
  Json arguments = Json::object();
  for (const char* name : {"queue", "state", "name"}) {
    const std::string flag = std::string("--") + name;
    if (invocation.has(flag)) arguments[name] = invocation.value(flag);
  }
  const std::string state = invocation.value("--state", "waiting");
  if (state != "waiting" && state != "delayed" && state != "running") {
    invocation.console.error_line(
        fmt::format("--state must be delayed, waiting or running, not \"{}\"", safe_text(state)));
    return kExitUsage;
  }
  for (const char* name : {"limit", "offset", "after"}) {
    if (auto added = add_count(invocation, name, arguments); !added) {
      invocation.console.error_line(added.error().text);
      return kExitUsage;
    }
  }
  return show_text(invocation, "jobs", arguments, jobs_view);
}

// A value may be larger than the router likes to look into, so it is asked for apart and read here. In between its time
// may have come to an end.
ExitCode run_jobs_show(Invocation& invocation) {
  Result<AdminClient> admin = admin_client_of(invocation);
  if (!admin) return kExitUsage;
  const std::string id = text_of(id_argument(invocation));
  Result<Json> job = answer_of(*admin, "job", id, "id");
  if (!job) return asked_in_vain(invocation, job.error());
  if (job->contains("value_bytes")) {
    const Result<std::string> payload = admin->query("result", id);
    if (payload) add_value(*payload, *job);
  }
  print_answer(invocation, *job,
               [&](const Json& shown) { invocation.console.print(job_view(shown, invocation.console.colour())); });
  return kExitDone;
}

ExitCode run_jobs_explain(Invocation& invocation) {
  return show_text(invocation, "job", id_argument(invocation),
                   [](const Json& job, bool) { return safe_text(text_field(job, "explain")) + "\n"; });
}

ExitCode run_jobs_cancel(Invocation& invocation) {
  return show_text(invocation, "cancel", id_argument(invocation), [](const Json& answer, bool) -> std::string {
    const bool ended = answer.value("cancelled", Json(false)) == Json(true);
    return ended ? "cancelled\n" : "the job runs; its worker was told to cancel it\n";
  });
}

ExitCode run_jobs_retry(Invocation& invocation) {
  return show_text(invocation, "jobs-retry", id_argument(invocation), [](const Json& answer, bool) -> std::string {
    if (answer.value("waits", Json(false)) == Json(true)) return "the job waits for a free worker already\n";
    return fmt::format("retried {}\n", count_text(number_field(answer, "retried")));
  });
}

ExitCode run_jobs_delete(Invocation& invocation) {
  return show_text(invocation, "jobs-delete", id_argument(invocation), [](const Json& answer, bool) {
    return fmt::format("deleted {}\n", count_text(number_field(answer, "deleted")));
  });
}

ExitCode run_shutdown(Invocation& invocation) {
  Result<AdminClient> admin = admin_client_of(invocation);
  if (!admin) return kExitUsage;
  if (auto told = admin->shutdown(); !told) return invocation.console.fail(told.error());
  invocation.console.line("the router stops once the jobs that it holds have ended, or after drain_timeout");
  return kExitDone;
}

}  // namespace eventmq
