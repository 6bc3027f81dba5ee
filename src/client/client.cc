#include "eventmq/client.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "src/client/addresses.h"
#include "src/client/client_loop.h"
#include "src/client/job_call_text.h"
#include "src/client/job_options.h"
#include "src/client/shared_context.h"
#include "src/wire/names.h"
#include "src/wire/text.h"

namespace eventmq {
namespace {

constexpr uint32_t kLivenessMax = 1000;  // as of the setting; times it, the longest timeout is still a time

template <class T>
T value_or_throw(Result<T> result) {
  if (!result) throw Exception(std::move(result.error()));
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

tl::unexpected<Error> passed_on(const Error& error) { return tl::unexpected<Error>(error); }

Result<void> check_id(std::string_view id) {
  if (const auto fault = id_fault(id)) {
    return fail(ErrorCode::kBadValue, fmt::format("the id {} {}", in_quotes(id), fault->text));
  }
  return {};
}

// An empty name stands for the broker's default queue.
Result<void> check_queue(std::string_view queue) {
  if (queue.empty()) return {};
  if (const auto fault = queue_name_fault(queue)) {
    return fail(ErrorCode::kBadValue, fmt::format("the queue name {} {}", in_quotes(queue), fault->text));
  }
  return {};
}

Result<void> check_topic(std::string_view topic) {
  if (!topic.empty() && topic.size() <= limits::kTopicBytes && is_utf8(topic)) return {};
  return fail(ErrorCode::kBadValue,
              fmt::format("a topic has 1 to {} bytes of UTF-8, not {}", limits::kTopicBytes, in_quotes(topic)));
}

Result<ClientLoopSettings> loop_settings(const ClientOptions& options) {
  ClientLoopSettings settings;
  auto addresses =
      complete_addresses(given_or_environment(options.address, "EMQ_BROKER_ADDR", kBrokerAddressDefault), "47291");
  if (!addresses) return passed_on(addresses.error());
  auto publish_addresses = complete_addresses(
      given_or_environment(options.publish_address, "EMQ_PUBLISH_ADDR", kPublishAddressDefault), "47298");
  if (!publish_addresses) return passed_on(publish_addresses.error());
  if (!options.name.empty() && !is_node_name(options.name)) {
    return fail(ErrorCode::kBadValue,
                fmt::format("the name {} is not up to {} printable ASCII characters without blanks and commas",
                            in_quotes(options.name), limits::kRoutingIdBytes));
  }
  if (options.heartbeat_interval.count() <= 0 || options.heartbeat_timeout.count() <= 0 ||
      options.heartbeat_liveness == 0 || options.reconnect_timeout.count() <= 0 || options.window == 0 ||
      options.unacknowledged_max == 0 || options.ack_timeout.count() < 0 || options.linger.count() < 0 ||
      options.outage_timeout.count() < 0) {
    return fail(ErrorCode::kBadValue,
                "heartbeat_interval, heartbeat_timeout, heartbeat_liveness, reconnect_timeout, window and "
                "unacknowledged_max must be more than 0, ack_timeout, linger and outage_timeout not less");
  }
  settings.session.link.addresses = std::move(*addresses);
  settings.session.link.name = options.name;
  settings.session.link.heartbeats_enabled = options.heartbeats;
  settings.session.link.heartbeat_timeout = duration_of(options.heartbeat_timeout);
  settings.session.link.heartbeat_liveness = std::min(options.heartbeat_liveness, kLivenessMax);
  settings.session.link.heartbeat_interval = duration_of(options.heartbeat_interval);
  settings.session.link.reconnect_timeout = duration_of(options.reconnect_timeout);
  // The DEALER's queue must hold a whole window.
  settings.session.window = std::min<uint32_t>(options.window, limits::kSendQueueMessages / 2);
  settings.session.outage_timeout = duration_of(options.outage_timeout);
  settings.publish_address = publish_addresses->front();
  settings.unacknowledged_max = options.unacknowledged_max;
  settings.log = options.on_log;
  return settings;
}

// Tells a waiting thread how something ended.
class Waiter {
 public:
  std::function<void(Result<void>)> callback() {
    return [promise = promise_](Result<void> result) { promise->set_value(std::move(result)); };
  }
  Result<void> wait() { return promise_->get_future().get(); }

 private:
  std::shared_ptr<std::promise<Result<void>>> promise_ = std::make_shared<std::promise<Result<void>>>();
};

}  // namespace

struct Client::State {
  State(ClientLoopSettings settings, const ClientOptions& options)
      : ack_timeout(duration_of(options.ack_timeout)),
        linger(duration_of(options.linger)),
        loop(std::make_unique<ClientLoop>(std::move(settings), shared_context())) {}
  ~State() {
    // The child of a fork() has no such thread and must not touch the sockets.
    if (is_forked()) {
      static_cast<void>(loop.release());
    } else {
      const Instant deadline = loop->now() + linger;
      ClientLoop::end(std::move(loop), deadline);
    }
  }

