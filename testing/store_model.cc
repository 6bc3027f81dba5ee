#include "testing/store_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/base/siphash.h"

namespace eventmq {
namespace {

StoredQueue& queue_of(std::vector<StoredQueue>& queues, const Bytes& name) {
  for (StoredQueue& queue : queues) {
    if (queue.name == name) return queue;
  }
  queues.push_back({.name = name});
  return queues.back();
}

// A payload as its size and what tells it from others of that size.
std::string summary(const Bytes& bytes) { return fmt::format("{}:{:x}", bytes.size(), siphash(1, 2, bytes.view())); }

std::string time_text(Instant at) { return at == Instant::never() ? "never" : fmt::format("{}", at.us); }

}  // namespace

void StoreModel::apply(const JobRecord& record) {
  std::visit([this](const auto& specific) { add(specific); }, record);
}

void StoreModel::add(const JobAccepted& record) {
  StoredJob& job = jobs_[record.key];
  job.accepted = record;
  job.due_at = record.due_at;
  last_key_ = std::max(last_key_, record.key);
  ++queue_of(queues_, record.queue).accepted;
}

void StoreModel::add(const AttemptStarted& record) {
  const auto found = jobs_.find(record.key);
  if (found == jobs_.end()) return;
  StoredJob& job = found->second;
  job.running = true;
  job.attempt = record.attempt;
  job.losses = record.losses;
  job.worker = record.worker;
}

void StoreModel::add(const JobRequeued& record) {
  const auto found = jobs_.find(record.key);
  if (found == jobs_.end()) return;
  StoredJob& job = found->second;
  job.running = false;
  job.attempt = record.attempt;
  job.retries_used = record.retries_used;
  job.losses = record.losses;
  job.due_at = record.due_at;
}

void StoreModel::add(const JobEnded& record) {
  if (jobs_.erase(record.key) == 0) return;
  StoredQueue& queue = queue_of(queues_, record.queue);
  const std::map<Outcome, uint64_t*> counts = {
      {Outcome::kOk, &queue.done}, {Outcome::kExpired, &queue.expired}, {Outcome::kCancelled, &queue.cancelled}};
  const auto count = counts.find(record.outcome);
  ++*(count == counts.end() ? &queue.dead : count->second);
  ended_.push_back(
      {record.id, record.outcome, record.ended_at, record.reply_wanted, record.reply_wanted ? record.result : Bytes()});
}

void StoreModel::add(const IdRemembered& record) {
  ended_.push_back(
      {record.id, record.outcome, record.ended_at, record.reply_wanted, record.reply_wanted ? record.result : Bytes()});
}

StoredState StoreModel::state(Instant now, DedupeLimits limits) const {
  StoredState state;
  state.last_key = last_key_;
  state.queues = queues_;
  for (const auto& [key, job] : jobs_) {
    state.jobs.push_back(job);
    state.jobs.back().accepted.due_at = job.due_at;
    state.jobs.back().accepted.headers.guarantee = true;
  }
  const size_t number = std::min<size_t>(ended_.size(), limits.ids);
  for (size_t i = ended_.size() - number; i < ended_.size(); ++i) {
    if (ended_[i].ended_at + limits.window > now) state.ended.push_back(ended_[i]);
  }
  return state;
}

std::string text_of(const StoredState& state) {
  std::string text = fmt::format("last key {}\n", state.last_key);
  std::vector<std::string> queues;
  for (const StoredQueue& q : state.queues) {
    queues.push_back(fmt::format("queue {}: {} accepted, {} done, {} dead, {} expired, {} cancelled\n", q.name.view(),
                                 q.accepted, q.done, q.dead, q.expired, q.cancelled));
  }
  std::sort(queues.begin(), queues.end());
  for (const std::string& queue : queues) text += queue;
  for (const StoredJob& job : state.jobs) {
    const JobAccepted& a = job.accepted;
    text +=
        fmt::format("job {} {} in {} [{}] guarantee {} priority {} payload {} accepted {} due {} {} expires {}", a.key,
                    a.id.view(), a.queue.view(), a.headers.text.view(), a.headers.guarantee, a.headers.priority,
                    summary(a.payload), a.accepted_at.us, a.due_at.us, job.due_at.us, time_text(a.expires_at));
    text += fmt::format(" running {} attempt {} retries {} losses {} worker {}\n", job.running, job.attempt,
                        job.retries_used, job.losses, summary(job.worker));
  }
  for (const StoredEnd& end : state.ended) {
    text += fmt::format("ended {} {} at {} wanted {} result {}\n", end.id.view(), outcome_word(end.outcome),
                        end.ended_at.us, end.reply_wanted, summary(end.result));
  }
  return text;
}

}  // namespace eventmq
