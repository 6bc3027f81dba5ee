#include "src/store/batch_changes.h"

#include <algorithm>

#include "src/base/assert.h"

namespace eventmq {
namespace {

int64_t& count_of(QueueChange& queue, Outcome outcome) {
  switch (outcome) {
    case Outcome::kOk:
      return queue.done;
    case Outcome::kExpired:
      return queue.expired;
    case Outcome::kCancelled:
      return queue.cancelled;
    default:
      EMQ_ASSERT(is_dead(outcome), "a job ends as {}", outcome_word(outcome));
      return queue.dead;
  }
}

}  // namespace

void BatchChanges::add(const JobRecord& record) {
  std::visit([this](const auto& specific) { add(specific); }, record);
}

JobChange& BatchChanges::change_of(JobKey key) {
  const auto [found, fresh] = job_indexes_.try_emplace(key, jobs_.size());
  if (fresh) jobs_.push_back({.key = key});
  JobChange& change = jobs_[found->second];
  EMQ_ASSERT(!change.ended, "job {} goes on after its end", key);
  return change;
}

size_t BatchChanges::queue_index(std::string_view name) {
  const auto [found, fresh] = queue_indexes_.try_emplace(name, queues_.size());
  if (fresh) queues_.push_back({.name = name});
  return found->second;
}

void BatchChanges::add(const JobAccepted& record) {
  JobChange& change = change_of(record.key);
  EMQ_ASSERT(!change.accepted, "job {} is accepted twice", record.key);
  change.accepted = &record;
  change.queue = queue_index(record.queue.view());
  change.backlog = record.backlog;
  ++queues_[change.queue].accepted;
  last_key_ = std::max(last_key_, record.key);
}

void BatchChanges::add(const AttemptStarted& record) {
  JobChange& change = change_of(record.key);
  change.started = &record;
  change.backlog = false;
  change.running = true;
  change.attempt = record.attempt;
  change.losses = record.losses;
}

void BatchChanges::add(const JobRequeued& record) {
  JobChange& change = change_of(record.key);
  change.requeued = &record;
  change.backlog = record.backlog;
  change.running = false;
  change.attempt = record.attempt;
  change.losses = record.losses;
}

void BatchChanges::add(const JobEnded& record) {
  JobChange& change = change_of(record.key);
  change.ended = &record;
  change.queue = queue_index(record.queue.view());
  ++count_of(queues_[change.queue], record.outcome);
  if (is_dead(record.outcome)) deaths_.push_back(job_indexes_.at(record.key));
  ended_.push_back({record.id.view(), record.outcome, record.ended_at, record.reply_wanted,
                    record.reply_wanted ? record.result.view() : std::string_view()});
}

void BatchChanges::add(const IdRemembered& record) {
  ended_.push_back({record.id.view(), record.outcome, record.ended_at, record.reply_wanted,
                    record.reply_wanted ? record.result.view() : std::string_view()});
}

}  // namespace eventmq
