// One worker process as the Executor sees it: the process, what it says, the job it runs, what is due for it.
#pragma once

#include <optional>
#include <string>

#include "src/executor/child_process.h"
#include "src/executor/executor.h"
#include "src/executor/job_output.h"
#include "src/executor/line_channel.h"
#include "src/wire/limits.h"

namespace eventmq {

// How a job will be settled when its process has ended.
struct JobVerdict {
  Outcome outcome;
  std::string payload;
};

// How a cancelled job is settled.
JobVerdict cancelled_verdict();

struct RunningTask {
  ExecutorJob job;
  std::optional<Duration> timeout;
  Instant timeout_at = Instant::never();
  bool cancelled = false;
};

struct WorkerProcess {
  enum class Phase { kStarting, kIdle, kBusy };

  WorkerProcess(uint64_t worker_number, ChildProcess process)
      : number(worker_number), child(std::move(process)), channel(child.channel(), limits::kWorkerLineBytes) {}

  std::string name() const { return "worker process " + std::to_string(process_id); }
  bool ending() const { return verdict.has_value() || killed; }
  // One that has closed its channel may yet be on its way out.
  bool takes_a_job() const { return phase == Phase::kIdle && !killed && !channel_closed; }
  bool serves() const { return phase == Phase::kBusy || takes_a_job(); }

  const uint64_t number;  // never used twice
  ChildProcess child;
  const pid_t process_id = child.pid();
  LineChannel channel;
  JobOutput output{limits::kJobOutputBytes};
  Phase phase = Phase::kStarting;
  std::optional<RunningTask> task;    // while busy
  std::optional<JobReported> report;  // the latest that has not been passed on
  std::optional<JobVerdict> verdict;  // set when the process is stopped because of its job
  bool killed = false;                // signalled to end, or about to
  bool retire_after_job = false;
  bool retired = false;  // told to stop, and already replaced
  bool channel_watched_for_writing = false;
  bool channel_closed = false;
  uint32_t jobs_done = 0;
  std::string failure;  // what the process said about why it cannot serve
  bool failure_is_final = false;

  Instant ready_by = Instant::never();
  Instant terminate_at = Instant::never();
  Instant kill_at = Instant::never();
};

}  // namespace eventmq
