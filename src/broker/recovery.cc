// What an earlier life of the broker left in its store: jobs that had not ended, counts, ids and replies. And the
// store's own health.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "src/broker/core.h"

namespace eventmq {

void Broker::State::on_event(StoreRecovered& event) {
  EMQ_ASSERT(last_key_ == 0 && last_commit_ == 0 && jobs_.size() == 0, "recovery must come first");
  StoredState& state = event.state;
  last_key_ = state.last_key;
  for (const StoredQueue& queue : state.queues) restore(queue);
  for (StoredEnd& end : state.ended) restore(end);
  for (StoredJob& job : state.jobs) restore(job);
  counters_.recovered = state.jobs.size();
  if (!state.jobs.empty()) {
    log(LogLevel::kInfo, fmt::format("{} guaranteed jobs were in the store and go on", state.jobs.size()));
  }
}

void Broker::State::restore(const StoredQueue& stored) {
  QueueCounters& counters = queue_for(stored.name, std::numeric_limits<size_t>::max())->counters;
  counters.done = stored.done;
  counters.dead = stored.dead;
  counters.expired = stored.expired;
  counters.cancelled = stored.cancelled;
  counters.accepted = stored.done + stored.dead + stored.expired + stored.cancelled;  // its jobs add themselves
}

// A client that has not had the reply sends its request again, and is answered as before.
void Broker::State::restore(StoredEnd& stored) {
  dedupe_.remember(stored.id.view(), stored.ended_at);
  if (stored.reply_wanted) {
    recent_replies_.remember(stored.id.view(), stored.outcome, stored.result, stored.ended_at);
  }
}

// It takes its place in the order of acceptance. One that was running waits a while: its worker may still run it, and
// come back with it; then it goes on there. Else it is handed out again, which is its next attempt.
void Broker::State::restore(StoredJob& stored) {
  Job fresh;
  fresh.key = stored.accepted.key;
  fresh.id = std::move(stored.accepted.id);
  fresh.queue = queue_for(stored.accepted.queue, std::numeric_limits<size_t>::max());
  fresh.headers = std::move(stored.accepted.headers);
  fresh.payload = std::move(stored.accepted.payload);
  fresh.accepted_at = stored.accepted.accepted_at;
  fresh.expires_at = stored.accepted.expires_at;
  fresh.due_at = stored.running ? now_ + settings_.resume_grace : stored.due_at;
  fresh.orphaned = stored.running;
  fresh.attempt = stored.attempt;
  fresh.retries_used = stored.retries_used;
  fresh.losses = stored.losses;
  fresh.last_worker = std::move(stored.worker);
  fresh.sequence = next_sequence_++;
  Job& job = jobs_.add(std::move(fresh));
  ++job.queue->counters.accepted;
  ++job.queue->counters.delayed;
  if (!job.headers.unique.empty()) unique_jobs_.emplace(unique_key(*job.queue, job.headers.unique), &job);
  if (job.due_at <= now_) return become_ready(job);
  timers_.set(job, job.orphaned ? job.due_at : std::min(job.due_at, job.expires_at));
}

void Broker::State::on_event(StoreChanged& event) {
  if (event.available && !store_available_) {
    log(LogLevel::kInfo, "the store is there again; guaranteed jobs are taken");
  } else if (!event.available && event.text != store_fault_) {
    log(LogLevel::kWarning,
        fmt::format("no guaranteed jobs are taken, because the store is not available: {}", event.text));
  }
  store_available_ = event.available;
  store_fault_ = std::move(event.text);
}

}  // namespace eventmq
