// emq router: the broker as a program.
#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>

#include <optional>
#include <utility>

#include "src/programs/admin_command.h"
#include "src/programs/logging.h"
#include "src/programs/router_settings.h"
#include "src/programs/router_store.h"
#include "src/programs/settings_reload.h"

namespace eventmq {
namespace {

// For SIGHUP. Nothing if they are as they were.
Result<std::optional<LiveRouterSettings>> read_again(const LoadRequest& request, Settings& current) {
  const Result<bool> changed = read_settings_again(request, "router", current);
  if (!changed) return tl::unexpected(changed.error());
  set_log_debug(current.is_on("super_debug"));
  if (!*changed) return std::nullopt;
  return live_router_settings(current);
}

Result<std::unique_ptr<RouterLoop>> open_with(Result<std::unique_ptr<Store>> store, Invocation& invocation,
                                              Settings& settings, SignalCatcher& signals) {
  if (!store) return tl::unexpected(store.error());
  RouterParts parts;
  parts.store = *std::move(store);
  parts.signals = &signals;
  parts.reload = [&] { return read_again(invocation.request, settings); };
  if (!parts.store->durable()) {
    spdlog::warn("the store is {}: jobs, guaranteed ones too, are lost when this router stops", parts.store->name());
  }
  auto loop = std::make_unique<RouterLoop>(router_settings(settings), std::move(parts));
  return loop->open().map([&] { return std::move(loop); });
}

// Plain jobs do not wait for a store that cannot be opened now.
Result<std::unique_ptr<RouterLoop>> open_router(Invocation& invocation, Settings& settings, SignalCatcher& signals) {
  auto loop = open_with(open_store(settings), invocation, settings, signals);
  if (loop || !store_fault_may_pass(loop.error(), settings)) return loop;
  const std::string fault = loop.error().text;
  loop = open_with(open_store_later(settings, loop.error()), invocation, settings, signals);
  if (!loop) return fail(loop.error().code, fmt::format("{}; and {}", loop.error().text, fault));
  return loop;
}

}  // namespace

ExitCode run_router(Invocation& invocation) {
  invocation.request.program = Section::kRouter;
  Result<Settings> settings = settings_of(invocation);
  if (!settings) return kExitUsage;
  if (auto checked = check_listen_addresses(*settings); !checked) {
    invocation.console.error_line(checked.error().text);
    return kExitUsage;
  }
  start_log(settings->is_on("super_debug"));
  SignalCatcher signals({SIGTERM, SIGINT, SIGHUP});
  const Result<std::unique_ptr<RouterLoop>> loop = open_router(invocation, *settings, signals);
  if (!loop) return invocation.console.fail(loop.error());
  (*loop)->run();
  spdlog::info("the router has stopped");
  return kExitDone;
}

}  // namespace eventmq
