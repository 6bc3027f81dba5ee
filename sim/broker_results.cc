// Of each guaranteed job whose end was durable, and that asked for it, the result must be there until its time is over,
// in this life of the broker and the next.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "sim/broker_host.h"

namespace eventmq::sim {
namespace {

bool ends_in(const Effects& effects, const std::string& id) {
  return std::ranges::any_of(effects.records, [&](const JobRecord& record) {
    const auto* ended = std::get_if<JobEnded>(&record);
    return ended && ended->id == id;
  });
}

}  // namespace

// The model may know earlier than the broker that a job has expired.
void BrokerHost::note_results(const Effects& effects) {
  for (ModelResult& result : model_->results) {
    if (result.outcome == Outcome::kExpired && !ends_in(effects, result.id)) continue;
    awaited_results_.emplace_back(effects.commit, std::move(result));
  }
}

void BrokerHost::results_committed() {
  while (!awaited_results_.empty() && awaited_results_.front().first <= store_->committed()) {
    ModelResult& result = awaited_results_.front().second;
    results_[result.id] = result;
    awaited_results_.pop_front();
  }
}

void BrokerHost::check_results_after_restart() {
  std::erase_if(results_, [&](const auto& entry) { return entry.second.until <= clock(); });
  for (const auto& [id, result] : results_) {
    const std::optional<FoundResult> found =
        disk_.answer({.id = Bytes(id), .now = clock(), .visits = 0, .result_bytes = 0}).result;
    if (!found || found->kept.outcome != result.outcome) {
      world_.violate("result", fmt::format("{} ended {}, and the store says {}", id, outcome_word(result.outcome),
                                           found ? outcome_word(found->kept.outcome) : "nothing"));
    }
    world_.coverage.count(Covered::kResultSurvived);
  }
}

// One after the other, round and round.
void BrokerHost::ask_for_result() {
  if (asking_for_result_ || results_.empty() || !store_->available() || stopping_) return;
  auto next = results_.upper_bound(result_asked_);
  if (next == results_.end()) next = results_.begin();
  result_asked_ = next->first;
  asking_for_result_ = true;
  const std::string arguments = fmt::format(R"({{"id": "{}"}})", result_asked_);
  step_once(MessageArrived{Side::kAdministrative,
                           kInquirer,
                           {Bytes::literal("inquiry"), Query{Bytes::literal("result"), Bytes(arguments)}}});
  step_failures();
}

void BrokerHost::judge_result(const Send& send) {
  asking_for_result_ = false;
  const ModelResult result = results_.at(result_asked_);
  if (const auto* error = std::get_if<ErrorMessage>(&send.message.body)) {
    if (error->error.code == ErrorCode::kStoreUnavailable) return;
    // The answer is as of when it was asked for, or a little later.
    if (result.until > clock() || error->error.code != ErrorCode::kUnknownJob) {
      return world_.violate("result",
                            fmt::format("the result of {} is kept, and asked for: {}", result.id, error->error.text));
    }
    world_.coverage.count(Covered::kResultOver);
    results_.erase(result_asked_);
    return;
  }
  const auto* reply = std::get_if<Reply>(&send.message.body);
  if (!reply || !reply->has_outcome || reply->outcome != result.outcome) {
    return world_.violate("result", fmt::format("{} ended {}, and when asked the broker says {}", result.id,
                                                outcome_word(result.outcome), describe(send.message)));
  }
  world_.coverage.count(Covered::kResultFound);
}

}  // namespace eventmq::sim
