// status, queues, workers, schedulers, shutdown: what people ask the router.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "src/programs/admin_command.h"
#include "src/programs/views.h"

namespace eventmq {
namespace {

using Json = nlohmann::ordered_json;
using View = std::string (*)(const Json&, bool);

ExitCode show_text(Invocation& invocation, const char* view, View text) {
  return show_view(invocation, view, "",
                   [&](const Json& answer) { invocation.console.print(text(answer, invocation.console.colour())); });
}

}  // namespace

ExitCode run_status(Invocation& invocation) { return show_text(invocation, "status", status_view); }
ExitCode run_queues(Invocation& invocation) { return show_text(invocation, "queues", queues_view); }
ExitCode run_workers(Invocation& invocation) { return show_text(invocation, "workers", workers_view); }
ExitCode run_schedulers(Invocation& invocation) { return show_text(invocation, "schedulers", schedulers_view); }

ExitCode run_shutdown(Invocation& invocation) {
  Result<AdminClient> admin = admin_client_of(invocation);
  if (!admin) return kExitUsage;
  if (auto told = admin->shutdown(); !told) return invocation.console.fail(told.error());
  invocation.console.line("the router stops once the jobs that can run have ended, at the latest after drain_timeout");
  return kExitDone;
}

}  // namespace eventmq
