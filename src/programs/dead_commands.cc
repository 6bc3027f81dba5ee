// dead list|show|retry|delete: jobs that ended without success.
#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <span>

#include "src/programs/admin_command.h"
#include "src/programs/query_filters.h"
#include "src/programs/views.h"

namespace eventmq {
namespace {

using Json = nlohmann::ordered_json;

using Type = QueryFilter::Type;
constexpr QueryFilter kDeadFilters[] = {{"--queue", "queue"},
                                        {"--name", "name"},
                                        {"--cause", "cause"},
                                        {"--older-than", "older_than", Type::kAge},
                                        {"--newer-than", "newer_than", Type::kAge}};
constexpr QueryFilter kDeadPage[] = {{"--limit", "limit", Type::kCount}, {"--after", "after", Type::kCount}};

// The arguments of the query, from what was typed. False: it makes no sense, and that was said.
bool add_all(Invocation& invocation, std::span<const QueryFilter> filters, Json& arguments) {
  const Result<void> added = add_filters(invocation, filters, arguments);
  if (!added) invocation.console.error_line(added.error().text);
  return added.has_value();
}

// The id or the filters; one of them, or --all, must be there.
bool add_choice(Invocation& invocation, Json& arguments) {
  if (!invocation.line.arguments.empty()) arguments["id"] = invocation.argument(0);
  if (!add_all(invocation, kDeadFilters, arguments)) return false;
  if (!arguments.empty() && invocation.has("--all")) {
    invocation.console.error_line("--all means every dead letter: leave it out, or the id and the other flags");
    return false;
  }
  if (arguments.size() == 1 && arguments.contains("older_than") && arguments["older_than"] == 0) {
    invocation.console.error_line("--older-than 0 means every dead letter: say so with --all");
    return false;
  }
  if (!arguments.empty()) return true;
  if (!invocation.has("--all")) {
    invocation.console.error_line("say which: an id, --queue, --name, --cause, --older-than, --newer-than, or --all");
    return false;
  }
  arguments["all"] = true;
  return true;
}

struct DeadChanges {
  double done = 0;
  double skipped = 0;
};

// One call of the router changes so many and no more, so it is called until none is left. `changes` has what was
// changed before an error too.
Result<void> change_all_dead(AdminClient& admin, const char* view, const char* done, const Json& filters,
                             DeadChanges& changes) {
  const auto begun = std::chrono::steady_clock::now();
  Json arguments = filters;
  while (true) {
    const Result<Json> json = answer_of(admin, view, query_text(arguments), done);
    if (!json) return tl::unexpected(json.error());
    changes.done += number_field(*json, done);
    changes.skipped += number_field(*json, "skipped");
    if (!json->contains("next")) return {};
    // Ages are as of the beginning: what is run again and dies again meanwhile is not meant.
    const double passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    arguments["after"] = (*json)["next"];
    arguments["older_than"] = number_field(filters, "older_than") + passed;
    if (filters.contains("newer_than")) arguments["newer_than"] = number_field(filters, "newer_than") + passed;
  }
}

// `done`: what happens to them, as the router's answer and people say it.
ExitCode run_dead_change(Invocation& invocation, const char* view, const char* done) {
  Json filters = Json::object();
  if (!add_choice(invocation, filters)) return kExitUsage;
  Result<AdminClient> admin = admin_client_of(invocation);
  if (!admin) return kExitUsage;
  DeadChanges changes;
  const Result<void> whole = change_all_dead(*admin, view, done, filters, changes);
  const bool none = changes.done + changes.skipped == 0;
  if (!whole && none) return asked_in_vain(invocation, whole.error());
  const bool not_there = filters.contains("id") && none;
  if (invocation.has("--json")) {
    const Json sums = {{done, static_cast<uint64_t>(changes.done)},
                       {"skipped", static_cast<uint64_t>(changes.skipped)}};
    invocation.console.line(sums.dump(2));
  } else if (!not_there) {
    invocation.console.line(fmt::format("{} {}", done, count_text(changes.done)));
  }
  if (changes.skipped > 0) {
    invocation.console.error_line(fmt::format(
        "{} left as they are: a job with the same id or unique key is there already, or the router has no room",
        count_text(changes.skipped)));
  }
  if (not_there) invocation.console.error_line("no dead letter has this id");
  if (!whole) invocation.console.error_line("the others were not come to: " + safe_text(whole.error().text));
  return !whole || not_there || changes.skipped > 0 ? kExitFailed : kExitDone;
}

}  // namespace

ExitCode run_dead_list(Invocation& invocation) {
  Json arguments = Json::object();
  if (!add_all(invocation, kDeadFilters, arguments) || !add_all(invocation, kDeadPage, arguments)) return kExitUsage;
  return show_view(invocation, "dead", query_text(arguments), [&](const Json& answer) {
    invocation.console.print(dead_view(answer, invocation.console.colour()));
  });
}

ExitCode run_dead_show(Invocation& invocation) {
  return show_view(invocation, "dead-show", query_text({{"id", invocation.argument(0)}}), [&](const Json& answer) {
    invocation.console.print(job_view(answer, invocation.console.colour()));
  });
}

ExitCode run_dead_retry(Invocation& invocation) { return run_dead_change(invocation, "dead-retry", "retried"); }
ExitCode run_dead_delete(Invocation& invocation) { return run_dead_change(invocation, "dead-delete", "deleted"); }

}  // namespace eventmq
