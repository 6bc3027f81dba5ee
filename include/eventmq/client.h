// The client: hands jobs to a broker, asks for their results, schedules them, publishes.
//
//   eventmq::Client client;                                              // EMQ_BROKER_ADDR, or this machine
//   auto id = client.send("reports.build", {2026, "ops"}, {.queue = "reports", .retry_count = 5, .guarantee = true});
//   auto sum = client.request<int>("math.add", {2, 3}, {.timeout = 5s}).get();
//   client.schedule("reports.nightly", eventmq::cron("0 3 * * *", "Europe/Berlin"));
//   client.publish("orders.created", order);
//
// Names. "pkg.module.function", or "pkg.module:Class.method": what stands after the last point is called, what stands
// before it says where it is found.
//
// Arguments. A list of anything that JSON can say, as above; named ones in the options (`kwargs`). Text must be UTF-8.
//
// Errors. Each call stands twice. send() throws Exception (eventmq/error.h), whose code() says what can be done;
// try_send() returns the same Error as a value and never throws but for want of memory. A call fails with
//   bad-value     an argument does not fit; nothing was sent
//   unreachable   no broker was met within ack_timeout
//   timed-out     no ACK within ack_timeout: the broker may or may not have the job. Sent again under the same id
//                 (SendOptions::id), it runs once.
//   queue-full, store-unavailable, shutting-down, ...   the broker's answer: it has not taken the job. Nothing is tried
//                 again in secret, but for a guaranteed job that was sent before to an earlier life of the broker,
//                 which may have it in its store: while the broker cannot look there, it is asked again each second.
//   closed        after close()
//
// Connection. Made in the background, and anew when it breaks: what was not yet ACKed is then sent again under the same
// id, and the broker takes it once. A constructor never waits for the broker.
//
// Threads. All calls may come from any thread. Callbacks run on the client's own thread; a call that waits is refused
// there (bad-value).
//
// Processes. A client does not survive fork(): in the child, its calls fail and its destructor does nothing. Make a new
// one there.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "eventmq/client_options.h"
#include "eventmq/detail/argument.h"
#include "eventmq/error.h"
#include "eventmq/job_failed.h"
#include "eventmq/job_status.h"
#include "eventmq/json.h"
#include "eventmq/schedule_time.h"

namespace eventmq {

class Client {
 public:
  // All three throw Exception (bad-value: an address or name is malformed; system).
  Client();
  explicit Client(ClientOptions options);
  // Client("localhost"): a template, so that options in braces are never taken for an address.
  template <class Text>
  requires std::is_convertible_v<const Text&, std::string_view>
  explicit Client(const Text& address) : Client(ClientOptions{.address = std::string(std::string_view(address))}) {}
  // As close(). In a callback of its own (which may be its last owner) it does not wait: what was submitted goes on in
  // the background, for at most ClientOptions::linger, as long as the program runs.
  ~Client();
  // A client that was moved from can be closed, destroyed and assigned to, and nothing else.
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  // Hands in a job and waits until the broker has taken responsibility for it. Returns the job's id.
  std::string send(std::string_view name, const Json& args = Json::array(), const SendOptions& options = {});
  Result<std::string> try_send(std::string_view name, const Json& args = Json::array(),
                               const SendOptions& options = {});
  // Does not wait: the future gives the id, or throws.
  std::future<std::string> send_async(std::string_view name, const Json& args = Json::array(),
                                      const SendOptions& options = {});

  // Hands in a job and promises what it returns. The future throws JobFailed (eventmq/job_failed.h) if the job ended
  // without success, and Exception if it did not come so far or its result is no T (bad-value). T may be anything
  // that Json converts to, or void. The types of a job's parameters (eventmq/job.h) are read as strictly as there: a
  // number that is out of range or has a fraction is no int, and true is none either. The job goes on when nobody keeps
  // the future.
  template <class T = Json>
  std::future<T> request(std::string_view name, const Json& args = Json::array(), const RequestOptions& options = {});
  // The same without exceptions: a failed job is an Error, with the code that JobFailed would have.
  template <class T = Json>
  std::future<Result<T>> try_request(std::string_view name, const Json& args = Json::array(),
                                     const RequestOptions& options = {});

