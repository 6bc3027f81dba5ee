// The log of a serving program: one line an event, to stderr, with time and level.
#pragma once

namespace eventmq {

// Sets up the program's default spdlog logger. `debug` lets debug lines through (setting super_debug).
void start_log(bool debug);
// The same later, while the program runs.
void set_log_debug(bool debug);

}  // namespace eventmq
