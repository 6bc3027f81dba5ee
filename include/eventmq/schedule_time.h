// When a scheduled job runs: every so often, or by a cron expression in a time zone.
#pragma once

#include <chrono>
#include <string>
#include <utility>

namespace eventmq {

struct ScheduleTime {
  std::chrono::microseconds interval{0};  // if cron is empty
  std::string cron;
  std::string time_zone;  // of the cron expression; empty: the scheduler's own
};

// At once, and from then on at this interval, which must be more than 0.
inline ScheduleTime every(std::chrono::microseconds interval) { return {interval, {}, {}}; }

// Five fields: minute, hour, day of month, month, day of week. The time zone is a name of the IANA database
// ("Europe/Berlin"). It travels as the header timezone:NAME, which schedulers that do not know it pass over.
inline ScheduleTime cron(std::string expression, std::string time_zone = {}) {
  return {std::chrono::microseconds{0}, std::move(expression), std::move(time_zone)};
}

}  // namespace eventmq
