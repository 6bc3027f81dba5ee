// The options of a job as the headers of its REQUEST or SCHEDULE.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>

#include "eventmq/client_options.h"
#include "eventmq/schedule_time.h"
#include "src/base/result.h"
#include "src/base/time.h"
#include "src/wire/messages.h"

namespace eventmq {

// What is longer than a hundred years is that long: added to the time of a clock, more would overflow.
constexpr Duration duration_of(std::chrono::microseconds span) {
  constexpr std::chrono::microseconds kLongest = std::chrono::hours(100 * 365 * 24);
  return {std::min(span, kLongest).count()};
}

// What a request asks of its job.
SendOptions job_options(const RequestOptions& options);

// Errors of all: kBadValue; the text names the option.
Result<JobHeaders> request_headers(const SendOptions& options, bool reply_requested);
// SCHEDULE and UNSCHEDULE with their queue, headers, interval and cron expression, without the payload.
Result<ScheduleFields> schedule_fields(const ScheduleTime& time, const ScheduleOptions& options);

}  // namespace eventmq
