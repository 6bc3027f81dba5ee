// Runs jobs in worker processes, one job at a time in each: starts the processes ahead, feeds them, stops what runs too
// long, replaces what dies, and says how every job ended. Event driven: one thread owns an Executor and calls step()
// when descriptor() is readable and at next_wake(). It has no thread, clock or blocking call of its own.
//
//   Executor executor(settings, now);
//   executor.run(job, now);                     // or cancel(), drain(), restart()
//   wait until executor.descriptor() is readable, or executor.next_wake()
//   executor.step(now, events);                 // JobSettled for every job, exactly once
//
// The thread that calls step() must live as long as the processes shall: the kernel kills them when it ends, so that
// none outlives a job manager that was killed. Descriptions of the endings: docs/worker_protocol.md.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "src/base/bytes.h"
#include "src/base/result.h"
#include "src/base/time.h"
#include "src/executor/worker_protocol.h"
#include "src/wire/messages.h"

namespace eventmq {

struct ExecutorSettings {
  std::vector<std::string> command;  // of a worker process: file and arguments
  uint32_t processes = 4;
  uint32_t max_job_count = 1024;  // after so many jobs a process is replaced; 0: never
  WorkerHooks hooks;
  Duration global_timeout;                // of jobs that name none; 0: never
  Duration terminate_grace = seconds(2);  // from SIGTERM to SIGKILL
  Duration cancel_grace = seconds(3);     // from `cancel` to SIGTERM
  Duration start_timeout = seconds(120);  // from start to `ready`
  bool operator==(const ExecutorSettings&) const = default;
};

struct ExecutorJob {
  Bytes request_id;  // no other job that is with this executor has it
  uint32_t attempt = 1;
  Bytes queue;
  Bytes payload;                    // the job message (job_message.h)
  std::optional<Duration> timeout;  // 0: never; absent: global_timeout
};

// --- Events ---
struct JobSettled {
  Bytes request_id;
  uint32_t attempt;
  Outcome outcome;
  Bytes payload;
};
struct JobReported {
  Bytes request_id;
  double fraction;
  Bytes text;
};
struct ExecutorLog {
  bool warning;
  std::string text;
};
// Worker processes have failed at their start again and again, or for good, and none has ever been ready: nothing will
// run. Said once; no process is started from then on.
struct ExecutorFailed {
  Error error;
};
using ExecutorEvent = std::variant<JobSettled, JobReported, ExecutorLog, ExecutorFailed>;

class Executor {
 public:
  // Starts the processes. settings.processes is 1 to limits::kSlots.
  Executor(ExecutorSettings settings, Instant now);
  // Kills what still runs.
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Takes a job, which begins as soon as a process is free for it. While draining it is given back.
  void run(ExecutorJob job, Instant now);
  // Ends the job as `cancelled`: at once if it has not begun; else its handler is told, and later its process stopped.
  // A job that ends by itself before it notices keeps its own outcome. An id that is not here is ignored.
  void cancel(const Bytes& request_id, Instant now);
  // Starts a process with these settings; once it is ready, every other is replaced, each after the job that it runs.
  // If it cannot serve, that is logged and nothing changes. The number of processes stays.
  void restart(ExecutorSettings settings, Instant now);
  // No process could serve with the settings of the last restart().
  bool restart_refused() const;
  // Gives back what has not begun and takes nothing more. What still runs at `kill_at` is killed (outcome `killed`).
  // May be called again with another time.
  void drain(Instant kill_at, Instant now);
  // Gives back what has not begun, as drain() does, and goes on.
  void hand_back_waiting();
  // Tells the processes to end; for when no job is left. finished() tells when they have.
  void stop(Instant now);

  // Readable when step() has something to do.
  int descriptor() const;
  Instant next_wake() const;
  // Does what is due, a bounded amount, and appends what happened to `out`.
  void step(Instant now, std::vector<ExecutorEvent>& out);

  // True once any process has been ready.
  bool ready() const;
  // A process is ready or runs a job.
  bool serves() const;
  // A place is empty, or not yet proven, because its last process ended before it had done a job.
  bool start_failed() const;
  size_t running_jobs() const;
  size_t waiting_jobs() const;
  // No process is left.
  bool finished() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace eventmq
