// The job manager: joins the worker's end of the conversation with the broker (src/session), its connection
// (src/transport), the worker processes (src/executor), the clock and the operator's signals. What to say is the
// session's decision, what becomes of a job the executor's; the loop carries messages between them.
//
//   JobManagerLoop loop(context, options, {.signals = &signals});
//   Result<void> ended = loop.run();          // until it is told to stop
//
// One thread constructs the loop and calls run(), and must live until run() returns: the worker processes die with
// it. What other threads may call says so.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "src/executor/executor.h"
#include "src/runtime/clock.h"
#include "src/runtime/log.h"
#include "src/runtime/process_watch.h"
#include "src/runtime/signals.h"
#include "src/session/worker_session.h"
#include "src/transport/dealer_socket.h"
#include "src/transport/poller.h"
#include "src/transport/wakeup.h"

namespace eventmq {

struct JobManagerOptions {
  // Slots are worker processes: session.slots is the number of both.
  WorkerSessionSettings session;
  // executor.command: empty for this very program as worker, with `plugins` loaded (its main must begin with
  // run_worker_process(), eventmq/worker.h). executor.processes is not read.
  ExecutorSettings executor;
  std::vector<std::string> plugins;           // setting load
  bool plugins_rebuilt = false;               // in a reload: one of them is another file under its old name
  Duration kill_grace_period = seconds(300);  // from the order to stop until running jobs are killed
  Duration unserved_patience = seconds(2);    // without a process that serves, until the broker is left for then
  SocketOptions sockets;
};

// What the loop is given. `signals` and whatever `reload` refers to must outlive it.
struct JobManagerParts {
  LogSink log = spdlog_sink();
  // TERM and INT ask to finish what runs and stop, and stop at once when they come again; HUP calls `reload`.
  SignalCatcher* signals = nullptr;
  // Reads the settings again; nothing if they are as they were. The grace period takes effect, and the executor's
  // settings and the plug-ins, for which every worker process is replaced, after the job that it runs. An error is
  // logged and changes nothing. Settings that no process could serve with are tried again, also if it says nothing.
  std::function<Result<std::optional<JobManagerOptions>>()> reload = nullptr;
};

class JobManagerLoop {
 public:
  JobManagerLoop(ZmqContext& context, JobManagerOptions options, JobManagerParts parts);
  ~JobManagerLoop();
  JobManagerLoop(const JobManagerLoop&) = delete;
  JobManagerLoop& operator=(const JobManagerLoop&) = delete;

  // Runs until it has drained. Errors: kSystem (no worker process can be started).
  Result<void> run();

  // From any thread: take no more jobs, finish or hand back what is held, and end.
  void request_drain();
  // From any thread: kill what runs, say so to the broker, and end.
  void stop();

 private:
  void wait();
  Instant next_wake() const;
  void take_requests();
  void take_signals();
  void begin_drain();
  void kill_running();
  void reload();
  bool take_over(JobManagerOptions options);
  void start_session_when_ready();
  void leave_or_return();
  void leave_broker();
  void finish_when_session_ended();
  bool ended() const;

  void step_executor();
  void on_event(JobSettled& event);
  void on_event(JobReported& event);
  void on_event(ExecutorLog& event);
  void on_event(ExecutorFailed& event);

  void receive_turn();
  void receive_message(const Frames& frames);
  void step_session(WorkerEvent event);
  void on_effect(Connect& effect);
  void on_effect(ToBroker& effect);
  void on_effect(StartJob& effect);
  void on_effect(CancelJob& effect);
  void on_effect(SessionAway& effect);
  void on_effect(SessionEnded& effect);
  void on_effect(SessionLog& effect);

  void log(LogLevel level, std::string_view text) { log_.write(level, text, now_); }

  JobManagerOptions options_;
  JobManagerParts parts_;
  Clock clock_;
  Instant now_;
  LimitedLog log_;
  Poller poller_;
  Wakeup wakeup_;
  DealerSocket socket_;
  WorkerSession session_;
  Executor executor_;
  std::vector<ExecutorEvent> executor_events_;
  ProcessWatch process_watch_;
  bool session_started_ = false;
  bool session_ended_ = false;
  bool link_lost_ = false;  // to be told to the session
  bool refused_ = false;    // the cause of it
  bool more_to_receive_ = false;
  bool draining_ = false;
  Instant drain_signalled_{0};
  std::optional<Instant> end_by_;  // told to stop at once: what cannot be done until then is left
  std::optional<Error> failure_;

  std::atomic<bool> drain_requested_{false};
  std::atomic<bool> stop_requested_{false};
};

// A whole job manager with a context of its own, which takes TERM, INT and HUP for itself. For programs that do nothing
// else. Errors: of JobManagerLoop::run(); kSystem too if its processes need more files than it may open.
Result<void> run_job_manager_loop(JobManagerOptions options,
                                  std::function<Result<std::optional<JobManagerOptions>>()> reload = nullptr);

}  // namespace eventmq
