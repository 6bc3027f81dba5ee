#include "src/runtime/log.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "src/wire/text.h"

namespace eventmq {
namespace {

constexpr Duration kWindow = seconds(1);

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
  }
  return spdlog::level::warn;
}

}  // namespace

LogSink spdlog_sink() {
  return [](LogLevel level, std::string_view text) { spdlog::log(spdlog_level(level), "{}", text); };
}

std::string printable(std::string_view text, size_t bytes_max) {
  std::string out;
  out.reserve(std::min(text.size(), bytes_max) + 3);
  for (char c : repaired_utf8(text.substr(0, std::min(text.size(), bytes_max) + 4))) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_within_character = (byte & 0xc0) == 0x80;
    if (out.size() >= bytes_max && !is_within_character) return out + "...";
    if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

LimitedLog::LimitedLog(LogSink sink, uint32_t lines_per_second)
    : sink_(std::move(sink)), lines_per_second_(lines_per_second) {}

void LimitedLog::write(LogLevel level, std::string_view text, Instant now) {
  Second& second = seconds_[static_cast<size_t>(level)];
  if (now - second.began >= kWindow) {
    close(level, second);
    second.began = now;
  }
  if (second.lines >= lines_per_second_) {
    ++second.left_out;
    return;
  }
  ++second.lines;
  sink_(level, printable(text));
}

void LimitedLog::summarise(Instant now) {
  for (size_t i = 0; i < seconds_.size(); ++i) {
    if (seconds_[i].left_out > 0 && now - seconds_[i].began >= kWindow) close(static_cast<LogLevel>(i), seconds_[i]);
  }
}

Instant LimitedLog::next_summary() const {
  Instant next = Instant::never();
  for (const Second& second : seconds_) {
    if (second.left_out > 0) next = std::min(next, second.began + kWindow);
  }
  return next;
}

void LimitedLog::close(LogLevel level, Second& second) {
  if (second.left_out > 0) {
    sink_(level, fmt::format("{} more lines within a second were left out of the log", second.left_out));
  }
  second.lines = 0;
  second.left_out = 0;
}

}  // namespace eventmq
