// A readable line for every event of a simulation. Lines are made only when someone wants them; a hash of
// what would be in them is kept always, so that two runs of a seed can be compared.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "src/base/time.h"
#include "src/wire/messages.h"

namespace eventmq::sim {

// "REQUEST j17 queue=default headers=guarantee attempt=2".
std::string describe(const Message& message);

class Trace {
 public:
  enum class Mode {
    kOff,
    kKeepLast,  // remember the last lines, to be shown if a rule is broken
    kPrint,     // to standard output as it happens
  };
  Trace(Mode mode, Instant start) : mode_(mode), start_(start) {}

  void message(Instant now, std::string_view who, std::string_view arrow, const Message& message);
  void note(Instant now, std::string_view who, std::string_view text);
  // Equal for two runs in which the same happened at the same times.
  uint64_t hash() const { return hash_; }
  const std::deque<std::string>& last_lines() const { return last_lines_; }

 private:
  void mix(Instant now, std::string_view text);
  void line(Instant now, std::string_view who, const std::string& text);

  Mode mode_;
  Instant start_;
  uint64_t hash_ = 0xcbf29ce484222325ull;
  std::deque<std::string> last_lines_;
};

}  // namespace eventmq::sim
