// Other settings for the worker processes: one process tries them, and if it cannot serve, nothing changes.
#include <fmt/format.h>

#include "src/base/assert.h"
#include "src/executor/executor_state.h"

namespace eventmq {

void Executor::restart(ExecutorSettings settings, Instant now) {
  State& state = *state_;
  if (state.stopping) return;
  settings.processes = state.settings.processes;
  if (state.ever_ready) return state.start_trial(std::move(settings), now);
  state.settings = std::move(settings);
  state.replace_all(now);
  state.start_missing(now);
}

bool Executor::restart_refused() const { return state_->trial_refused; }

void Executor::State::start_trial(ExecutorSettings wanted, Instant now) {
  end_trial(now);
  trial_refused = false;
  Result<ChildProcess> child = ChildProcess::start(wanted.command);
  if (!child) return refuse_trial(child.error().text);
  trial.emplace(Trial{std::move(wanted), nullptr});
  trial->worker = launch(trial->settings, std::move(*child), now);
}

bool Executor::State::is_trial(const WorkerProcess& worker) const { return trial && trial->worker.get() == &worker; }

// It takes the first place that is free at once. If all others are busy, it was only to show that it can be done.
void Executor::State::adopt_trial(Instant now) {
  EMQ_ASSERT(trial && trial->worker);
  settings = std::move(trial->settings);
  log(false, "a worker process serves with the new settings; the others are replaced, busy ones after their job");
  replace_all(now);
  for (ProcessSlot& slot : slots) {
    if (slot.worker) continue;
    slot.worker = std::move(trial->worker);
    break;
  }
  if (trial->worker) return end_trial(now);
  trial.reset();
}

void Executor::State::end_trial(Instant now) {
  if (trial && trial->worker) retire(std::move(trial->worker), now);
  trial.reset();
}

void Executor::State::refuse_trial(const std::string& reason) {
  trial.reset();
  trial_refused = true;
  log(true,
      fmt::format("a worker process with the settings as they are now cannot serve, so all processes stay as they "
                  "are: {}",
                  reason));
}

// Each after the job that it runs.
void Executor::State::replace_all(Instant now) {
  names_logged = false;
  for (ProcessSlot& slot : slots) {
    slot.failures = 0;
    slot.start_at = now;
    if (!slot.worker || slot.worker->killed) continue;
    if (slot.worker->phase == WorkerProcess::Phase::kBusy) {
      slot.worker->retire_after_job = true;
    } else {
      retire(std::move(slot.worker), now);
    }
  }
}

}  // namespace eventmq
