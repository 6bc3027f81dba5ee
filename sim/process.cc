#include "sim/process.h"

#include <utility>

#include "src/base/assert.h"

namespace eventmq::sim {
namespace {

// A state machine that wants to be woken so often without time passing would burn a processor for ever.
constexpr int kWakesAtOnceMax = 200;

}  // namespace

void Process::start() {
  EMQ_ASSERT(!alive_, "{}", name_);
  alive_ = true;
  ++life_;
  hung_until_ = world_.now();
  note("starts");
  on_start();
}

void Process::crash() {
  if (!alive_) return;
  note("crashes");
  end_life();
}

void Process::exit() {
  if (!alive_) return;
  note("exits");
  end_life();
}

void Process::end_life() {
  alive_ = false;
  ++life_;
  backlog_.clear();
  wake_time_ = Instant::never();
  ++wake_generation_;
  on_end();
}

void Process::hang(Duration duration) {
  if (!alive_ || hung()) return;
  note(fmt::format("hangs for {:.3f} s", duration.seconds()));
  hung_until_ = world_.now() + duration;
  world_.queue.at(hung_until_, [this, life = life_] {
    if (life == life_) resume();
  });
}

void Process::resume() {
  note("runs on");
  while (alive_ && !hung() && !backlog_.empty()) {
    const std::function<void()> action = std::move(backlog_.front());
    backlog_.pop_front();
    action();
  }
}

void Process::step_clock(Duration forward) {
  note(fmt::format("clock steps {:.3f} s forward", forward.seconds()));
  skew_ = skew_ + forward;
  if (!alive_ || wake_time_ == Instant::never()) return;
  const Instant wanted = std::exchange(wake_time_, Instant::never());
  wake_at(wanted);
}

void Process::enter(std::function<void()> action) {
  if (!alive_) return;
  if (hung() || !backlog_.empty()) {
    backlog_.push_back(std::move(action));
  } else {
    action();
  }
}

void Process::enter_after(Duration delay, std::function<void()> action) {
  world_.queue.after(delay, [this, life = life_, action = std::move(action)]() mutable {
    if (life == life_) enter(std::move(action));
  });
}

void Process::wake_at(Instant clock_time) {
  if (!alive_ || clock_time == wake_time_) return;
  wake_time_ = clock_time;
  const uint64_t generation = ++wake_generation_;
  if (clock_time == Instant::never()) return;
  // Loops wake late by what the system's timers and other work cost.
  const Duration late = microseconds(world_.between(0, 1000));
  world_.queue.at(clock_time - skew_ + late, [this, generation] {
    if (generation == wake_generation_) enter([this, generation] { wake(generation); });
  });
}

void Process::wake(uint64_t generation) {
  if (generation != wake_generation_) return;
  wakes_at_once_ = world_.now() == last_wake_ ? wakes_at_once_ + 1 : 0;
  last_wake_ = world_.now();
  wake_time_ = Instant::never();
  if (wakes_at_once_ > kWakesAtOnceMax) {
    world_.violate("busy-loop", fmt::format("{} asks to be woken again and again at one instant", name_));
    return;
  }
  on_wake();
}

}  // namespace eventmq::sim