  // Has a scheduler hand in the job from now on, and waits for the broker's ACK. A job is known by its name and
  // arguments: scheduled again, with another time or queue, it takes the place of the first. no-scheduler: none is
  // connected.
  void schedule(std::string_view name, const ScheduleTime& time, const Json& args = Json::array(),
                const ScheduleOptions& options = {});
  Result<void> try_schedule(std::string_view name, const ScheduleTime& time, const Json& args = Json::array(),
                            const ScheduleOptions& options = {});
  // Ends the schedule of the job with this name and these arguments, whatever its time and queue.
  void unschedule(std::string_view name, const Json& args = Json::array(), const ScheduleOptions& options = {});
  Result<void> try_unschedule(std::string_view name, const Json& args = Json::array(),
                              const ScheduleOptions& options = {});

  // Sends a message to the subscribers of a topic and waits for the ACK of whoever distributes it. At most once: what
  // was sent when the connection broke is not sent again (unreachable).
  void publish(std::string_view topic, const Json& message);
  Result<void> try_publish(std::string_view topic, const Json& message);

  // Stops a job: one that waits ends as `cancelled` at once, one that runs is told to. unknown-job: there is none, or
  // it has ended.
  void cancel(std::string_view id);
  Result<void> try_cancel(std::string_view id);

  // Asks what a job has ended with, or how far it is, and waits for the answer, for at most ack_timeout. The job must
  // have been sent with result_ttl; it may have been sent by anyone. A job without success is no error but a value
  // (JobStatus::failure). store-unavailable, queue-full: ask again later. bad-message: its worker answered something
  // else than a result.
  JobStatus result(std::string_view id);
  Result<JobStatus> try_result(std::string_view id);

  // Waits until everything submitted before has been ACKed or has failed. False if the time passed first.
  bool flush(std::chrono::microseconds timeout);
  // Waits, for at most ClientOptions::linger, until everything submitted has been ACKed, and ends the conversation.
  // Results still awaited fail with closed; their jobs go on. From then on all calls fail with closed. Never throws.
  void close();

 private:
  struct State;
  // Told once: the value, or an Error and, if the job was run, how it failed.
  using RequestEnded = std::function<void(Result<Json> value, std::optional<JobFailure> failure)>;
  void start_request(std::string_view name, const Json& args, const RequestOptions& options, RequestEnded ended);
  template <class T>
  static Result<T> converted(Result<Json> value);

  std::unique_ptr<State> state_;
};

template <class T>
Result<T> Client::converted(Result<Json> value) {
  if (!value) return tl::unexpected<Error>(std::move(value.error()));
  if constexpr (std::is_same_v<T, Json>) {
    return value;
  } else if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    try {
      return detail::read_argument<T>(*value);
    } catch (const detail::BadArgument& failure) {
      return fail(ErrorCode::kBadValue, std::string("the result ") + failure.what());
    } catch (const std::exception& failure) {
      return fail(ErrorCode::kBadValue, std::string("the result is not of the type asked for: ") + failure.what());
    } catch (...) {  // on the client's thread nobody else would
      return fail(ErrorCode::kBadValue,
                  "the result is not of the type asked for: its from_json() threw no std::exception");
    }
  }
}

template <class T>
std::future<T> Client::request(std::string_view name, const Json& args, const RequestOptions& options) {
  auto promise = std::make_shared<std::promise<T>>();
  std::future<T> future = promise->get_future();
  start_request(name, args, options, [promise](Result<Json> value, std::optional<JobFailure> failure) {
    Result<T> result = converted<T>(std::move(value));
    if (!result && failure) {
      promise->set_exception(std::make_exception_ptr(JobFailed(result.error(), std::move(*failure))));
    } else if (!result) {
      promise->set_exception(std::make_exception_ptr(Exception(result.error())));
    } else if constexpr (std::is_void_v<T>) {
      promise->set_value();
    } else {
      promise->set_value(std::move(*result));
    }
  });
  return future;
}

template <class T>
std::future<Result<T>> Client::try_request(std::string_view name, const Json& args, const RequestOptions& options) {
  auto promise = std::make_shared<std::promise<Result<T>>>();
  std::future<Result<T>> future = promise->get_future();
  start_request(name, args, options, [promise](Result<Json> value, std::optional<JobFailure>) {
    promise->set_value(converted<T>(std::move(value)));
  });
  return future;
}

}  // namespace eventmq
