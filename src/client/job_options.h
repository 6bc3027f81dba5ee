// The options of a job as the headers of its REQUEST or SCHEDULE.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "eventmq/client_options.h"
#include "eventmq/schedule_time.h"
#include "src/base/result.h"
#include "src/base/time.h"
#include "src/wire/messages.h"

namespace eventmq {

constexpr Duration duration_of(std::chrono::microseconds span) { return {span.count()}; }

// What a request asks of its job.
SendOptions job_options(const RequestOptions& options);

// Errors of all: kBadValue; the text names the option.
Result<JobHeaders> request_headers(const SendOptions& options, bool reply_requested);
// SCHEDULE and UNSCHEDULE with their queue, headers, interval and cron expression, without the payload.
Result<ScheduleFields> schedule_fields(const ScheduleTime& time, const ScheduleOptions& options);

}  // namespace eventmq
