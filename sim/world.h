// What every part of one simulation shares: time, randomness, and the books.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>

#include "sim/coverage.h"
#include "sim/event_queue.h"
#include "sim/trace.h"
#include "src/base/prng.h"

namespace eventmq::sim {

// A rule that was broken, and how.
struct Violation {
  std::string rule;  // short and stable: "one-reply"
  std::string text;
};

// Bugs put in on purpose around the broker, to see that the checkers notice.
enum class Sabotage : uint8_t {
  kNone,
  // Seen by the model:
  kHideReply,       // a REPLY to a client is not made
  kDoubleReply,     // a REPLY to a client is made twice
  kWrongOutcome,    // a REPLY to a client says something else
  kDoubleDispatch,  // a REQUEST is given to a worker twice
  kWrongWorker,     // a REQUEST goes to somebody else
  kIgnoreCommits,   // a send does not wait for its commit
  kForgetRecord,    // a record does not reach the store
  kForgetResult,    // a result is not kept
  kForgetSync,      // what is told to be durable is not on the disk yet
  kNoFence,         // the store takes what a broker of before another one has written
  kCorruptStatus,   // a counter in the status is wrong
  // Behind the model's back:
  kDropReply,    // a REPLY to a client vanishes
  kDropRequest,  // a REQUEST to a worker vanishes
  kDropAck,      // an ACK to a client vanishes
};

struct World {
  World(uint64_t seed, Trace::Mode mode, Sabotage bug = Sabotage::kNone, int times = 0)
      : queue(kStart),
        prng(seed),
        trace(mode, kStart),
        sabotage(bug),
        sabotage_left(bug == Sabotage::kNone ? 0 : times) {}

  static constexpr Instant kStart{1'800'000'000'000'000};

  EventQueue queue;
  Prng prng;
  Trace trace;
  Coverage coverage;
  std::optional<Violation> violation;  // the first; the simulation stops at it
  const Sabotage sabotage;
  int sabotage_left;  // how often it is still to be done

  Instant now() const { return queue.now(); }
  void note(std::string_view who, std::string_view text) { trace.note(now(), who, text); }
  void violate(std::string rule, std::string text) {
    note("VIOLATION", fmt::format("{}: {}", rule, text));
    if (!violation) violation = Violation{std::move(rule), std::move(text)};
  }
  // True, and one use is taken, if this is the bug to be put in now.
  bool sabotage_now(Sabotage what) {
    if (sabotage != what || sabotage_left == 0) return false;
    --sabotage_left;
    return true;
  }

  // --- Draws ---
  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(prng.below(static_cast<uint64_t>(high - low + 1)));
  }
  Duration between(Duration low, Duration high) { return microseconds(between(low.us, high.us)); }
  template <class Container>
  auto& pick(Container& from) {
    return from[prng.below(from.size())];
  }
};

}  // namespace eventmq::sim
