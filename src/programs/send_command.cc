// emq send: one job, from the command line.
#include <fmt/format.h>

#include <memory>

#include "eventmq/client.h"
#include "src/base/id_source.h"
#include "src/programs/addresses.h"
#include "src/programs/admin_command.h"
#include "src/programs/client_settings.h"
#include "src/programs/json_argument.h"
#include "src/programs/progress_line.h"
#include "src/runtime/random.h"

namespace eventmq {
namespace {

tl::unexpected<Error> bad(std::string text) { return fail(ErrorCode::kBadValue, std::move(text)); }

Result<std::chrono::microseconds> time_flag(const Invocation& invocation, std::string_view flag,
                                            std::string_view fallback = "0") {
  const Result<Duration> time = parse_seconds(invocation.value(flag, fallback));
  if (!time) return bad(fmt::format("{}: {}", flag, time.error().text));
  return std::chrono::microseconds(time->us);
}

Result<uint64_t> count_flag(const Invocation& invocation, std::string_view flag, uint64_t max) {
  Result<uint64_t> count = parse_count(invocation.value(flag, "0"));
  if (!count || *count > max) {
    return bad(fmt::format("{} must be a whole number from 0 to {}, not \"{}\"", flag, max,
                           safe_text(invocation.value(flag))));
  }
  return count;
}

bool is_utf8(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::ignore) ==
         json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

struct Job {
  std::string name;
  Json args = Json::array();
  RequestOptions options;
  ClientOptions client;
  bool waits = false;
  std::shared_ptr<ProgressLine> progress = std::make_shared<ProgressLine>(stderr, understands_codes(stderr));
  std::chrono::microseconds wait_timeout{0};  // 0: as long as it takes
};

// A zero that was typed is not the same as nothing.
Result<void> read_optional_times(const Invocation& invocation, RequestOptions& options) {
  for (const auto& [flag, target] :
       {std::pair{"--timeout", &options.job_timeout}, std::pair{"--expires", &options.expires}}) {
    if (!invocation.has(flag)) continue;
    const auto read = time_flag(invocation, flag);
    if (!read) return tl::unexpected(read.error());
    *target = *read;
  }
  return {};
}

Result<void> read_times(const Invocation& invocation, Job& job) {
  if (auto read = read_optional_times(invocation, job.options); !read) return read;
  for (const auto& [flag, target] :
       {std::pair{"--delay", &job.options.delay}, std::pair{"--result-ttl", &job.options.result_ttl},
        std::pair{"--wait-timeout", &job.wait_timeout}}) {
    const auto read = time_flag(invocation, flag);
    if (!read) return tl::unexpected(read.error());
    *target = *read;
  }
  const auto ack_timeout = time_flag(invocation, "--reply-timeout", "5");
  if (!ack_timeout) return tl::unexpected(ack_timeout.error());
  job.client.ack_timeout = *ack_timeout;
  // Who waits for the end so long waits for the ACK no longer.
  const bool ends_first = ack_timeout->count() == 0 || job.wait_timeout < *ack_timeout;
  if (job.wait_timeout.count() > 0 && ends_first) job.client.ack_timeout = job.wait_timeout;
  const auto outage_timeout = time_flag(invocation, "--outage-timeout", "60");
  if (!outage_timeout) return tl::unexpected(outage_timeout.error());
  job.client.outage_timeout = *outage_timeout;
  return {};
}

Result<void> read_arguments(const Invocation& invocation, Job& job) {
  job.name = invocation.argument(0);
  for (size_t at = 1; at < invocation.line.arguments.size(); ++at) {
    Result<Json> argument = json_argument(invocation.argument(at));
    if (!argument) return tl::unexpected(argument.error());
    job.args.push_back(*std::move(argument));
  }
  Result<Json> kwargs = json_object(invocation.value("--kwargs", "{}"), "--kwargs");
  if (!kwargs) return tl::unexpected(kwargs.error());
  job.options.kwargs = *std::move(kwargs);
  if (!is_utf8(job.args) || !is_utf8(job.options.kwargs)) return bad("the arguments must be UTF-8 text");
  return {};
}

Result<Job> job_of(const Invocation& invocation, const Settings& settings) {
  Job job;
  job.client = client_options(settings);
  if (auto read = read_arguments(invocation, job); !read) return tl::unexpected(read.error());
  if (auto read = read_times(invocation, job); !read) return tl::unexpected(read.error());
  if (job.options.expires && job.options.delay > *job.options.expires) {
    return bad("--delay is longer than --expires: the job could never start");
  }
  const auto retries = count_flag(invocation, "--retry-count", limits::kRetryCount);
  if (!retries) return tl::unexpected(retries.error());
  job.options.retry_count = static_cast<uint32_t>(*retries);
  if (invocation.has("--priority")) {
    const auto priority = count_flag(invocation, "--priority", limits::kPriorityHighest);
    if (!priority) return tl::unexpected(priority.error());
    job.options.priority = static_cast<uint8_t>(*priority);
  }
  job.options.queue = invocation.value("--queue");
  job.options.guarantee = invocation.has("--guarantee");
  job.options.id = IdSource(random_seed()).next().str();
  job.waits = invocation.has("--wait") || invocation.has("--progress") || invocation.has("--wait-timeout");
  return job;
}

void print_value(Invocation& invocation, const Job& job, const Json& value) {
  if (invocation.has("--json")) {
    invocation.console.line(Json{{"id", job.options.id}, {"outcome", "ok"}, {"value", value}}.dump());
  } else {
    invocation.console.line(value.is_string() ? value.get<std::string>() : value.dump());
  }
}

ExitCode print_failure(Invocation& invocation, const Job& job, const JobFailure& failure) {
  if (invocation.has("--json")) {
    const Json error = {{"type", failure.type}, {"message", failure.message}, {"details", failure.details}};
    const Json whole = {{"id", job.options.id}, {"outcome", failure.outcome}, {"error", error}};
    invocation.console.line(whole.dump(-1, ' ', false, Json::error_handler_t::replace));
    return kExitFailed;
  }
  std::string text = failure.outcome;
  for (const std::string& part : {failure.type, failure.message}) {
    if (!part.empty() && part != failure.outcome) text += ": " + part;
  }
  invocation.console.error_line(safe_text(text));
  return kExitFailed;
}

// A router that goes away while its answer is awaited is worth a word: the wait may be long. That none was met at
// all is said once, at the end.
void show_outages(Job& job) {
  job.client.on_log = [met = false, line = job.progress](bool warning, const std::string& text) mutable {
    if (met) {
      line->end();
      fmt::print(stderr, "emq: {}\n", safe_text(text));
    }
    met = met || !warning;
  };
}

bool ended_in_time(Client& client, const Job& job, const std::future<Json>& result) {
  if (job.wait_timeout.count() == 0) {
    result.wait();
    return true;
  }
  if (result.wait_for(job.wait_timeout) == std::future_status::ready) return true;
  // A job that nobody took has just failed, or is about to: that is more than not having ended.
  client.flush(job.client.ack_timeout);
  return result.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

ExitCode wait_for(Invocation& invocation, Client& client, Job& job) {
  if (invocation.has("--progress")) {
    job.options.on_progress = [line = job.progress](double fraction, const std::string& text) {
      line->show(fraction, text);
    };
  }
  std::future<Json> result = client.request(job.name, job.args, job.options);
  const bool in_time = ended_in_time(client, job, result);
  job.progress->end();
  if (!in_time) {
    return invocation.console.fail(
        {ErrorCode::kTimedOut, fmt::format("job {} has not ended within {} s", job.options.id,
                                           static_cast<double>(job.wait_timeout.count()) / 1e6)});
  }
  try {
    print_value(invocation, job, result.get());
    return kExitDone;
  } catch (const JobFailed& failed) {
    return print_failure(invocation, job, failed.failure());
  }
}

ExitCode send_only(Invocation& invocation, Client& client, const Job& job) {
  const RequestOptions& options = job.options;
  const std::string id = client.send(job.name, job.args,
                                     {.queue = options.queue,
                                      .retry_count = options.retry_count,
                                      .timeout = options.job_timeout,
                                      .guarantee = options.guarantee,
                                      .delay = options.delay,
                                      .expires = options.expires,
                                      .priority = options.priority,
                                      .result_ttl = options.result_ttl,
                                      .kwargs = options.kwargs,
                                      .id = options.id});
  invocation.console.line(invocation.has("--json") ? Json{{"id", id}}.dump() : id);
  return kExitDone;
}

}  // namespace

ExitCode run_send(Invocation& invocation) {
  invocation.request.program = Section::kRouter;  // its client keeps to the router's heartbeats
  const Result<Settings> settings = settings_of(invocation);
  if (!settings) return kExitUsage;
  Result<Job> job = job_of(invocation, *settings);
  if (!job) {
    invocation.console.error_line(safe_text(job.error().text));
    return kExitUsage;
  }
  job->client.address = frontend_address(invocation.value("--broker"), invocation.request.environment, *settings);
  if (job->waits) show_outages(*job);
  try {
    Client client(job->client);
    return job->waits ? wait_for(invocation, client, *job) : send_only(invocation, client, *job);
  } catch (const Exception& failure) {
    invocation.console.error_line(safe_text(failure.error().text));
    return failure.code() == ErrorCode::kBadValue ? kExitUsage : exit_code_of(failure.error());
  }
}

}  // namespace eventmq
