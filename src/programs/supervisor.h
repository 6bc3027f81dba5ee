// Keeps the parts of a system running as child processes: starts the router, waits until it answers, starts the job
// managers, passes on what all of them log, starts again what dies, and stops them in order.
//
// Each part is the leader of a process group of its own, so that Ctrl-C at the terminal reaches the supervisor only. If
// the supervisor is killed, the kernel tells every part to stop.
//
// One thread; run() returns when all parts have ended.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/time.h"
#include "src/programs/exit_code.h"
#include "src/runtime/signals.h"

namespace eventmq {

struct PartSpec {
  std::string name;                  // in front of its log lines
  std::vector<std::string> command;  // file and arguments
  Duration stop_limit;               // from TERM to KILL
};

struct SupervisorPlan {
  PartSpec router;
  std::vector<PartSpec> job_managers;
  // Asked again and again while things start. They may block for a fraction of a second.
  std::function<bool()> router_answers;
  std::function<bool()> job_managers_are_connected;
  std::function<void(std::string_view)> print;  // takes finished lines
  std::string ready_text;                       // said when everything runs
  // Asked when HUP comes: whether the terminal is gone, which is an order to stop. Null: never.
  std::function<bool()> terminal_is_gone = nullptr;
  // Called when HUP is passed on: gives the parts the stop limits of the settings as they are now. Null: they stay.
  std::function<void(SupervisorPlan&)> read_limits_again = nullptr;

  Duration ask_interval = milliseconds(100);
  Duration start_patience = seconds(60);       // until it is said, once and again, what is waited for at the start
  Duration restart_delay = milliseconds(500);  // doubles with every restart
  Duration restart_delay_max = seconds(30);
  Duration hurry_limit = seconds(10);  // for the router, when it was told to stop at once
  Duration calm_after = seconds(60);   // a part that has run so long begins again with the first delay
};

// TERM and INT stop everything in order. When they come again the job managers are killed with their jobs; the router,
// which may be making something durable, is told to stop at once and has hurry_limit for it. The third time kills it
// too. HUP is passed on.
class Supervisor {
 public:
  // `signals` catches TERM, INT, HUP and CHLD.
  Supervisor(SupervisorPlan plan, SignalCatcher& signals);
  ~Supervisor();

  // kExitDone after an orderly stop (asked for by a signal, or by `emq shutdown` at the router), kExitFailed when a
  // part did not come up or had to be killed.
  ExitCode run();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace eventmq
