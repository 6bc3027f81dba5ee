#include <fmt/format.h>

#include "src/base/assert.h"
#include "src/executor/executor_state.h"

namespace eventmq {
namespace {

std::string seconds_text(Duration span) { return fmt::format("{} s", span.seconds()); }

JobVerdict timeout_verdict(Duration timeout) {
  // The value is the word that users of the original look for.
  return {Outcome::kTimeout,
          fmt::format(
              R"({{"value":"TimeoutError","error":{{"type":"timeout","message":"the job ran past its timeout of {}",)"
              R"("details":{{"timeout":{}}}}}}})",
              seconds_text(timeout), timeout.seconds())};
}

JobVerdict closed_verdict() {
  return {Outcome::kError,
          failure_payload("bad-result", "the worker process closed its channel before it gave a result")};
}

}  // namespace

JobVerdict cancelled_verdict() { return {Outcome::kCancelled, failure_payload("cancelled", "the job was cancelled")}; }

void Executor::State::assign(Instant now) {
  for (ProcessSlot& slot : slots) {
    if (waiting.empty()) return;
    if (!slot.worker || !slot.worker->takes_a_job()) continue;
    WaitingCall next = std::move(waiting.front());
    waiting.pop_front();
    begin(*slot.worker, std::move(next), now);
  }
}

void Executor::State::begin(WorkerProcess& worker, WaitingCall next, Instant now) {
  std::optional<Duration> timeout = next.job.timeout.value_or(settings.global_timeout);
  if (*timeout == Duration{}) timeout.reset();
  std::vector<std::string> lines;
  worker.output.finish(lines);  // what was printed between jobs is not this job's
  log_output(worker, lines);
  const std::string line =
      job_line(next.job.request_id.view(), next.job.attempt, next.job.queue.view(), next.call, timeout);
  worker.phase = WorkerProcess::Phase::kBusy;
  worker.task.emplace(RunningTask{std::move(next.job), timeout, timeout ? now + *timeout : Instant::never()});
  ++running;
  send(worker, line);
}

void Executor::State::settle(WorkerProcess& worker, Outcome outcome, std::string payload) {
  pass_on_report(worker);
  std::vector<std::string> lines;
  const uint64_t dropped = worker.output.finish(lines);
  log_output(worker, lines);
  const ExecutorJob& job = worker.task->job;
  if (dropped > 0) {
    log(true,
        fmt::format("job {} printed or logged {} bytes more than are kept of one job", job.request_id.view(), dropped));
  }
  if (outcome == Outcome::kKilled || outcome == Outcome::kTimeout) {
    log(true, fmt::format("job {} ended as {}: {}", job.request_id.view(), outcome_word(outcome),
                          without_control_characters(payload).substr(0, limits::kErrorTextBytes)));
  }
  out.push_back(JobSettled{job.request_id, job.attempt, outcome, Bytes(payload)});
  worker.task.reset();
  worker.verdict.reset();
  ++worker.jobs_done;
  --running;
}

void Executor::State::settle_unstarted(const ExecutorJob& job, Outcome outcome, std::string payload) {
  out.push_back(JobSettled{job.request_id, job.attempt, outcome, Bytes(payload)});
}

void Executor::State::hand_back_waiting(std::string_view reason) {
  for (const WaitingCall& call : waiting) {
    settle_unstarted(call.job, Outcome::kReturned, failure_payload("returned", reason));
  }
  waiting.clear();
}

void Executor::State::pass_on_report(WorkerProcess& worker) {
  if (worker.report) out.push_back(std::move(*worker.report));
  worker.report.reset();
}

// The process has delivered its result and is free again.
void Executor::State::release(WorkerProcess& worker, Instant now) {
  worker.phase = WorkerProcess::Phase::kIdle;
  ProcessSlot* slot = slot_of(worker);
  EMQ_ASSERT(slot != nullptr);
  slot->failures = 0;
  const bool worn_out = settings.max_job_count > 0 && worker.jobs_done >= settings.max_job_count;
  if (worker.killed) {
    // Its result came while it was being stopped: nothing more is given to it, and its exit replaces it.
  } else if (stopping) {
    tell_to_stop(worker, now);
  } else if (worn_out || worker.retire_after_job) {
    slot->start_at = now;
    retire(std::move(slot->worker), now);
  } else {
    worker.terminate_at = Instant::never();  // of a cancellation that it did not need
  }
}

void Executor::State::timers(WorkerProcess& worker, Instant now) {
  if (worker.ready_by <= now) {
    worker.ready_by = Instant::never();
    worker.failure = "it was not ready within " + seconds_text(settings.start_timeout);
    terminate(worker, now);
  }
  if (worker.task && worker.task->timeout_at <= now) {
    worker.task->timeout_at = Instant::never();
    if (!worker.ending()) {
      worker.verdict = timeout_verdict(*worker.task->timeout);
      terminate(worker, now);
    }
  }
  if (worker.terminate_at <= now) {
    if (worker.task && !worker.verdict)
      worker.verdict = worker.task->cancelled ? cancelled_verdict() : closed_verdict();
    terminate(worker, now);
  }
  if (worker.kill_at <= now) kill(worker);
}

void Executor::State::end_drain(Instant now) {
  if (drain_kill_at > now) return;
  drain_kill_at = Instant::never();
  for (ProcessSlot& slot : slots) {
    if (!slot.worker || !slot.worker->task) continue;
    if (!slot.worker->verdict) {
      slot.worker->verdict =
          JobVerdict{Outcome::kKilled, failure_payload("shutdown", "the job manager stopped before the job had ended")};
    }
    kill(*slot.worker);
  }
}

}  // namespace eventmq
