// The inside of the Executor, shared by the sources that implement it: executor_processes.cc (start, stop),
// executor_restart.cc (other settings), executor_messages.cc (what processes say) and executor_jobs.cc (give out, time,
// settle).
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "src/executor/executor.h"
#include "src/executor/job_message.h"
#include "src/executor/worker_process.h"

namespace eventmq {

// What of a process a descriptor is; in the low bits of its epoll data.
enum ProcessPart : uint64_t { kChannel = 0, kOutput = 1, kExit = 2 };
inline constexpr uint64_t kPartBits = 2;

// A place for a worker process; while it has none, one is started at start_at.
struct ProcessSlot {
  std::unique_ptr<WorkerProcess> worker;
  uint32_t failures = 0;  // processes in a row that died without having done a job, and not because of one
  Instant start_at;
};

// The first process with other settings; it has no slot.
struct Trial {
  ExecutorSettings settings;
  std::unique_ptr<WorkerProcess> worker;
};

struct WaitingCall {
  ExecutorJob job;
  JobCall call;  // slices of job.payload
};

struct Executor::State {
  explicit State(ExecutorSettings given);

  // --- Processes ---
  void start_missing(Instant now);
  void start_process(ProcessSlot& slot, Instant now);
  std::unique_ptr<WorkerProcess> launch(const ExecutorSettings& with, ChildProcess child, Instant now);
  void watch(int descriptor, const WorkerProcess& worker, ProcessPart part, uint32_t events);
  void unwatch(int descriptor);
  void send(WorkerProcess& worker, const std::string& line);
  void update_write_interest(WorkerProcess& worker);
  void terminate(WorkerProcess& worker, Instant now);
  void kill(WorkerProcess& worker);
  void retire(std::unique_ptr<WorkerProcess> worker, Instant now);
  void tell_to_stop(WorkerProcess& worker, Instant now);
  void on_start_failure(ProcessSlot& slot, const std::string& reason, Instant now);
  void give_up(const std::string& reason);

  // --- Other settings ---
  void start_trial(ExecutorSettings wanted, Instant now);
  bool is_trial(const WorkerProcess& worker) const;
  void adopt_trial(Instant now);
  void end_trial(Instant now);
  void refuse_trial(const std::string& reason);
  void replace_all(Instant now);

  // --- What they say ---
  void on_event(uint64_t data, uint32_t events, Instant now);
  void read_channel(WorkerProcess& worker, size_t budget, Instant now);
  void read_output(WorkerProcess& worker, size_t budget);
  void log_output(const WorkerProcess& worker, const std::vector<std::string>& lines);
  void on_line(WorkerProcess& worker, std::string_view line, Instant now);
  void on_message(WorkerProcess& worker, WorkerReady& ready, Instant now);
  void on_message(WorkerProcess& worker, WorkerResult& result, Instant now);
  void on_message(WorkerProcess& worker, WorkerProgress& progress, Instant now);
  void on_message(WorkerProcess& worker, WorkerLog& line, Instant now);
  void on_message(WorkerProcess& worker, WorkerFailed& failed, Instant now);
  void break_off(WorkerProcess& worker, std::string_view type, const std::string& problem);
  void on_exit(WorkerProcess& worker, Instant now);
  void remove(WorkerProcess& worker, const ExitStatus& status, bool was_busy, Instant now);

  // --- Jobs ---
  void assign(Instant now);
  void begin(WorkerProcess& worker, WaitingCall waiting, Instant now);
  void settle(WorkerProcess& worker, Outcome outcome, std::string payload);
  void settle_unstarted(const ExecutorJob& job, Outcome outcome, std::string payload);
  void hand_back_waiting(std::string_view reason);
  void pass_on_report(WorkerProcess& worker);
  void release(WorkerProcess& worker, Instant now);
  void timers(WorkerProcess& worker, Instant now);
  void end_drain(Instant now);
  ProcessSlot* slot_of(const WorkerProcess& worker);
  void log(bool warning, std::string text) { out.push_back(ExecutorLog{warning, std::move(text)}); }

  ExecutorSettings settings;
  FileDescriptor epoll;
  std::vector<ProcessSlot> slots;
  std::vector<std::unique_ptr<WorkerProcess>> retired;  // told to stop, and replaced
  std::optional<Trial> trial;
  bool trial_refused = false;                              // the last one
  std::unordered_map<uint64_t, WorkerProcess*> by_number;  // all of these
  std::deque<WaitingCall> waiting;
  std::vector<ExecutorEvent> out;
  uint64_t last_number = 0;
  size_t running = 0;
  bool ever_ready = false;
  bool names_logged = false;
  bool failed = false;
  bool draining = false;
  bool stopping = false;
  Instant drain_kill_at = Instant::never();
};

}  // namespace eventmq
