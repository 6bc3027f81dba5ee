// How attempts end, and what becomes of their jobs.
#include <fmt/format.h>

#include <algorithm>

#include "src/broker/backoff.h"
#include "src/broker/core.h"
#include "src/broker/job_history.h"

namespace eventmq {

std::string_view loss_text(LossCause cause) {
  switch (cause) {
    case LossCause::kSilent:
      return "fell silent";
    case LossCause::kLeft:
      return "left";
    case LossCause::kRestarted:
      return "started anew";
    case LossCause::kUnreachable:
      return "became unreachable";
  }
  EMQ_ASSERT(false);
}

namespace {

// A worker of the published protocol says nothing of an outcome. Only its time-out can be told, and only of a
// job that had a timeout (docs/protocol.md, "Existing job managers").
Outcome published_outcome(const Job& job, const Bytes& payload) {
  const bool timed_out = job.headers.timeout.us > 0 && payload == R"({"value": "TimeoutError"})";
  return timed_out ? Outcome::kTimeout : Outcome::kOk;
}

uint64_t& count_of(QueueCounters& counters, JobState state) {
  switch (state) {
    case JobState::kDelayed:
      return counters.delayed;
    case JobState::kWaiting:
      return counters.waiting;
    case JobState::kRunning:
      return counters.running;
  }
  EMQ_ASSERT(false);
}

uint64_t& count_of(QueueCounters& counters, Outcome outcome) {
  switch (outcome) {
    case Outcome::kOk:
      return counters.done;
    case Outcome::kExpired:
      return counters.expired;
    case Outcome::kCancelled:
      return counters.cancelled;
    default:
      EMQ_ASSERT(is_dead(outcome));
      return counters.dead;
  }
}

// The result is of a job that the worker said it runs and that is not its own: its slot is free now. Of those that are
// known by name the slots are freed by their own results only.
bool settles_disowned(Worker& worker, const Reply& reply) {
  const size_t claimed = std::erase_if(worker.claims, [&](const HeldJob& claim) {
    return claim.request_id == reply.request_id && claim.attempt == reply.attempt;
  });
  if (claimed == 0 && worker.disowned <= worker.claims.size()) return false;
  --worker.disowned;
  return true;
}

}  // namespace

Bytes failure_payload(Outcome outcome, std::string_view text) {
  return Bytes(fmt::format(R"({{"value": "{}", "error": {{"type": "{}", "message": "{}", "details": null}}}})", text,
                           outcome_word(outcome), text));
}

void Broker::State::on_message(const MessageArrived& event, Reply& reply) {
  Worker* worker = find_worker(event);
  if (!worker) return;
  Job* job = held_by(*worker, reply.request_id.view(), reply.attempt);
  Outcome outcome = reply.has_outcome ? reply.outcome : job ? published_outcome(*job, reply.payload) : Outcome::kOk;
  if (outcome == Outcome::kLost || outcome == Outcome::kExpired) outcome = Outcome::kError;  // not for workers to say
  if (job) {
    ++worker->processed;
    attempt_ended(*job, outcome, reply.payload);
  } else {
    ++counters_.late_results;
    log(LogLevel::kDebug,
        fmt::format("the result of {} is set aside: its attempt was given up, or began before this router started",
                    reply.request_id.view()));
  }
  // Of a worker that settles, the result is the READY of its slot. A job handed back had no slot, and what is no
  // result of a job that it runs frees none.
  const bool frees_slot = job || settles_disowned(*worker, reply);
  if (worker->settles() && outcome != Outcome::kReturned && frees_slot) add_credit(*worker);
}

void Broker::State::detach(Job& job) {
  EMQ_ASSERT(job.worker && job.state == JobState::kRunning);
  job.worker->running.remove(job);
  job.worker = nullptr;
}

void Broker::State::attempt_ended(Job& job, Outcome outcome, const Bytes& payload) {
  if (outcome == Outcome::kReturned) return hand_back(job);
  if (outcome == Outcome::kKilled && job.headers.guarantee) return worker_process_died(job, payload);
  detach(job);
  if (is_dead(outcome)) note_attempt(job, outcome, error_text(payload.view()));
  const bool failed = outcome == Outcome::kError || outcome == Outcome::kTimeout || outcome == Outcome::kKilled;
  if (failed && !job.cancel_requested && job.retries_used < job.headers.retry_count) return retry_later(job);
  end(job, outcome, payload);
}

// To a guaranteed job a dead worker process is a lost worker. A job that takes down one after the other is dead, with
// the last one's end as the cause.
void Broker::State::worker_process_died(Job& job, const Bytes& payload) {
  detach(job);
  note_attempt(job, Outcome::kKilled, error_text(payload.view()));
  ++job.losses;
  ++job.queue->counters.attempts_lost;
  const bool again = !job.cancel_requested && job.losses < settings_.max_deliveries;
  again ? wait_again(job) : end(job, Outcome::kKilled, payload);
}

void Broker::State::attempt_lost(Job& job, LossCause cause) {
  detach(job);
  const std::string what = fmt::format("the worker {}", loss_text(cause));
  note_attempt(job, Outcome::kLost, what);
  ++job.losses;
  ++job.queue->counters.attempts_lost;
  if (job.cancel_requested) return end(job, Outcome::kCancelled, failure_payload(Outcome::kCancelled, "cancelled"));
  const bool free_rerun = job.headers.guarantee && job.losses < settings_.max_deliveries;
  if (free_rerun) return wait_again(job);
  if (!job.headers.guarantee && job.retries_used < job.headers.retry_count) {
    job.loss_cost_retry = true;
    return retry_later(job);
  }
  const std::string text =
      job.headers.guarantee ? fmt::format("lost with its worker {} times: {}", job.losses, what) : what;
  end(job, Outcome::kLost, failure_payload(Outcome::kLost, text));
}

// Nobody came back with it after a restart: it may have taken down its worker, and the broker with it. Somebody still
// may, until it is started again.
void Broker::State::give_up_orphan(Job& job) {
  note_attempt(job, Outcome::kLost, "its worker did not come back after a restart of the router");
  ++job.losses;
  ++job.queue->counters.attempts_lost;
  if (job.losses < settings_.max_deliveries) return wait_again(job);
  const std::string text = fmt::format(
      "lost with its worker {} times: it did not come back after a restart of the "
      "router",
      job.losses);
  end(job, Outcome::kLost, failure_payload(Outcome::kLost, text));
}

void Broker::State::note_attempt(Job& job, Outcome outcome, std::string error) {
  if (!job.headers.guarantee) return;
  jobs_.change_history(job, with_attempt(job.history, {job.attempt, job.started_at, now_, outcome,
                                                       shown_id(job.last_worker.view()), std::move(error)}));
}

void Broker::State::hand_back(Job& job) {
  detach(job);
  --job.attempt;
  if (job.cancel_requested) return end(job, Outcome::kCancelled, failure_payload(Outcome::kCancelled, "cancelled"));
  wait_again(job);
}

// It takes its old place in the queue.
void Broker::State::wait_again(Job& job) {
  set_state(job, JobState::kWaiting);
  if (job.headers.guarantee) record_requeued(job, now_);
  job.queue->push_handed_back(job);
  place(job);
}

void Broker::State::retry_later(Job& job) {
  ++job.retries_used;
  ++job.queue->counters.retries;
  const Duration base = job.headers.backoff.value_or(settings_.retry_backoff);
  job.due_at = now_ + retry_delay(base, settings_.retry_backoff_max, job.retries_used, prng_);
  set_state(job, JobState::kDelayed);
  if (store_available_ && belongs_to_backlog(job, 0)) return move_to_backlog(job);
  if (job.headers.guarantee) record_requeued(job, job.due_at);
  timers_.set(job, std::min(job.due_at, job.expires_at));
}

// It only waits to be found so. An orphan may still run at its worker: only its next start can come too late.
bool Broker::State::has_expired(const Job& job) const {
  if (job.state == JobState::kRunning || job.expires_at > now_) return false;
  return !job.orphaned || job.state == JobState::kWaiting || job.due_at <= now_;
}

void Broker::State::expire(Job& job) {
  if (job.state == JobState::kWaiting) job.queue->remove(job);
  const bool was_due = job.due_at <= now_;
  end_undispatched(job, Outcome::kExpired, was_due ? "no worker was free in time" : "it expired before it was due");
}

void Broker::State::end_undispatched(Job& job, Outcome outcome, std::string_view text) {
  end(job, outcome, failure_payload(outcome, text));
}

// The job is in no list any more. Counts it, tells who asked, forgets it.
void Broker::State::end(Job& job, Outcome outcome, Bytes payload) {
  EMQ_ASSERT(!job.worker && !job.link.linked && !job.handed_back, "job {}", job.id.view());
  timers_.clear(job);
  QueueCounters& counters = job.queue->counters;
  --count_of(counters, job.state);
  if (job.state == JobState::kRunning) --running_;
  if (job.state == JobState::kWaiting) touch_backlog(*job.queue);
  ++count_of(counters, outcome);
  counters.latency_ms_last = static_cast<uint64_t>((now_ - job.accepted_at).ms());
  counters.latency_ms_max = std::max(counters.latency_ms_max, counters.latency_ms_last);

  CommitNumber after = 0;
  if (job.headers.guarantee) after = record_ended(job, outcome, payload);
  keep_results(job, outcome, payload);
  reply_all(job, outcome, payload, after);
  if (!job.headers.unique.empty()) unique_jobs_.erase(unique_key(*job.queue, job.headers.unique));
  const auto remember = [&](const Bytes& id) {
    job.headers.guarantee ? dedupe_.remember(id.view(), now_) : dedupe_.remember_plain(id.view(), now_);
  };
  remember(job.id);
  for (const Follower& follower : job.followers) {
    remember(follower.request_id);
    followed_jobs_.erase(follower.request_id.str());
  }
  const std::string_view cause = outcome == Outcome::kOk ? "" : payload.view().substr(0, limits::kEndedResultBytes);
  const bool kept = job.headers.result_ttl.us > 0;
  ended_.push_back({job.id, job.queue->name, outcome, job.attempt, job.accepted_at, now_, Bytes(cause), job.history,
                    kept ? now_ + job.headers.result_ttl : Instant{}, payload.size(), after});
  if (ended_.size() > limits::kEndedJobsRemembered) ended_.pop_front();
  jobs_.release(job);
}

void Broker::State::reply_all(const Job& job, Outcome outcome, const Bytes& payload, CommitNumber after) {
  recent_replies_.forget_before(now_ - settings_.dedupe_window);
  if (job.headers.reply_requested) reply({job.client_side, job.client, job.id}, outcome, payload, after);
  for (const Follower& follower : job.followers) {
    if (follower.wants_reply) reply(follower, outcome, payload, after);
  }
}

void Broker::State::reply(const ReplyRoute& route, Outcome outcome, const Bytes& payload, CommitNumber after) {
  recent_replies_.remember(route.request_id.view(), outcome, payload, now_);
  send(route.side, route.peer, Reply{payload, route.request_id, 0, true, outcome}, after);
}

void Broker::State::set_state(Job& job, JobState state) {
  --count_of(job.queue->counters, job.state);
  if (job.state == JobState::kRunning) --running_;
  job.state = state;
  ++count_of(job.queue->counters, job.state);
  if (job.state == JobState::kRunning) ++running_;
}

}  // namespace eventmq
