#include "src/executor/executor.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>

#include "src/executor/executor_state.h"

namespace eventmq {
namespace {

constexpr int kEventsPerStep = 256;

}  // namespace

Executor::Executor(ExecutorSettings settings, Instant now) : state_(std::make_unique<State>(std::move(settings))) {
  state_->start_missing(now);
}

Executor::~Executor() = default;

void Executor::run(ExecutorJob job, Instant now) {
  State& state = *state_;
  if (state.draining) {
    return state.settle_unstarted(job, Outcome::kReturned, failure_payload("returned", "the job manager is stopping"));
  }
  Result<JobCall> call = parse_job_message(job.payload.view());
  if (!call) {
    const std::string payload = failure_payload(error_word(call.error().code), call.error().text);
    return state.settle_unstarted(job, Outcome::kError, payload);
  }
  state.waiting.push_back({std::move(job), std::move(*call)});
  state.assign(now);
}

void Executor::cancel(const Bytes& request_id, Instant now) {
  State& state = *state_;
  for (auto job = state.waiting.begin(); job != state.waiting.end(); ++job) {
    if (job->job.request_id != request_id) continue;
    JobVerdict verdict = cancelled_verdict();
    state.settle_unstarted(job->job, verdict.outcome, std::move(verdict.payload));
    state.waiting.erase(job);
    return;
  }
  for (ProcessSlot& slot : state.slots) {
    if (!slot.worker || !slot.worker->task || slot.worker->task->job.request_id != request_id) continue;
    WorkerProcess& worker = *slot.worker;
    if (worker.task->cancelled || worker.ending()) return;
    worker.task->cancelled = true;
    worker.terminate_at = std::min(worker.terminate_at, now + state.settings.cancel_grace);
    state.send(worker, cancel_line(request_id.view()));
    return;
  }
}

void Executor::drain(Instant kill_at, Instant now) {
  State& state = *state_;
  state.draining = true;
  state.drain_kill_at = kill_at;
  state.hand_back_waiting("the job manager stopped before the job had begun");
  state.end_drain(now);
}

void Executor::hand_back_waiting() {
  state_->hand_back_waiting("no worker process could be started before the job had begun");
}

void Executor::stop(Instant now) {
  State& state = *state_;
  if (state.stopping) return;
  state.draining = state.stopping = true;
  state.end_trial(now);
  for (ProcessSlot& slot : state.slots) {
    if (slot.worker && !slot.worker->task) state.tell_to_stop(*slot.worker, now);
  }
}

int Executor::descriptor() const { return state_->epoll.get(); }

Instant Executor::next_wake() const {
  const State& state = *state_;
  if (!state.out.empty()) return Instant{};  // at once
  Instant wake = state.drain_kill_at;
  for (const ProcessSlot& slot : state.slots) {
    if (!slot.worker && !state.failed && !state.stopping) wake = std::min(wake, slot.start_at);
  }
  for (const auto& [number, worker] : state.by_number) {
    wake = std::min({wake, worker->ready_by, worker->terminate_at, worker->kill_at});
    if (worker->task) wake = std::min(wake, worker->task->timeout_at);
  }
  return wake;
}

void Executor::step(Instant now, std::vector<ExecutorEvent>& out) {
  State& state = *state_;
  std::array<epoll_event, kEventsPerStep> events;
  const int count = epoll_wait(state.epoll.get(), events.data(), kEventsPerStep, 0);
  for (int i = 0; i < count; ++i) state.on_event(events[i].data.u64, events[i].events, now);
  state.end_drain(now);
  for (const auto& [number, worker] : state.by_number) state.timers(*worker, now);
  state.start_missing(now);
  state.assign(now);
  reap_orphans([&state](pid_t pid) {
    return std::ranges::any_of(state.by_number, [pid](const auto& entry) { return entry.second->child.pid() == pid; });
  });
  std::move(state.out.begin(), state.out.end(), std::back_inserter(out));
  state.out.clear();
}

bool Executor::ready() const { return state_->ever_ready; }

bool Executor::serves() const {
  return std::ranges::any_of(state_->slots,
                             [](const ProcessSlot& slot) { return slot.worker && slot.worker->serves(); });
}

bool Executor::start_failed() const {
  return std::ranges::any_of(state_->slots, [](const ProcessSlot& slot) { return slot.failures > 0; });
}

size_t Executor::running_jobs() const { return state_->running; }
size_t Executor::waiting_jobs() const { return state_->waiting.size(); }
bool Executor::finished() const { return state_->by_number.empty(); }

}  // namespace eventmq
