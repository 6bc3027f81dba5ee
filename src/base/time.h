// Time as values. No code below src/runtime reads a clock: whoever runs it passes the Instant in.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace eventmq {

// A span of time in microseconds.
struct Duration {
  int64_t us = 0;

  auto operator<=>(const Duration&) const = default;
  constexpr Duration operator+(Duration other) const { return {us + other.us}; }
  constexpr Duration operator-(Duration other) const { return {us - other.us}; }
  constexpr Duration operator*(int64_t factor) const { return {us * factor}; }
  constexpr Duration operator/(int64_t divisor) const { return {us / divisor}; }
  constexpr int64_t ms() const { return us / 1000; }
  constexpr double seconds() const { return static_cast<double>(us) / 1e6; }
};

constexpr Duration microseconds(int64_t count) { return {count}; }
constexpr Duration milliseconds(int64_t count) { return {count * 1000}; }
constexpr Duration seconds(int64_t count) { return {count * 1'000'000}; }
// Fractions of a second as peers and people write them. The caller bounds the value (limits.h).
constexpr Duration seconds_of(double count) { return {static_cast<int64_t>(count * 1e6)}; }

// A point in time: microseconds since the Unix epoch, read from a clock that is set once when the program
// starts and from then on only moves forward, whatever happens to the wall clock. So instants of one run
// never go back, and an instant written to the store still has a meaning after a restart.
struct Instant {
  int64_t us = 0;

  auto operator<=>(const Instant&) const = default;
  constexpr Instant operator+(Duration span) const { return {us + span.us}; }
  constexpr Instant operator-(Duration span) const { return {us - span.us}; }
  constexpr Duration operator-(Instant other) const { return {us - other.us}; }

  // Later than every real instant: "no deadline", "no wake-up needed".
  static constexpr Instant never() { return {std::numeric_limits<int64_t>::max()}; }
};

}  // namespace eventmq
