#include "src/programs/logging.h"

#include <signal.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>

#include "src/programs/console.h"

namespace eventmq {

void start_log(bool debug) {
  ::signal(SIGPIPE, SIG_IGN);  // a reader of the log that goes away ends nothing
  ::signal(SIGXFSZ, SIG_IGN);  // a limit of file sizes is a full disk
  const bool colour = understands_codes(stderr) && may_colour();
  auto logger = spdlog::stderr_color_mt("emq", colour ? spdlog::color_mode::always : spdlog::color_mode::never);
  logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %^%l%$ %v");
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(logger);
  set_log_debug(debug);
}

void set_log_debug(bool debug) { spdlog::set_level(debug ? spdlog::level::debug : spdlog::level::info); }

}  // namespace eventmq
