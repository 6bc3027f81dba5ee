#include "src/programs/supervisor.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <optional>

#include "src/executor/child_process.h"
#include "src/programs/part.h"
#include "src/runtime/clock.h"

namespace eventmq {
namespace {

enum class Phase { kStartingRouter, kStartingJobManagers, kRunning, kStoppingJobManagers, kStoppingRouter, kEnded };

struct Child {
  Child(const PartSpec& given_spec, Part::LineSink sink)
      : spec(given_spec), part(given_spec.command, std::move(sink)) {}

  const PartSpec& spec;
  Part part;
  Instant started_at{0};
  Duration delay;                   // before the next restart
  std::optional<Instant> start_at;  // waits to be started again
  std::optional<Instant> kill_at;   // told to stop
  Duration limit_told;              // how long it has for that
};

}  // namespace

struct Supervisor::State {
  State(SupervisorPlan given_plan, SignalCatcher& given_signals) : plan(std::move(given_plan)), signals(given_signals) {
    for (const PartSpec& spec : plan.job_managers) name_width = std::max(name_width, spec.name.size());
    name_width = std::max({name_width, plan.router.name.size(), size_t{6}});
    router = make_child(plan.router);
    for (const PartSpec& spec : plan.job_managers) job_managers.push_back(make_child(spec));
  }

  std::unique_ptr<Child> make_child(const PartSpec& spec) {
    auto child = std::make_unique<Child>(spec, [this, name = spec.name](std::string_view line) { print(name, line); });
    child->delay = plan.restart_delay;
    return child;
  }

  void print(std::string_view name, std::string_view line) {
    plan.print(fmt::format("{:<{}} | {}", name, name_width, line));
  }
  void say(std::string_view line) { print("emq up", line); }

  std::vector<Child*> children() {
    std::vector<Child*> all = {router.get()};
    for (auto& child : job_managers) all.push_back(child.get());
    return all;
  }

  bool starting() const { return phase == Phase::kStartingRouter || phase == Phase::kStartingJobManagers; }
  bool stopping() const { return phase >= Phase::kStoppingJobManagers; }

  // --- Starting ---
  void start(Child& child) {
    child.start_at.reset();
    child.started_at = now;
    if (auto started = child.part.start(); !started)
      return give_up(fmt::format("{}: {}", child.spec.name, started.error().text));
  }

  void enter(Phase next) {
    phase = next;
    phase_began = now;
    ask_at = now;
  }

  // Asks whether what was started is there.
  void ask() {
    if (!starting() || now < ask_at) return;
    const bool there = phase == Phase::kStartingRouter ? plan.router_answers() : plan.job_managers_are_connected();
    now = clock.now();
    ask_at = now + plan.ask_interval;
    if (there && phase == Phase::kStartingRouter) {
      enter(Phase::kStartingJobManagers);
      for (auto& child : job_managers) start(*child);
    } else if (there) {
      enter(Phase::kRunning);
      say(plan.ready_text);
    } else if (now - phase_began > plan.start_patience) {
      say(phase == Phase::kStartingRouter ? "the router does not answer yet; its lines above say why"
                                          : "the job managers are not all connected yet; their lines above say why");
      phase_began = now;
    }
  }

  // --- Endings ---
  // A part that is told to stop before it has taken hold of the signal dies of it, and had nothing to end yet.
  static bool stopped_in_order(int status) { return status == 0 || status == 128 + SIGTERM; }

  void reap() {
    for (Child* child : children()) {
      int status = 0;
      if (!child->part.reap(status)) continue;
      child->kill_at.reset();
      ended(*child, status);
    }
    reap_orphans([this](pid_t pid) {
      return std::ranges::any_of(children(), [pid](const Child* child) { return child->part.pid() == pid; });
    });
  }

  void ended(Child& child, int status) {
    if (stopping()) {
      if (!stopped_in_order(status)) {
        say(fmt::format("{} ended with {}", child.spec.name, ending_text(status)));
        exit_code = kExitFailed;
      }
      return;
    }
    const bool is_router = &child == router.get();
    if (starting() && (status != 0 || is_router)) {
      return give_up(
          fmt::format("{} ended at its start with {}; its lines above say why", child.spec.name, ending_text(status)));
    }
    if (is_router && status == 0) {
      say("the router was told to shut down; stopping the rest");
      return stop_all();
    }
    if (now - child.started_at >= plan.calm_after) child.delay = plan.restart_delay;
    child.start_at = now + child.delay;
    say(fmt::format("{} ended with {}; starting it again in {:.1f} s", child.spec.name, ending_text(status),
                    child.delay.seconds()));
    child.delay = std::min(child.delay * 2, plan.restart_delay_max);
  }

  void restart_due() {
    if (stopping()) return;
    for (Child* child : children()) {
      if (child->start_at && now >= *child->start_at) start(*child);
    }
  }

  // --- Stopping ---
  void give_up(const std::string& why) {
    say(why);
    exit_code = kExitFailed;
    stop_all();
  }

  void stop_all() {
    if (stopping()) return;
    enter(Phase::kStoppingJobManagers);
    for (auto& child : job_managers) tell_to_stop(*child);
  }

