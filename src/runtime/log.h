// Log lines on their way out of a loop: cleaned of control characters, and limited in number, so that nothing a
// peer sends can forge a line or fill the disk.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "src/base/time.h"
#include "src/broker/broker.h"

namespace eventmq {

// Takes one finished line. Called on the loop's thread.
using LogSink = std::function<void(LogLevel, std::string_view)>;

// Writes to the program's default spdlog logger.
LogSink spdlog_sink();

// The text with control characters shown as \n or \x1b, cut after `bytes_max` with "..." behind.
std::string printable(std::string_view text, size_t bytes_max = 2000);

// At most `lines_per_second` of each level reach the sink in a second; when it is over, one more line tells
// how many were left out. Not thread-safe.
class LimitedLog {
 public:
  LimitedLog(LogSink sink, uint32_t lines_per_second);

  void write(LogLevel level, std::string_view text, Instant now);
  // Writes the summaries that are due. To be called at next_summary() at the latest.
  void summarise(Instant now);
  Instant next_summary() const;

 private:
  struct Second {
    Instant began{0};
    uint32_t lines = 0;
    uint64_t left_out = 0;
  };
  void close(LogLevel level, Second& second);

  LogSink sink_;
  uint32_t lines_per_second_;
  std::array<Second, 3> seconds_;  // by LogLevel
};

}  // namespace eventmq
