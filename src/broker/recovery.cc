// What an earlier life of the broker left in its store: jobs that had not ended, counts, ids and replies. And the
// store's own health.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "src/broker/core.h"

namespace eventmq {

void Broker::State::on_event(StoreRecovered& event) {
  EMQ_ASSERT(last_key_ == 0 && last_commit_ == 0, "recovery must come before the first record");
  StoredState& state = event.state;
  last_key_ = state.last_key;
  store_fence_ = event.fence;
  for (const StoredQueue& queue : state.queues) restore(queue);
  recall_ids(state);
  for (StoredEnd& end : state.ended) restore(end);
  for (StoredJob& job : state.jobs) restore(job);
  counters_.recovered += state.jobs.size();
  if (counters_.recovered > 0) {
    log(LogLevel::kInfo, fmt::format("{} guaranteed jobs were in the store and go on", counters_.recovered));
  }
  if (state.dead_letters > 0) log(LogLevel::kInfo, fmt::format("{} dead letters are kept", state.dead_letters));
  give_back_claimed();
}

void Broker::State::restore(const StoredQueue& stored) {
  Queue& queue = *queue_for(stored.name, std::numeric_limits<size_t>::max());
  QueueCounters& counters = queue.counters;
  counters.done += stored.done;
  counters.dead += stored.dead;
  counters.expired += stored.expired;
  counters.cancelled += stored.cancelled;
  counters.accepted += stored.done + stored.dead + stored.expired + stored.cancelled;  // jobs in memory add themselves
  if (stored.lanes.empty()) return;
  queue.backlog = std::make_unique<Backlog>();
  queue.backlog->next_expiry = stored.next_expiry;
  for (const StoredLane& lane : stored.lanes) {
    queue.backlog->lanes[lane.priority] = {.waiting = lane.waiting, .delayed = lane.delayed, .next_due = lane.next_due};
    counters.backlog_waiting += lane.waiting;
    counters.backlog_delayed += lane.delayed;
    counters.accepted += lane.waiting + lane.delayed;
    counters_.recovered += lane.waiting + lane.delayed;
    backlog_size_ += lane.waiting + lane.delayed;
  }
  touch_backlog(queue);
}

// Of an id that has both ended and been accepted again the later counts. Where not all fit, those of the backlog give
// way: a job that has ended would run twice, while one that waits is found to be there twice when its turn comes.
void Broker::State::recall_ids(const StoredState& state) {
  const uint64_t room = dedupe_.room();
  const uint64_t left = room - std::min<uint64_t>(room, state.ended.size());
  auto job = state.backlog.rbegin();
  const auto last_job = job + static_cast<std::ptrdiff_t>(std::min<uint64_t>(left, state.backlog.size()));
  auto end = state.ended.rbegin();
  while (job != last_job || end != state.ended.rend()) {
    const bool waits = job != last_job && (end == state.ended.rend() || job->accepted_at >= end->ended_at);
    const bool fits = waits ? dedupe_.recall(job->id.view(), job->accepted_at, KnownId::kInBacklog)
                            : dedupe_.recall(end->id.view(), end->ended_at, KnownId::kEnded);
    if (!fits) return;
    if (waits) {
      ++job;
    } else {
      ++end;
    }
  }
}

// A client that has not had the reply sends its request again, and is answered as before.
void Broker::State::restore(StoredEnd& stored) {
  if (stored.reply_wanted) {
    recent_replies_.remember(stored.id.view(), stored.outcome, stored.result, stored.ended_at);
  }
}

// It takes its place in the order of acceptance. One that was running waits a while: its worker may still run it, and
// come back with it; then it goes on there. Else it is handed out again, which is its next attempt.
void Broker::State::restore(StoredJob& stored) {
  make_way_for(stored);
  Job& job = take_in(stored);
  ++job.queue->counters.accepted;
  if (job.due_at <= now_ && !job.orphaned) return become_ready(job);
  timers_.set(job, job.orphaned ? job.due_at : std::min(job.due_at, job.expires_at));
}

// A plain job that was taken while the store could not be opened has its id, or its unique key: that one is lost.
void Broker::State::make_way_for(const StoredJob& stored) {
  const JobAccepted& accepted = stored.accepted;
  const std::string_view text = "the store, which could not be opened, holds a guaranteed job in its place";
  Job* same = jobs_.find(accepted.id.view());
  if (same && !same->headers.guarantee) end_in_favour(*same, text);
  const auto followed = followed_jobs_.find(accepted.id.str());
  if (followed != followed_jobs_.end() && !followed->second->headers.guarantee) end_in_favour(*followed->second, text);
  if (accepted.headers.unique.empty()) return;
  const Queue& queue = *queue_for(accepted.queue, std::numeric_limits<size_t>::max());
  const auto like = unique_jobs_.find(unique_key(queue, accepted.headers.unique));
  if (like != unique_jobs_.end() && !like->second->headers.guarantee) end_in_favour(*like->second, text);
}

// Its worker goes on with it, and its result is set aside.
void Broker::State::end_in_favour(Job& job, std::string_view text) {
  EMQ_ASSERT(!job.headers.guarantee, "job {} is in the store twice", job.id.view());
  if (job.state == JobState::kWaiting) job.queue->remove(job);
  if (Worker* worker = job.worker) {
    detach(job);
    if (worker->settles()) ++worker->disowned;  // its result will free the slot
  }
  end_undispatched(job, Outcome::kLost, text);
}

// Workers that came while the store could not be opened, even those that are leaving by now, may run jobs of it. Of two
// that say so the newer one is believed: the other is what it was in an earlier conversation.
void Broker::State::give_back_claimed() {
  std::vector<Worker*> workers;
  peers_.for_each([&](Peer& peer) {
    if (peer.kind == PeerKind::kWorker && !static_cast<Worker&>(peer).claims.empty())
      workers.push_back(static_cast<Worker*>(&peer));
  });
  std::ranges::sort(workers, std::greater(), &Worker::number);
  for (Worker* worker : workers) {
    for (const HeldJob& claim : std::exchange(worker->claims, {})) {
      Job* job = jobs_.find(claim.request_id.view());
      if (!job || !job->orphaned || job->attempt != claim.attempt || !give_back(*job, *worker)) continue;
      job->resumed_from = worker->claims_from;
      job->last_worker = worker->routing_id;
      --worker->disowned;
      ++counters_.resumed;
    }
  }
}

// Its place in memory; it counts as delayed until it is given another.
Job& Broker::State::take_in(StoredJob& stored) {
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
  fresh.started_at = now_;  // of an orphan's attempt; when it truly began is not known
  fresh.attempt = stored.attempt;
  fresh.retries_used = stored.retries_used;
  fresh.losses = stored.losses;
  fresh.last_worker = std::move(stored.worker);
  fresh.history = std::move(stored.history);
  fresh.sequence = next_sequence_++;
  Job& job = jobs_.add(std::move(fresh));
  ++job.queue->counters.delayed;
  if (!job.headers.unique.empty()) unique_jobs_.emplace(unique_key(*job.queue, job.headers.unique), &job);
  return job;
}

void Broker::State::on_event(StoreChanged& event) {
  if (event.available && !store_available_) {
    log(LogLevel::kInfo, "the store is there again; guaranteed jobs are taken");
  } else if (!event.available && event.text != store_fault_) {
    log(LogLevel::kWarning,
        fmt::format("no guaranteed jobs are taken, because the store is not available: {}", event.text));
  }
  store_available_ = event.available;
  if (event.available) repeats_waiting_ = 0;  // else those that wait still do
  durable_commit_ = event.committed;
  store_fault_ = std::move(event.text);
  if (store_available_) end_conversations_without_acks();
}

}  // namespace eventmq
