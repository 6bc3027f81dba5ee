#include "src/client/job_options.h"

#include <fmt/format.h>

#include <optional>

#include "src/wire/names.h"
#include "src/wire/text.h"

namespace eventmq {
namespace {

using std::chrono::microseconds;

// Seconds as decimal text, without zeros at the end: 5, 0.25.
std::string seconds_text(microseconds span) {
  const int64_t whole = span.count() / 1'000'000;
  const int64_t part = span.count() % 1'000'000;
  if (part == 0) return std::to_string(whole);
  std::string text = fmt::format("{}.{:06}", whole, part);
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

// Gathers headers and the first thing that is wrong with them.
class HeaderText {
 public:
  void word(bool wanted, std::string_view name) {
    if (wanted) add(name);
  }
  void number(std::string_view name, std::optional<uint32_t> value) {
    if (value) add(fmt::format("{}:{}", name, *value));
  }
  void span(std::string_view name, std::optional<std::chrono::microseconds> value) {
    if (!value) return;
    if (value->count() < 0) refuse(fmt::format("{} must not be negative", name));
    add(fmt::format("{}:{}", name, seconds_text(*value)));
  }
  void text(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    if (!is_utf8(value) || has_control_character(value) || value.find_first_of(", ") != value.npos) {
      refuse(fmt::format("{} must be text without blanks and commas, not {}", name, in_quotes(value)));
    }
    add(fmt::format("{}:{}", name, value));
  }

  Result<JobHeaders> parsed() const {
    if (fault_) return fail(ErrorCode::kBadValue, *fault_);
    Result<JobHeaders> headers = parse_headers(Bytes(text_));
    if (!headers) return fail(ErrorCode::kBadValue, headers.error().text);
    return headers;
  }

 private:
  void add(std::string_view header) {
    if (!text_.empty()) text_ += ',';
    text_ += header;
  }
  void refuse(std::string fault) {
    if (!fault_) fault_ = std::move(fault);
  }

  std::string text_;
  std::optional<std::string> fault_;
};

// For what a zero says as much as the header's absence.
template <class Value>
std::optional<Value> unless_zero(Value value) {
  return value == Value{} ? std::nullopt : std::optional(value);
}

Result<void> check_time(const ScheduleTime& time) {
  if (!time.cron.empty()) {
    if (is_utf8(time.cron) && !has_control_character(time.cron) && time.cron.size() <= limits::kCronBytes) return {};
    return fail(ErrorCode::kBadValue, fmt::format("{} is no cron expression", in_quotes(time.cron)));
  }
  if (time.interval.count() <= 0) return fail(ErrorCode::kBadValue, "the interval of a schedule must be more than 0");
  if (duration_of(time.interval) > limits::kHeaderDuration) {
    return fail(ErrorCode::kBadValue, "the interval of a schedule must be at most ten years");
  }
  return {};
}

}  // namespace

SendOptions job_options(const RequestOptions& options) {
  SendOptions job;
  job.queue = options.queue;
  job.retry_count = options.retry_count;
  const std::optional<std::chrono::microseconds> whole = unless_zero(options.timeout);
  job.timeout = options.job_timeout ? options.job_timeout : whole;
  job.guarantee = options.guarantee;
  job.delay = options.delay;
  job.expires = options.expires || options.guarantee ? options.expires : whole;
  job.priority = options.priority;
  job.backoff = options.backoff;
  job.unique = options.unique;
  job.trace = options.trace;
  job.result_ttl = options.result_ttl;
  job.kwargs = options.kwargs;
  job.class_args = options.class_args;
  job.class_kwargs = options.class_kwargs;
  job.id = options.id;
  return job;
}

Result<JobHeaders> request_headers(const SendOptions& options, bool reply_requested) {
  HeaderText headers;
  headers.word(reply_requested, "reply-requested");
  headers.number("retry-count", unless_zero(options.retry_count));
  headers.span("timeout", options.timeout);
  headers.word(options.guarantee, "guarantee");
  headers.span("delay", unless_zero(options.delay));
  headers.span("expires", options.expires);
  headers.number("priority", options.priority);
  headers.span("backoff", options.backoff);
  headers.text("unique", options.unique);
  headers.text("trace", options.trace);
  headers.span("result-ttl", unless_zero(options.result_ttl));
  return headers.parsed();
}

Result<ScheduleFields> schedule_fields(const ScheduleTime& time, const ScheduleOptions& options) {
  if (Result<void> checked = check_time(time); !checked) return tl::unexpected<Error>(std::move(checked.error()));
  HeaderText headers;
  headers.number("retry-count", unless_zero(options.retry_count));
  headers.span("timeout", options.timeout);
  headers.word(options.guarantee, "guarantee");
  headers.word(options.nohaste, "nohaste");
  headers.number("run_count", options.run_count);
  headers.text("timezone", time.time_zone);
  Result<JobHeaders> parsed = headers.parsed();
  if (!parsed) return tl::unexpected<Error>(std::move(parsed.error()));
  ScheduleFields fields;
  fields.queue = Bytes(options.queue);
  fields.headers = std::move(*parsed);
  fields.interval = Bytes(time.cron.empty() ? seconds_text(time.interval) : "-1");
  fields.cron = Bytes(time.cron);
  return fields;
}

}  // namespace eventmq
