// One process of the simulated system: it lives, hangs, crashes and starts again, and has a clock of its own
// that can step forward.
#pragma once

#include <deque>
#include <functional>
#include <string>

#include "sim/world.h"

namespace eventmq::sim {

class Process {
 public:
  Process(World& world, std::string name) : world_(world), name_(std::move(name)) {}
  virtual ~Process() = default;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  const std::string& name() const { return name_; }
  bool alive() const { return alive_; }
  bool hung() const { return alive_ && hung_until_ > world_.now(); }
  // Counts starts and crashes: what was meant for one life must not reach the next.
  uint64_t life() const { return life_; }
  // This process' clock: it never goes back.
  Instant clock() const { return world_.now() + skew_; }

  void start();
  void crash();
  // Ends without a crash: the process itself decided to.
  void exit();
  // Does nothing for so long; what arrives meanwhile waits and is then handled in its order.
  void hang(Duration duration);
  void step_clock(Duration forward);

  // Runs the action as part of this process: now, or when the hang is over; never in a later life.
  void enter(std::function<void()> action);
  void enter_after(Duration delay, std::function<void()> action);

 protected:
  // The next on_wake() comes at this time of clock(), and not before; it replaces the one set before.
  void wake_at(Instant clock_time);
  void note(std::string_view text) { world_.note(name_, text); }

  virtual void on_start() = 0;
  virtual void on_end() = 0;  // after a crash or exit
  virtual void on_wake() {}

  World& world_;

 private:
  void end_life();
  void wake(uint64_t generation);
  void resume();

  std::string name_;
  bool alive_ = false;
  uint64_t life_ = 0;
  Duration skew_;
  Instant hung_until_;
  std::deque<std::function<void()>> backlog_;
  Instant wake_time_ = Instant::never();
  uint64_t wake_generation_ = 0;
  Instant last_wake_;
  int wakes_at_once_ = 0;
};

}  // namespace eventmq::sim
