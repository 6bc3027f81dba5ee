#include "sim/coverage.h"

#include <fmt/format.h>

namespace eventmq::sim {
namespace {

constexpr std::string_view kNames[] = {
#define EVENTMQ_X(name, text) text,
    EVENTMQ_SIM_COVERAGE(EVENTMQ_X)
#undef EVENTMQ_X
};

}  // namespace

std::string_view covered_name(Covered what) { return kNames[static_cast<size_t>(what)]; }

void Coverage::add(const Coverage& other) {
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
}

std::string Coverage::report() const {
  std::string text;
  for (size_t i = 0; i < counts_.size(); ++i) {
    text += fmt::format("{:>12}  {}{}\n", counts_[i], kNames[i], counts_[i] == 0 ? "   <-- never happened" : "");
  }
  return text;
}

}  // namespace eventmq::sim
