// Routers that are not as they should be, or run on a disk that is not, for the tests of tests. Each is a program.
#pragma once

#include <cstdio>
#include <functional>

#include "src/programs/logging.h"
#include "src/programs/router_settings.h"
#include "src/programs/router_store.h"
#include "src/runtime/router_loop.h"

namespace eventmq {

// As `emq router`, with this store, until it is killed. The exit code.
inline int run_odd_router(const std::function<Result<std::unique_ptr<Store>>(const Settings&)>& open) {
  LoadRequest request;
  request.program = Section::kRouter;
  request.environment = environment_of_process();
  const Result<Settings> settings = load_settings(request);
  if (!settings) return std::fprintf(stderr, "%s\n", settings.error().text.c_str()), 2;
  Result<std::unique_ptr<Store>> store = open(*settings);
  if (!store) return std::fprintf(stderr, "%s\n", store.error().text.c_str()), 1;
  start_log(false);
  RouterParts parts;
  parts.store = *std::move(store);
  RouterLoop loop(router_settings(*settings), std::move(parts));
  if (const Result<void> opened = loop.open(); !opened) {
    return std::fprintf(stderr, "%s\n", opened.error().text.c_str()), 1;
  }
  loop.run();
  return 0;
}

}  // namespace eventmq
