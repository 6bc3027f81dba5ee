// emq verify: the file of guaranteed jobs, and what a running router says of its counts.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "src/programs/admin_command.h"
#include "src/programs/status_check.h"
#include "src/store/sqlite_verify.h"

namespace eventmq {
namespace {

using Json = nlohmann::ordered_json;

struct RouterReport {
  std::string address;
  bool answers = false;
  std::optional<Error> unreachable;
  Json status = Json::object();
};

struct Findings {
  bool quick = false;
  std::string nothing;  // why there is nothing to verify; empty: there is
  StoreReport store;
  RouterReport router;
  std::vector<StoreProblem> problems;  // of both
  int64_t left_out = 0;

  bool sound() const { return problems.empty(); }
};

void verify_file(const Invocation& invocation, const Settings& settings, Findings& findings) {
  if (settings.text("store") == "memory" && !invocation.has("--data-dir")) {
    findings.nothing = "store is memory, which keeps no file";
    return;
  }
  findings.store = verify_store({.data_dir = settings.text("data_dir"), .quick = findings.quick});
  findings.problems = findings.store.problems;
  findings.left_out = findings.store.left_out;
  if (findings.store.found || !findings.sound()) return;
  if (invocation.has("--data-dir")) {
    findings.problems.push_back(
        {"file", fmt::format("{} is not there: --data-dir names the folder that holds it", findings.store.path)});
  } else {
    findings.nothing = fmt::format("no router has made {} yet", findings.store.path);
  }
}

// Each life of a router has a number of its own in its file, which it says as its fence. One that could not open its
// file yet has none.
bool is_of_another_file(const Findings& findings) {
  const Json store = findings.router.status.value("store", Json::object());
  const bool has_file = store.is_object() && store.value("durable", Json()) == true && number_field(store, "fence") > 0;
  const bool looked = findings.nothing.empty() && findings.sound();
  if (!has_file || (!looked && findings.nothing.empty())) return false;
  return !findings.store.found || number_field(store, "fence") != static_cast<double>(findings.store.epoch);
}

void verify_router(AdminClient& admin, Findings& findings) {
  findings.router.address = admin.address();
  const Result<std::string> answer = admin.query("status");
  if (!answer && answer.error().code == ErrorCode::kUnreachable) {
    findings.router.unreachable = answer.error();
    return;
  }
  findings.router.answers = answer.has_value();
  if (!answer) {
    findings.problems.push_back({"router", answer.error().text + ": look at its log, and restart it"});
    return;
  }
  findings.router.status = Json::parse(*answer, nullptr, false);
  for (StoreProblem& problem : problems_of_status(findings.router.status)) {
    findings.problems.push_back(std::move(problem));
  }
  if (is_of_another_file(findings)) {
    findings.problems.push_back(
        {"router",
         fmt::format("the router at {} keeps its jobs in another file than {}: name its folder with --data-dir, "
                     "or another router with --addr",
                     findings.router.address, findings.store.path)});
  }
}

std::string store_lines(const Findings& findings) {
  const StoreReport& store = findings.store;
  if (!findings.nothing.empty()) return fmt::format("file     nothing to verify: {}\n", safe_text(findings.nothing));
  std::string text = fmt::format("file     {}", safe_text(store.path));
  if (!store.found) return text + "\n";
  text += fmt::format(", version {}, {} and {} of log\n", store.version, size_text(static_cast<double>(store.bytes)),
                      size_text(static_cast<double>(store.log_bytes)));
  text += fmt::format(
      "holds    {} queues, {} jobs, {} of them running and {} in the store alone, {} dead letters, {} results, and {} "
      "ended ids\n",
      store.queues, store.jobs, store.running, store.backlog, store.dead, store.results, store.ended);
  if (store.dead_dropped > 0) {
    text += fmt::format("dropped  {} dead letters before their time (setting dead_max)\n", store.dead_dropped);
  }
  if (store.results_dropped > 0) {
    text += fmt::format("dropped  {} results before their time (settings result_max and result_limit)\n",
                        store.results_dropped);
  }
  if (!findings.sound()) return text;  // some checks end the others
  return text + fmt::format("checked  pages{}, tables, meta, rows, keys, payloads, counts, lanes, ended ids\n",
                            findings.quick ? "" : " and indexes");
}

std::string router_line(const RouterReport& router) {
  const std::string address = safe_text(router.address);
  if (router.unreachable) return fmt::format("router   none runs at {}\n", address);
  if (!router.answers) return fmt::format("router   no answer from {}\n", address);
  return fmt::format("router   {} at {}; checked its counts and its store\n",
                     safe_text(text_field(router.status, "state")), address);
}

std::string problem_lines(const Findings& findings, bool colour) {
  if (!findings.nothing.empty() && findings.router.unreachable) return "";
  if (findings.sound()) return styled("sound", Style::kGood, colour) + "\n";
  const int64_t count = static_cast<int64_t>(findings.problems.size()) + findings.left_out;
  std::string text = styled(fmt::format("{} problem{}", count, count == 1 ? "" : "s"), Style::kBad, colour) + "\n";
  for (const StoreProblem& problem : findings.problems) {
    text += fmt::format("  {}: {}\n", problem.check, safe_text(problem.text));
  }
  if (findings.left_out > 0) text += fmt::format("  and {} more of these kinds\n", findings.left_out);
  return text;
}

Json findings_json(const Findings& findings) {
  Json problems = Json::array();
  for (const StoreProblem& problem : findings.problems) {
    problems.push_back({{"check", problem.check}, {"text", problem.text}});
  }
  const StoreReport& store = findings.store;
  return {{"sound", findings.sound()},
          {"problems", std::move(problems)},
          {"left_out", findings.left_out},
          {"store",
           {{"path", store.path},
            {"found", store.found},
            {"nothing", findings.nothing},
            {"quick", findings.quick},
            {"version", store.version},
            {"epoch", store.epoch},
            {"queues", store.queues},
            {"jobs", store.jobs},
            {"running", store.running},
            {"backlog", store.backlog},
            {"dead", store.dead},
            {"dead_dropped", store.dead_dropped},
            {"results", store.results},
            {"results_dropped", store.results_dropped},
            {"ended", store.ended},
            {"bytes", store.bytes},
            {"log_bytes", store.log_bytes}}},
          {"router",
           {{"address", findings.router.address},
            {"answers", findings.router.answers},
            {"state", text_field(findings.router.status, "state")}}}};
}

}  // namespace

ExitCode run_verify(Invocation& invocation) {
  invocation.request.program = Section::kRouter;
  if (invocation.has("--data-dir")) {
    invocation.request.flags.push_back({"data_dir", invocation.value("--data-dir"), "--data-dir"});
  }
  const Result<Settings> settings = settings_of(invocation);
  if (!settings) return kExitUsage;
  Result<AdminClient> admin = admin_client_of(invocation, *settings);
  if (!admin) return kExitUsage;
  Findings findings{.quick = invocation.has("--quick")};
  verify_file(invocation, *settings, findings);
  verify_router(*admin, findings);
  if (invocation.has("--json")) {
    invocation.console.line(findings_json(findings).dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    const bool colour = invocation.console.colour();
    invocation.console.print(store_lines(findings) + router_line(findings.router) + problem_lines(findings, colour));
  }
  if (!findings.sound()) return kExitFailed;
  const bool must_answer = invocation.has("--live");
  return must_answer && findings.router.unreachable ? invocation.console.fail(*findings.router.unreachable) : kExitDone;
}

}  // namespace eventmq
