// jobs list|show|explain|cancel|retry|delete.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "src/programs/admin_command.h"
#include "src/programs/query_filters.h"
#include "src/programs/views.h"
#include "src/wire/limits.h"

namespace eventmq {
namespace {

using Json = nlohmann::ordered_json;

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

constexpr QueryFilter kJobFilters[] = {{"--queue", "queue"},
                                       {"--state", "state"},
                                       {"--name", "name"},
                                       {"--older-than", "older_than", QueryFilter::Type::kAge}};

// What was typed to say which jobs. Errors: kBadValue.
Result<Json> filters_of(const Invocation& invocation) {
  const std::string state = invocation.value("--state", "waiting");
  if (state != "waiting" && state != "delayed" && state != "running") {
    return fail(ErrorCode::kBadValue,
                fmt::format("--state must be delayed, waiting or running, not \"{}\"", safe_text(state)));
  }
  Json filters = Json::object();
  return add_filters(invocation, kJobFilters, filters).map([&] { return std::move(filters); });
}

// The router looks at so many jobs for one page and no more, so a page may be short, and is asked for until there are
// enough rows. Its `next` is where it ended.
Result<Json> jobs_from(AdminClient& admin, Json arguments, uint64_t limit) {
  Json rows = Json::array();
  while (true) {
    arguments["limit"] = std::min<uint64_t>(limit - rows.size(), limits::kListingRows);
    Result<Json> page = answer_of(admin, "jobs", query_text(arguments), "jobs");
    if (!page) return page;
    for (const Json& row : (*page)["jobs"]) rows.push_back(row);
    if (page->contains("incomplete")) return Json{{"jobs", std::move(rows)}, {"incomplete", (*page)["incomplete"]}};
    const bool more = page->contains("next");
    if (more && rows.size() < limit) {
      arguments["after"] = (*page)["next"];
      continue;
    }
    Json all = {{"jobs", std::move(rows)}};
    if (more) all["next"] = (*page)["next"];
    return all;
  }
}

struct JobChanges {
  double done = 0;
  double asked = 0;
  double refused = 0;
};
// How a change of many jobs is asked for, and told of.
struct ChangeWords {
  const char* view;
  const char* done;
  // Jobs go from the store to the memory meanwhile, where a first pass has been; a second one finds them. What is to be
  // run now is due, and runs, if it goes there.
  bool until_none_is_left;
};

// Once through all jobs. Ages are as of the beginning: what comes meanwhile is not meant.
Result<void> change_once(AdminClient& admin, const ChangeWords& words, const Json& filters,
                         std::chrono::steady_clock::time_point begun, JobChanges& changes) {
  Json arguments = filters;
  while (true) {
    const Result<Json> answer = answer_of(admin, words.view, query_text(arguments), "done");
    if (!answer) return tl::unexpected(answer.error());
    changes.done += number_field(*answer, "done");
    changes.asked += number_field(*answer, "asked");
    changes.refused += number_field(*answer, "refused");
    if (!answer->contains("next")) return {};
    const double passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    arguments["after"] = (*answer)["next"];
    arguments["older_than"] = number_field(filters, "older_than") + passed;
  }
}

// `sum` has what was changed before an error too.
Result<void> change_all_jobs(AdminClient& admin, const ChangeWords& words, const Json& filters, JobChanges& sum) {
  const auto begun = std::chrono::steady_clock::now();
  while (true) {
    JobChanges pass;
    Result<void> done = change_once(admin, words, filters, begun, pass);
    sum.done += pass.done;
    sum.asked += pass.asked;
    sum.refused = pass.refused;
    if (!done || !words.until_none_is_left || pass.done + pass.asked == 0) return done;
  }
}

std::string changes_text(const ChangeWords& words, const JobChanges& changes) {
  const std::string told =
      changes.asked > 0 ? fmt::format(", and {} run, whose workers were told to cancel them", count_text(changes.asked))
                        : "";
  return fmt::format("{} {}{}", words.done, count_text(changes.done), told);
}

ExitCode run_change_of_many(Invocation& invocation, const ChangeWords& words) {
  const auto refuse = [&invocation](const std::string& text) {
    invocation.console.error_line(text);
    return kExitUsage;
  };
  Result<Json> filters = filters_of(invocation);
  if (!filters) return refuse(filters.error().text);
  const bool all = invocation.has("--all");
  if (filters->empty() && !all) return refuse("say which: an id, --queue, --name, --state, --older-than, or --all");
  if (!filters->empty() && all) return refuse("--all means every job: leave it out, or the other flags");
  if (filters->size() == 1 && filters->value("older_than", 1.0) == 0) {
    return refuse("--older-than 0 means every job: say so with --all");
  }
  if (all) (*filters)["all"] = true;
  Result<AdminClient> admin = admin_client_of(invocation);
  if (!admin) return kExitUsage;
  JobChanges changes;
  const Result<void> whole = change_all_jobs(*admin, words, *filters, changes);
  const bool any = changes.done + changes.asked + changes.refused > 0;
  if (!whole && !any) return asked_in_vain(invocation, whole.error());
  const Json sums = {{words.done, static_cast<uint64_t>(changes.done)},
                     {"asked", static_cast<uint64_t>(changes.asked)},
                     {"refused", static_cast<uint64_t>(changes.refused)}};
  invocation.console.line(invocation.has("--json") ? sums.dump(2) : changes_text(words, changes));
  if (changes.refused > 0) {
    invocation.console.error_line(
        fmt::format("{} left as they are: they run, or the store cannot keep the change", count_text(changes.refused)));
  }
  if (!whole) invocation.console.error_line("the others were not come to: " + safe_text(whole.error().text));
  return whole && changes.refused == 0 ? kExitDone : kExitFailed;
}

// Of the one job that was named, or of many.
ExitCode run_job_change(Invocation& invocation, const ChangeWords& words, std::string (*text)(const Json&)) {
  if (invocation.line.arguments.empty()) return run_change_of_many(invocation, words);
  const auto typed = [&](const QueryFilter& filter) { return invocation.has(filter.flag); };
  if (invocation.has("--all") || std::ranges::any_of(kJobFilters, typed)) {
    invocation.console.error_line("give an id, or say by the flags which jobs: not both");
    return kExitUsage;
  }
  return show_view(invocation, words.view, query_text(id_argument(invocation)),
                   [&](const Json& answer) { invocation.console.print(text(answer)); });
}

}  // namespace

ExitCode run_jobs_list(Invocation& invocation) {
  const Result<Json> filters = filters_of(invocation);
  const Result<uint64_t> limit = parse_count(invocation.value("--limit", "100"));
  if (!filters || !limit) {
    invocation.console.error_line(filters ? "--limit: " + limit.error().text : filters.error().text);
    return kExitUsage;
  }
  Json arguments = *filters;
  if (invocation.has("--after")) arguments["after"] = invocation.value("--after");
  Result<AdminClient> admin = admin_client_of(invocation);
  if (!admin) return kExitUsage;
  const Result<Json> jobs = jobs_from(*admin, std::move(arguments), *limit);
  if (!jobs) return asked_in_vain(invocation, jobs.error());
  print_answer(invocation, *jobs,
               [&](const Json& shown) { invocation.console.print(jobs_view(shown, invocation.console.colour())); });
  if (!jobs->contains("incomplete")) return kExitDone;
  invocation.console.error_line("the jobs in the store are not listed: " + safe_text(text_field(*jobs, "incomplete")));
  return kExitFailed;
}

// A value may be larger than the router likes to look into, so it is asked for apart and read here. In between its time
// may have come to an end.
ExitCode run_jobs_show(Invocation& invocation) {
  Result<AdminClient> admin = admin_client_of(invocation);
  if (!admin) return kExitUsage;
  const std::string id = query_text(id_argument(invocation));
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
  return show_view(invocation, "job", query_text(id_argument(invocation)),
                   [&](const Json& job) { invocation.console.line(safe_text(text_field(job, "explain"))); });
}

ExitCode run_jobs_cancel(Invocation& invocation) {
  return run_job_change(invocation, {"cancel", "cancelled", true}, [](const Json& answer) -> std::string {
    const bool ended = answer.value("cancelled", Json(false)) == Json(true);
    return ended ? "cancelled\n" : "the job runs; its worker was told to cancel it\n";
  });
}

ExitCode run_jobs_retry(Invocation& invocation) {
  return run_job_change(invocation, {"jobs-retry", "retried", false}, [](const Json& answer) -> std::string {
    if (answer.value("waits", Json(false)) == Json(true)) return "the job waits for a free worker already\n";
    return fmt::format("retried {}\n", count_text(number_field(answer, "retried")));
  });
}

ExitCode run_jobs_delete(Invocation& invocation) {
  return run_job_change(invocation, {"jobs-delete", "deleted", true}, [](const Json& answer) {
    return fmt::format("deleted {}\n", count_text(number_field(answer, "deleted")));
  });
}

}  // namespace eventmq
