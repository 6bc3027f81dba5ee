// How attempts and jobs end in the model.
#include <fmt/format.h>

#include <algorithm>

#include "sim/broker_model.h"

namespace eventmq::sim {

void BrokerModel::drop_worker(const PeerKey& key) {
  if (workers_.erase(key) == 0) return;
  std::vector<ModelJob*> lost;
  for (const auto& [number, job] : unfinished_) {
    if (job->state == ModelJob::State::kRunning && job->worker == key) lost.push_back(job);
  }
  for (ModelJob* job : lost) attempt_lost(*job);
}

// The worker said how the attempt ended.
void BrokerModel::attempt_failed(ModelJob& job, Outcome outcome) {
  job.lost = job.loss_charged = job.handed_back = false;
  if (outcome == Outcome::kKilled && job.headers.guarantee) {
    ++job.losses;
    if (!job.cancel_requested && job.losses < settings_.max_deliveries) return wait(job, true);
    return end(job, outcome);
  }
  const bool failed = outcome == Outcome::kError || outcome == Outcome::kTimeout || outcome == Outcome::kKilled;
  if (failed && !job.cancel_requested && job.retries_used < job.headers.retry_count) return retry(job);
  if (failed && job.headers.retry_count > 0 && !job.cancel_requested) world_.coverage.count(Covered::kRetriesExhausted);
  end(job, outcome);
}

void BrokerModel::attempt_lost(ModelJob& job) {
  ++job.losses;
  job.lost = true;
  job.loss_charged = job.handed_back = false;
  if (job.cancel_requested) return end(job, Outcome::kCancelled);
  if (job.headers.guarantee) {
    if (job.losses < settings_.max_deliveries) return wait(job, true);
    world_.coverage.count(Covered::kPoisonJob);
  } else if (job.retries_used < job.headers.retry_count) {
    job.loss_charged = true;
    return retry(job);
  }
  world_.coverage.count(Covered::kJobLost);
  end(job, Outcome::kLost);
}

void BrokerModel::hand_back(ModelJob& job) {
  world_.coverage.count(Covered::kJobReturned);
  --job.attempt;
  job.lost = job.loss_charged = false;
  job.handed_back = true;
  if (job.cancel_requested) return end(job, Outcome::kCancelled);
  wait(job, true);
}

void BrokerModel::wait(ModelJob& job, bool keep_order) {
  job.state = ModelJob::State::kWaiting;
  if (!keep_order || job.ready_order == 0) job.ready_order = step_;
  // Of n picks one is the oldest's, so whatever is in line before it is picked within so many; each of those
  // may come back to its old place as often as it may be delivered.
  const auto older = std::count_if(unfinished_.begin(), unfinished_.end(), [&](const auto& entry) {
    const ModelJob& other = *entry.second;
    const bool may_be_in_line = other.state != ModelJob::State::kDelayed || other.orphaned;
    return &other != &job && other.queue == job.queue && may_be_in_line;
  });
  const ModelQueue& queue = queues_[job.queue];
  job.picks_at_ready = queue.picks;
  job.picks_allowed = (static_cast<uint64_t>(older) * settings_.max_deliveries + 2) * limits::kOldestFirstEvery;
}

void BrokerModel::retry(ModelJob& job) {
  ++job.retries_used;
  job.state = ModelJob::State::kRetryWait;
  Duration base = std::min(job.headers.backoff.value_or(settings_.retry_backoff), settings_.retry_backoff_max);
  for (uint32_t i = 1; i < job.retries_used; ++i) base = std::min(base * 2, settings_.retry_backoff_max);
  job.not_before = now_ + base / 2;  // the jitter takes at most half
}

void BrokerModel::end(ModelJob& job, Outcome outcome) {
  if (!job.unfinished()) return violate("one-end", fmt::format("{} ends twice", job.id));
  job.state = ModelJob::State::kEnded;
  job.outcome = outcome;
  unfinished_.erase(job.number);
  ModelQueue& queue = queues_[job.queue];
  switch (outcome) {
    case Outcome::kOk:
      ++queue.done;
      world_.coverage.count(Covered::kJobDone);
      break;
    case Outcome::kExpired:
      ++queue.expired;
      ++queue.expiries;
      world_.coverage.count(Covered::kJobExpired);
      break;
    case Outcome::kCancelled:
      ++queue.cancelled;
      world_.coverage.count(Covered::kJobCancelled);
      break;
    default:
      ++queue.dead;
  }
  if (job.headers.guarantee && job.headers.result_ttl.us > 0) {
    results.push_back({job.id, outcome, now_ + job.headers.result_ttl});
  }
  if (job.headers.reply_requested) due_replies_[job.id] = {outcome, job.askers};
  for (const auto& [request_id, askers] : job.followers) {
    due_replies_[request_id] = {outcome, askers};
    merged_ends_[request_id] = outcome;
  }
}

// What is not durable is lost with the broker, and who asked is told.
void BrokerModel::shut_down() {
  if (!draining_) violate("drain", "the broker stops unasked");
  stopped_ = true;
  for (const auto& [number, job] : unfinished_) {
    if (job->headers.guarantee) continue;
    if (job->headers.reply_requested) due_replies_[job->id] = {Outcome::kLost, job->askers};
    for (const auto& [request_id, askers] : job->followers) due_replies_[request_id] = {Outcome::kLost, askers};
  }
}

}  // namespace eventmq::sim