  bool is_forked() const { return owner != getpid(); }
  Result<void> usable() const {
    if (!is_forked()) return {};
    return fail(ErrorCode::kClosed, "the client belongs to the process that made it; after fork() make a new one");
  }
  Result<void> may_wait() const {
    if (Result<void> checked = usable(); !checked) return checked;
    if (!loop->is_own_thread()) return {};
    return fail(ErrorCode::kBadValue, "a callback of the client must not wait for it");
  }
  Instant ack_deadline() const { return ack_timeout == Duration{} ? Instant::never() : loop->now() + ack_timeout; }
  Bytes new_id(const std::string& wanted) { return wanted.empty() ? loop->next_id() : Bytes(wanted); }

  Result<Message> job_message(std::string_view name, const Json& args, const SendOptions& options, bool wants_reply);
  Result<Message> schedule_message(std::string_view name, const ScheduleTime& time, const Json& args,
                                   const ScheduleOptions& options, bool remove);
  // Submits something that ends with its ACK, and waits for that.
  Result<void> submit_and_wait(Message message);
  Result<void> submit(Message message, Watcher watcher, std::optional<Instant> deadline = std::nullopt) {
    return loop->submit(Submit{std::move(message), deadline, ack_deadline()}, std::move(watcher));
  }

  const pid_t owner = getpid();
  const Duration ack_timeout;
  const Duration linger;
  std::unique_ptr<ClientLoop> loop;
};

Result<Message> Client::State::job_message(std::string_view name, const Json& args, const SendOptions& options,
                                           bool wants_reply) {
  Result<void> checked = usable();
  if (checked) checked = check_queue(options.queue);
  if (checked && !options.id.empty()) checked = check_id(options.id);
  if (!checked) return passed_on(checked.error());
  Result<JobHeaders> headers = request_headers(options, wants_reply);
  if (!headers) return passed_on(headers.error());
  const JobArguments arguments{args, options.kwargs, options.class_args, options.class_kwargs};
  const Result<std::string> payload = job_call_text(name, arguments);
  if (!payload) return passed_on(payload.error());
  return Message{new_id(options.id), Request{Bytes(options.queue), std::move(*headers), Bytes(*payload)}};
}

Result<Message> Client::State::schedule_message(std::string_view name, const ScheduleTime& time, const Json& args,
                                                const ScheduleOptions& options, bool remove) {
  Result<void> checked = usable();
  if (checked) checked = check_queue(options.queue);
  if (!checked) return passed_on(checked.error());
  Result<ScheduleFields> fields = schedule_fields(time, options);
  if (!fields) return passed_on(fields.error());
  const JobArguments arguments{args, options.kwargs, options.class_args, options.class_kwargs};
  const Result<std::string> payload = job_call_text(name, arguments);
  if (!payload) return passed_on(payload.error());
  fields->payload = Bytes(*payload);
  if (remove) return Message{loop->next_id(), Unschedule{std::move(*fields)}};
  return Message{loop->next_id(), Schedule{std::move(*fields)}};
}

Result<void> Client::State::submit_and_wait(Message message) {
  if (Result<void> checked = may_wait(); !checked) return checked;
  Waiter waiter;
  if (Result<void> submitted = submit(std::move(message), {waiter.callback()}); !submitted) return submitted;
  return waiter.wait();
}

Client::Client() : Client(ClientOptions{}) {}
Client::Client(ClientOptions options) {
  ClientLoopSettings settings = value_or_throw(loop_settings(options));
  try {
    state_ = std::make_unique<State>(std::move(settings), options);
  } catch (const std::system_error& failure) {
    throw Exception(Error{ErrorCode::kSystem, std::string("cannot start the client: ") + failure.what()});
  }
}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

Result<std::string> Client::try_send(std::string_view name, const Json& args, const SendOptions& options) {
  Result<Message> message = state_->job_message(name, args, options, false);
  if (!message) return passed_on(message.error());
  std::string id = message->id.str();
  const Result<void> sent = state_->submit_and_wait(std::move(*message));
  if (!sent) return passed_on(sent.error());
  return id;
}

std::string Client::send(std::string_view name, const Json& args, const SendOptions& options) {
  return value_or_throw(try_send(name, args, options));
}

std::future<std::string> Client::send_async(std::string_view name, const Json& args, const SendOptions& options) {
  auto promise = std::make_shared<std::promise<std::string>>();
  std::future<std::string> future = promise->get_future();
  const auto refuse = [&promise](const Error& error) {
    promise->set_exception(std::make_exception_ptr(Exception(error)));
  };
  Result<Message> message = state_->job_message(name, args, options, false);
  if (!message) {
    refuse(message.error());
    return future;
  }
  Watcher watcher;
  watcher.acknowledged = [promise, id = message->id.str()](Result<void> result) {
    if (result) return promise->set_value(id);
    promise->set_exception(std::make_exception_ptr(Exception(result.error())));
  };
  const Result<void> submitted = state_->submit(std::move(*message), std::move(watcher));
  if (!submitted) refuse(submitted.error());
  return future;
}

void Client::start_request(std::string_view name, const Json& args, const RequestOptions& options, RequestEnded ended) {
  Result<Message> message = state_->job_message(name, args, job_options(options), true);
  if (!message) return ended(passed_on(message.error()), std::nullopt);
  std::optional<Instant> deadline;
  if (options.timeout.count() > 0) deadline = state_->loop->now() + duration_of(options.timeout);
  Watcher watcher;
  watcher.ended = [ended](Result<JobEnd> end) {
    if (!end) return ended(passed_on(end.error()), std::nullopt);
    std::optional<JobFailure> failure;
    Result<Json> value = job_value(*end, failure);
    ended(std::move(value), std::move(failure));
  };
  watcher.progressed = options.on_progress;
  const Result<void> submitted = state_->submit(std::move(*message), std::move(watcher), deadline);
  if (!submitted) ended(passed_on(submitted.error()), std::nullopt);
}

Result<void> Client::try_schedule(std::string_view name, const ScheduleTime& time, const Json& args,
                                  const ScheduleOptions& options) {
  Result<Message> message = state_->schedule_message(name, time, args, options, false);
  if (!message) return passed_on(message.error());
  return state_->submit_and_wait(std::move(*message));
}

void Client::schedule(std::string_view name, const ScheduleTime& time, const Json& args,
                      const ScheduleOptions& options) {
  value_or_throw(try_schedule(name, time, args, options));
}

Result<void> Client::try_unschedule(std::string_view name, const Json& args, const ScheduleOptions& options) {
  // The time has its frame, but says nothing here.
  Result<Message> message = state_->schedule_message(name, every(std::chrono::seconds(1)), args, options, true);
  if (!message) return passed_on(message.error());
  return state_->submit_and_wait(std::move(*message));
}

void Client::unschedule(std::string_view name, const Json& args, const ScheduleOptions& options) {
  value_or_throw(try_unschedule(name, args, options));
}

Result<void> Client::try_publish(std::string_view topic, const Json& message) {
  Result<void> checked = state_->may_wait();
  if (checked) checked = check_topic(topic);
  if (!checked) return checked;
  const Result<std::string> payload = json_text(message, "the message");
  if (!payload) return passed_on(payload.error());
  Waiter waiter;
  ClientLoop& loop = *state_->loop;
  Message publication{loop.next_id(), Publish{Bytes(topic), true, Bytes(), Bytes(*payload)}};
  const Result<void> published = loop.publish(std::move(publication), state_->ack_deadline(), waiter.callback());
  return published ? waiter.wait() : published;
}

void Client::publish(std::string_view topic, const Json& message) { value_or_throw(try_publish(topic, message)); }

Result<void> Client::try_cancel(std::string_view id) {
  if (Result<void> checked = check_id(id); !checked) return checked;
  if (Result<void> checked = state_->usable(); !checked) return checked;
  return state_->submit_and_wait(Message{state_->loop->next_id(), Cancel{Bytes(id)}});
}

void Client::cancel(std::string_view id) { value_or_throw(try_cancel(id)); }

Result<JobStatus> Client::try_result(std::string_view id) {
  Result<void> checked = check_id(id);
  if (checked) checked = state_->may_wait();
  if (!checked) return passed_on(checked.error());
  const auto promise = std::make_shared<std::promise<Result<JobEnd>>>();
  Watcher watcher;
  watcher.ended = [promise](Result<JobEnd> answer) { promise->set_value(std::move(answer)); };
  Message query{state_->loop->next_id(), Query{Bytes::literal("result"), Bytes(Json{{"id", id}}.dump())}};
  if (Result<void> asked = state_->submit(std::move(query), std::move(watcher)); !asked) {
    return passed_on(asked.error());
  }
  const Result<JobEnd> answer = promise->get_future().get();
  if (answer) return job_status(*answer);
  if (answer.error().code == ErrorCode::kUnknownJob) return JobStatus{};
  return passed_on(answer.error());
}

JobStatus Client::result(std::string_view id) { return value_or_throw(try_result(id)); }

bool Client::flush(std::chrono::microseconds timeout) {
  if (!state_->may_wait()) return false;
  auto flushed = std::make_shared<std::promise<void>>();
  if (!state_->loop->flush([flushed] { flushed->set_value(); })) return true;
  const std::chrono::microseconds bounded(duration_of(timeout).us);
  return flushed->get_future().wait_for(bounded) == std::future_status::ready;
}

void Client::close() {
  if (state_ && state_->usable()) state_->loop->close(state_->loop->now() + state_->linger);
}

}  // namespace eventmq
