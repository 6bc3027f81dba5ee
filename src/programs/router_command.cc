// emq router: the broker as a program.
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <optional>
#include <utility>

#include "src/programs/admin_command.h"
#include "src/programs/logging.h"
#include "src/programs/router_settings.h"
#include "src/programs/router_store.h"
#include "src/programs/settings_reload.h"
#include "src/store/store_folder.h"

namespace eventmq {
namespace {

constexpr std::chrono::milliseconds kDiskRetry{500};

// For SIGHUP. Nothing if they are as they were.
Result<std::optional<LiveRouterSettings>> read_again(const LoadRequest& request, Settings& current) {
  const Result<bool> changed = read_settings_again(request, "router", current);
  if (!changed) return tl::unexpected(changed.error());
  set_log_debug(current.is_on("super_debug"));
  if (!*changed) return std::nullopt;
  return live_router_settings(current);
}

Result<std::unique_ptr<RouterLoop>> try_to_open(ZmqContext& context, Invocation& invocation, Settings& settings,
                                                SignalCatcher& signals) {
  Result<std::unique_ptr<Store>> store = open_store(settings);
  if (!store) return tl::unexpected(store.error());
  RouterParts parts;
  parts.store = *std::move(store);
  parts.signals = &signals;
  parts.reload = [&] { return read_again(invocation.request, settings); };
  if (!parts.store->durable()) {
    spdlog::warn("the store is {}: jobs, guaranteed ones too, are lost when this router stops", parts.store->name());
  }
  auto loop = std::make_unique<RouterLoop>(context, router_settings(settings), std::move(parts));
  return loop->open().map([&] { return std::move(loop); });
}

// True: there is one that asks to stop.
bool wait_for_signal(SignalCatcher& signals, std::chrono::milliseconds time) {
  pollfd watched{.fd = signals.fd(), .events = POLLIN, .revents = 0};
  (void)::poll(&watched, 1, static_cast<int>(time.count()));
  const int signal = signals.next();
  return signal == SIGTERM || signal == SIGINT;
}

// Without its store the router does not know what it has accepted, so while the disk fails it waits, and serves
// nothing. Null: it was told to stop meanwhile.
Result<std::unique_ptr<RouterLoop>> open_router(ZmqContext& context, Invocation& invocation, Settings& settings,
                                                SignalCatcher& signals) {
  std::string told;
  while (true) {
    Result<std::unique_ptr<RouterLoop>> loop = try_to_open(context, invocation, settings, signals);
    if (loop || settings.text("store") == "memory" || !disk_fails(settings.text("data_dir"))) return loop;
    if (std::exchange(told, loop.error().text) != loop.error().text) {
      spdlog::error(
          "{}; the disk fails, so this router waits until the store can be opened, and serves nothing "
          "meanwhile",
          loop.error().text);
    }
    if (wait_for_signal(signals, kDiskRetry)) return nullptr;
  }
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
  ZmqContext context;
  const Result<std::unique_ptr<RouterLoop>> loop = open_router(context, invocation, *settings, signals);
  if (!loop) return invocation.console.fail(loop.error());
  if (*loop) (*loop)->run();
  spdlog::info("the router has stopped");
  return kExitDone;
}

}  // namespace eventmq
