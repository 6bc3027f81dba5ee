#include "sim/jobs.h"

#include <fmt/format.h>

#include "src/base/siphash.h"

namespace eventmq::sim {

std::string_view job_id_of(std::string_view request_id) { return request_id.substr(0, request_id.rfind('~')); }

std::string handler_value(std::string_view request_id, uint32_t attempt) {
  return fmt::format(R"({{"value": "{} at {}"}})", job_id_of(request_id), attempt);
}

std::string Jobs::new_id(std::string_view maker) {
  ids_.push_back(fmt::format("{}-{}", maker, next_number_++));
  return ids_.back();
}

const JobSpec& Jobs::draw(std::string_view maker) {
  JobSpec spec;
  spec.id = new_id(maker);
  // The empty name is the default queue; nobody serves `later` before the simulation's end.
  const int64_t draw = world_.between(0, 99);
  spec.queue = draw < 10 ? "" : draw < 13 ? "later" : world_.pick(queues_);
  spec.headers = draw_headers();
  spec.handler = draw_handler();
  add_result_ttl(spec);
  if (spec.handler.killing_attempts > 0) world_.note("jobs", fmt::format("{} kills its workers", spec.id));
  return specs_[spec.id] = spec;
}

// From what was drawn, not by a draw: seeds keep their stories.
void Jobs::add_result_ttl(JobSpec& spec) {
  Prng prng(siphash(1, 2, spec.id + spec.queue + spec.headers));
  if (!prng.chance(40)) return;
  constexpr int kTimes[] = {2, 20, 300, 3000};
  spec.headers += fmt::format("{}result-ttl:{}", spec.headers.empty() ? "" : ",", kTimes[prng.below(4)]);
}

std::string Jobs::draw_headers() {
  std::string text;
  const auto add = [&](std::string_view header) {
    if (!text.empty()) text += ',';
    text += header;
  };
  Prng& prng = world_.prng;
  if (prng.chance(60)) add("reply-requested");
  const auto kind = prng.below(3);
  if (kind == 1) add(fmt::format("retry-count:{}", world_.between(1, 4)));
  if (kind == 2) add("guarantee");
  if (kind == 2 && prng.chance(40)) add(fmt::format("retry-count:{}", world_.between(1, 3)));
  if (prng.chance(15)) add(fmt::format("delay:{}", world_.between(1, 20)));
  if (prng.chance(10)) add(fmt::format("expires:{}", world_.between(1, 30)));
  if (prng.chance(30)) add(fmt::format("priority:{}", world_.between(0, 9)));
  if (prng.chance(15)) add(fmt::format("timeout:{}", world_.between(1, 5)));
  if (prng.chance(5)) add(fmt::format("unique:key{}", world_.between(0, 3)));
  if (prng.chance(10)) add(fmt::format("backoff:{}", world_.between(1, 3)));
  if (prng.chance(5)) add("x-unknown:7");
  return text;
}

Handler Jobs::draw_handler() {
  Handler handler;
  Prng& prng = world_.prng;
  const int64_t length = world_.between(0, 99);
  handler.runs = length < 70   ? world_.between(milliseconds(1), milliseconds(300))
                 : length < 92 ? world_.between(milliseconds(300), seconds(4))
                               : world_.between(seconds(4), seconds(25));
  if (prng.chance(20)) handler.failing_attempts = static_cast<uint32_t>(world_.between(1, 5));
  if (handler.failing_attempts > 0) {
    const Outcome failures[] = {Outcome::kError, Outcome::kError, Outcome::kKilled, Outcome::kUnknownJob};
    handler.failure = failures[prng.below(4)];
  }
  if (prng.chance(2)) handler.killing_attempts = static_cast<uint32_t>(prng.chance(50) ? 1 : 100);
  handler.reports_progress = prng.chance(20);
  return handler;
}

Handler Jobs::handler_of(std::string_view request_id) const {
  const auto found = specs_.find(job_id_of(request_id));
  return found == specs_.end() ? Handler() : found->second.handler;
}

void Jobs::begun(std::string_view request_id, uint32_t attempt, bool plain, uint64_t broker_life) {
  const std::string id(job_id_of(request_id));
  std::set<uint32_t>& attempts = begun_[{id, broker_life}];
  const bool again = !attempts.insert(attempt).second;
  if (again || (plain && attempts.size() > 1)) {
    world_.violate("begun-twice",
                   fmt::format("{} attempt {} begins, and {} was begun", id, attempt, again ? "it" : "the plain job"));
  }
}

std::string Jobs::any_id() { return ids_.empty() ? "" : world_.pick(ids_); }

}  // namespace eventmq::sim
