#include "src/runtime/job_manager_loop.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <utility>

#include "src/executor/file_limit.h"
#include "src/executor/worker_main.h"
#include "src/runtime/random.h"

namespace eventmq {
namespace {

constexpr uint32_t kLogLinesPerSecond = 5'000;  // of each level; what jobs print is bounded for each job too
constexpr Duration kStopTime = seconds(2);      // after an order to stop at once

// The executor's settings as they are to be used.
ExecutorSettings executor_settings(const JobManagerOptions& options) {
  ExecutorSettings settings = options.executor;
  settings.processes = options.session.slots;
  if (settings.command.empty()) settings.command = own_worker_command(options.plugins);
  return settings;
}

}  // namespace

JobManagerLoop::JobManagerLoop(ZmqContext& context, JobManagerOptions options, JobManagerParts parts)
    : options_(std::move(options)),
      parts_(std::move(parts)),
      now_(clock_.now()),
      log_(parts_.log, kLogLinesPerSecond),
      socket_(context, options_.sockets),
      session_(options_.session, IdSource(random_seed())),
      executor_((raise_file_limit(), executor_settings(options_)), now_),
      process_watch_(options_.unserved_patience) {}

JobManagerLoop::~JobManagerLoop() = default;

Result<void> JobManagerLoop::run() {
  while (!ended()) {
    wait();
    now_ = clock_.now();
    if (poller_.ready(0)) wakeup_.clear();
    take_requests();
    take_signals();
    step_executor();
    start_session_when_ready();
    leave_or_return();
    receive_turn();
    if (std::exchange(link_lost_, false)) step_session(LinkLost{std::exchange(refused_, false)});
    if (session_started_ && now_ >= session_.next_wake()) step_session(SessionTick{});
    finish_when_session_ended();
    log_.summarise(now_);
  }
  socket_.close(options_.sockets.linger);
  if (failure_) return tl::unexpected(*failure_);
  return {};
}

// --- Waiting, and what other threads and the operator ask for ---

void JobManagerLoop::wait() {
  poller_.clear();
  poller_.watch_readable(wakeup_.fd());
  poller_.watch(socket_);
  poller_.watch_readable(executor_.descriptor());
  if (parts_.signals != nullptr) poller_.watch_readable(parts_.signals->fd());
  const Instant now = clock_.now();
  const Instant until = next_wake();
  if (more_to_receive_ || link_lost_ || until <= now) {
    poller_.wait(Duration{});
  } else {
    poller_.wait(until == Instant::never() ? Duration{-1} : until - now);
  }
}

Instant JobManagerLoop::next_wake() const {
  const Instant session = session_started_ ? session_.next_wake() : Instant::never();
  return std::min(
      {session, executor_.next_wake(), process_watch_.due(), log_.next_summary(), end_by_.value_or(Instant::never())});
}

bool JobManagerLoop::ended() const {
  if (end_by_ && now_ >= *end_by_) return true;
  return session_ended_ && executor_.finished();
}

void JobManagerLoop::request_drain() {
  drain_requested_ = true;
  wakeup_.notify();
}

void JobManagerLoop::stop() {
  stop_requested_ = true;
  wakeup_.notify();
}

void JobManagerLoop::take_requests() {
  if (drain_requested_.exchange(false)) begin_drain();
  if (stop_requested_.exchange(false)) kill_running();
}

void JobManagerLoop::take_signals() {
  if (parts_.signals == nullptr) return;
  while (const int signal = parts_.signals->next()) {
    if (signal == SIGHUP) {
      reload();
    } else if (!draining_) {
      log(LogLevel::kInfo,
          fmt::format("stopping: running jobs may end within {} s; the same signal again stops at once",
                      options_.kill_grace_period.seconds()));
      drain_signalled_ = now_;
      begin_drain();
    } else if (now_ - drain_signalled_ >= kSignalEcho) {
      kill_running();
    }
  }
}

void JobManagerLoop::begin_drain() {
  if (draining_) return;
  draining_ = true;
  executor_.drain(now_ + options_.kill_grace_period, now_);
  if (session_started_) step_session(DrainRequested{});
}

void JobManagerLoop::kill_running() {
  begin_drain();
  log(LogLevel::kWarning, fmt::format("stopping at once: {} running jobs are killed", executor_.running_jobs()));
  executor_.drain(now_, now_);
  end_by_ = now_ + kStopTime;
}

void JobManagerLoop::reload() {
  if (draining_ || !parts_.reload) return;
  Result<std::optional<JobManagerOptions>> read = parts_.reload();
  if (!read) {
    return log(LogLevel::kWarning,
               "the settings were read again and are refused, nothing changes: " + read.error().text);
  }
  const bool concerns_processes = *read && take_over(*std::move(*read));
  if (!concerns_processes && !executor_.restart_refused()) return;
  log(LogLevel::kInfo, concerns_processes
                           ? "the settings were read again; a new worker process tries them first"
                           : "a new worker process tries the settings that the last one could not serve with");
  executor_.restart(executor_settings(options_), now_);
}

// True if processes that run with what was in force have to be replaced.
bool JobManagerLoop::take_over(JobManagerOptions options) {
  const bool other = options.executor != options_.executor || options.plugins != options_.plugins;
  options_.executor = std::move(options.executor);
  options_.plugins = std::move(options.plugins);
  options_.kill_grace_period = options.kill_grace_period;
  return other || options.plugins_rebuilt;
}

// --- The executor's side ---

void JobManagerLoop::step_executor() {
  executor_.step(now_, executor_events_);
  for (ExecutorEvent& event : executor_events_) {
    std::visit([this](auto& each) { on_event(each); }, event);
  }
  executor_events_.clear();
}

void JobManagerLoop::on_event(JobSettled& event) {
  step_session(JobFinished{std::move(event.request_id), event.attempt, event.outcome, std::move(event.payload)});
}

void JobManagerLoop::on_event(JobReported& event) {
  step_session(JobProgressed{std::move(event.request_id), event.fraction, std::move(event.text)});
}

void JobManagerLoop::on_event(ExecutorLog& event) {
  log(event.warning ? LogLevel::kWarning : LogLevel::kInfo, event.text);
}

void JobManagerLoop::on_event(ExecutorFailed& event) {
  failure_ = event.error;
  begin_drain();
}

Result<void> run_job_manager_loop(JobManagerOptions options,
                                  std::function<Result<std::optional<JobManagerOptions>>()> reload) {
  Result<void> room = check_file_limit(options.session.slots);
  if (!room) return room;
  ZmqContext context;
  SignalCatcher signals({SIGTERM, SIGINT, SIGHUP});
  JobManagerLoop loop(context, std::move(options), {.signals = &signals, .reload = std::move(reload)});
  return loop.run();
}

}  // namespace eventmq