  void tell_to_stop(Child& child) {
    child.start_at.reset();
    if (!child.part.running()) return;
    child.part.send_signal(SIGTERM);
    set_limit(child, child.spec.stop_limit);
  }

  void set_limit(Child& child, Duration limit) {
    child.limit_told = limit;
    child.kill_at = now + limit;
  }

  void go_on_stopping() {
    for (Child* child : children()) {
      if (!child->kill_at || now < *child->kill_at) continue;
      say(fmt::format("{} did not stop in {:.0f} s; killing it", child->spec.name, child->limit_told.seconds()));
      child->part.send_signal(SIGKILL, true);
      child->kill_at.reset();
    }
    const bool managers_have_ended =
        std::ranges::none_of(job_managers, [](const auto& child) { return child->part.running(); });
    if (phase == Phase::kStoppingJobManagers && managers_have_ended) {
      enter(Phase::kStoppingRouter);
      if (!urge_router_at) tell_to_stop(*router);
    }
    if (urge_router_at && now >= *urge_router_at) {
      router->part.send_signal(SIGTERM);
      urge_router_at = Instant::never();
    }
    if (phase == Phase::kStoppingRouter && !router->part.running()) phase = Phase::kEnded;
  }

  void take_signals() {
    for (int number = signals.next(); number != 0; number = signals.next()) {
      if (number == SIGHUP && plan.terminal_is_gone && plan.terminal_is_gone()) {
        stop_all();
      } else if (number == SIGHUP) {
        pass_on_hup();
      } else if (number == SIGTERM || number == SIGINT) {
        stop_signal();
      }
    }
  }

  // The parts take other limits over, and must not be killed by those of before.
  void pass_on_hup() {
    if (plan.read_limits_again) plan.read_limits_again(plan);
    for (Child* child : children()) child->part.send_signal(SIGHUP);
  }

  void stop_signal() {
    if (times_told > 0 && now - told_at < kSignalEcho) return;
    told_at = now;
    switch (++times_told) {
      case 1:
        if (!stopping()) say("stopping: the job managers first, then the router; once more to kill the job managers");
        return stop_all();
      case 2:
        return hurry();
      default:
        say("killing what still runs");
        exit_code = kExitFailed;
        for (Child* child : children()) child->part.send_signal(SIGKILL, true);
    }
  }

  // With the job managers gone there is nothing that the router could wait for. It is told twice, which makes it stop
  // at once, and only then is what it was making durable finished.
  void hurry() {
    say("killing the job managers; the router finishes what it writes; once more to kill it too");
    exit_code = kExitFailed;
    for (auto& child : job_managers) child->part.send_signal(SIGKILL, true);
    if (!router->part.running()) return;
    router->part.send_signal(SIGTERM);
    set_limit(*router, plan.hurry_limit);
    urge_router_at = now + kSignalEcho * 2;  // if this was the first that it was told
  }

  // --- Waiting ---
  Instant next_wake() {
    Instant next = std::min(starting() ? ask_at : Instant::never(), urge_router_at.value_or(Instant::never()));
    for (Child* child : children()) {
      next = std::min({next, child->start_at.value_or(Instant::never()), child->kill_at.value_or(Instant::never())});
    }
    return next;
  }

  void wait() {
    std::vector<pollfd> items = {{signals.fd(), POLLIN, 0}};
    for (Child* child : children()) {
      if (child->part.fd() >= 0) items.push_back({child->part.fd(), POLLIN, 0});
    }
    const Instant next = next_wake();
    const int64_t left_ms = next == Instant::never() ? -1 : std::max<int64_t>(0, (next - clock.now()).ms() + 1);
    ::poll(items.data(), items.size(), static_cast<int>(std::min<int64_t>(left_ms, 60'000)));
    now = clock.now();
    for (Child* child : children()) child->part.read_output();
  }

  ExitCode run() {
    now = clock.now();
    enter(Phase::kStartingRouter);
    start(*router);
    while (phase != Phase::kEnded) {
      wait();
      take_signals();
      reap();
      ask();
      restart_due();
      if (stopping()) go_on_stopping();
    }
    say(exit_code == kExitDone ? "stopped" : "stopped, not in order");
    return exit_code;
  }

  SupervisorPlan plan;
  SignalCatcher& signals;
  Clock clock;
  Instant now{0};
  Phase phase = Phase::kStartingRouter;
  Instant phase_began{0};
  Instant ask_at{0};
  int times_told = 0;  // to stop, by a signal
  Instant told_at{0};
  std::optional<Instant> urge_router_at;  // once it was told to hurry: when it is told again
  ExitCode exit_code = kExitDone;
  size_t name_width = 0;
  std::unique_ptr<Child> router;
  std::vector<std::unique_ptr<Child>> job_managers;
};

Supervisor::Supervisor(SupervisorPlan plan, SignalCatcher& signals)
    : state_(std::make_unique<State>(std::move(plan), signals)) {}
Supervisor::~Supervisor() = default;

ExitCode Supervisor::run() { return state_->run(); }

}  // namespace eventmq
