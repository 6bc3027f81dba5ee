// What the model says of what the broker sends, and of its counters.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sim/broker_model.h"
#include "src/wire/limits.h"

namespace eventmq::sim {

void BrokerModel::judge(const Send& send) {
  const Body& body = send.message.body;
  if (const auto* request = std::get_if<Request>(&body)) return judge(send, *request);
  if (const auto* reply = std::get_if<Reply>(&body)) return judge(send, *reply);
  if (const auto* cancel = std::get_if<Cancel>(&body)) return judge(send, *cancel);
  if (const auto* progress = std::get_if<Progress>(&body)) return judge(send, *progress);
  if (const auto* ack = std::get_if<Ack>(&body)) return judge_answer(send, ack->acknowledged);
  if (const auto* error = std::get_if<ErrorMessage>(&body)) return judge_answer(send, error->offending_id);
}

// ACK and ERROR go to whom they answer and to nobody else.
void BrokerModel::judge_answer(const Send& send, const Bytes& about) {
  if (send.side == Side::kAdministrative && send.peer == kInquirer) return;  // its host judges
  if (const auto* bad = std::get_if<BadMessageArrived>(event_)) {
    if (bad->side == send.side && bad->peer == send.peer) return;
  }
  // What is answered at once is no late answer to one that came before under the same id.
  const auto* arrived = std::get_if<MessageArrived>(event_);
  if (arrived && arrived->side == send.side && arrived->peer == send.peer && arrived->message.id == about) return;
  const auto late = late_cancels_.find({{send.side, send.peer.str()}, about.str()});
  if (late != late_cancels_.end()) {
    late_cancels_.erase(late);
    return;
  }
  violate("answer", fmt::format("{} goes to {}, who did not ask", describe(send.message), send.peer.view()));
}

void BrokerModel::judge(const Send& send, const Request& request) {
  const PeerKey key{send.side, send.peer.str()};
  ModelWorker* worker = find_worker(key);
  const std::string id = send.message.id.str();
  if (!worker) return violate("dispatch", fmt::format("{} is given to {}, who is no worker", id, key.second));
  ModelJob* job = find(id);
  if (!job && !worker->capabilities.settle) job = find(id.substr(0, id.rfind('~')));
  if (!job) return violate("dispatch", fmt::format("{} was never accepted", id));
  if (!job->unfinished()) return violate("dispatch", fmt::format("{} is given out after its end", job->id));
  if (job->stored) return violate("dispatch", fmt::format("{} is given out and was not claimed", job->id));
  if (job->state == ModelJob::State::kRunning) {
    return violate("two-attempts",
                   fmt::format("{} is given to {} while {} runs it", job->id, key.second, job->worker.second));
  }
  const bool numbered = worker->capabilities.settle ? request.attempt == job->attempt + 1 && id == job->id
                                                    : id == published_attempt_id(*job, job->attempt + 1);
  if (!numbered) violate("attempt-number", fmt::format("{} attempt {} follows {}", id, request.attempt, job->attempt));
  // A step may begin with picks that were left to it, before the word by which the worker leaves.
  const auto* arrived = std::get_if<MessageArrived>(event_);
  const bool left_now = arrived && key == PeerKey(arrived->side, arrived->peer.str()) && worker->leaving &&
                        (std::holds_alternative<Disconnect>(arrived->message.body) ||
                         std::holds_alternative<Goodbye>(arrived->message.body));
  if (worker->leaving && !left_now)
    violate("dispatch", fmt::format("{} is given to {}, who leaves", job->id, key.second));
  if (worker->credits == 0 && !left_now)
    violate("overcommit", fmt::format("{} is given to {}, who has no free slot", job->id, key.second));
  if (!worker->weights.contains(job->queue))
    violate("dispatch", fmt::format("{} does not serve {}", key.second, job->queue));
  if (job->state == ModelJob::State::kDelayed)
    violate("delay", fmt::format("{} is given out before its time", job->id));
  if (job->state == ModelJob::State::kRetryWait && now_ < job->not_before) {
    violate("backoff", fmt::format("{} is tried again before its time", job->id));
  }
  if (now_ > job->expires_at) violate("expiry", fmt::format("{} is given out after its time", job->id));
  const std::string alive = job->lost && who_runs ? who_runs(job->id, job->attempt) : "";
  if (!alive.empty())
    violate("run-twice", fmt::format("{} is given to {} while {} lives and runs it", job->id, key.second, alive));
  check_worker_choice(*job, key);
  check_strict_pick(*job, *worker);
  check_job_choice(*job, queues_[job->queue]);
  job->request_commit = send.after;
  dispatched(*job, key, *worker);
}

void BrokerModel::dispatched(ModelJob& job, const PeerKey& key, ModelWorker& worker) {
  Coverage& coverage = world_.coverage;
  coverage.count(job.headers.guarantee         ? Covered::kGuaranteedDispatch
                 : job.headers.retry_count > 0 ? Covered::kRetriedDispatch
                                               : Covered::kPlainDispatch);
  if (job.state == ModelJob::State::kRetryWait) coverage.count(Covered::kRetry);
  if (job.lost) coverage.count(Covered::kRedelivery);
  if (job.headers.delay.us > 0) coverage.count(Covered::kDelayedDispatch);
  if (job.headers.priority != limits::kPriorityDefault) coverage.count(Covered::kPriorityDispatch);
  job.state = ModelJob::State::kRunning;
  job.worker = key;
  job.origin = {};
  job.lost = job.loss_charged = job.handed_back = job.orphaned = false;
  job.given_out = true;
  ++job.attempt;
  if (worker.credits > 0) --worker.credits;
  worker.last_used = next_use_++;
}

// The highest weight for the queue among those with a free slot; among equals the least recently used.
void BrokerModel::check_worker_choice(const ModelJob& job, const PeerKey& chosen) {
  const ModelWorker& taken = workers_.at(chosen);
  const auto own = taken.weights.find(job.queue);
  if (own == taken.weights.end()) return;
  // A step may begin with picks that were left to it, before the slot that it brings.
  const auto* arrived = std::get_if<MessageArrived>(event_);
  for (const auto& [key, other] : workers_) {
    if (arrived && key == PeerKey(arrived->side, arrived->peer.str())) continue;
    const auto weight = other.weights.find(job.queue);
    if (key == chosen || weight == other.weights.end() || other.credits == 0 || other.leaving) continue;
    if (weight->second > own->second) {
      violate("weight", fmt::format("{} of queue {} is given to {} (weight {}) while {} (weight {}) has a free slot",
                                    job.id, job.queue, chosen.second, own->second, key.second, weight->second));
    } else if (weight->second == own->second && other.last_used < taken.last_used) {
      violate("least-recent",
              fmt::format("{} is given to {} while {} was used longer ago", job.id, chosen.second, key.second));
    }
  }
}

// Higher priority first, then the older; but every n-th pick may take the oldest, and no wait is without bound.
void BrokerModel::check_job_choice(const ModelJob& job, ModelQueue& queue) {
  ++queue.picks;
  bool inverted = false;
  uint64_t expiring = 0;  // may have ended by a pick that nobody was told of
  for (const auto& [number, other] : unfinished_) {
    if (other == &job || !other->queued() || other->queue != job.queue || other->stored) continue;
    if (other->expires_at <= now_) {
      ++expiring;
      continue;
    }
    if (other->state != ModelJob::State::kWaiting) continue;
    // A step may begin with picks that were left to it, before what came in it.
    if (other->headers.priority > job.headers.priority && other->ready_order < step_began_) inverted = true;
    const bool same_class = other->headers.priority == job.headers.priority && !other->given_out && !job.given_out;
    if (same_class && job.state == ModelJob::State::kWaiting && other->ready_order < job.ready_order) {
      violate("age", fmt::format("{} is picked before {}, which waits longer at the same priority", job.id, other->id));
    }
    if (queue.picks - other->picks_at_ready > other->picks_allowed) {
      violate("starved", fmt::format("{} waits through {} picks", other->id, queue.picks - other->picks_at_ready));
    }
  }
  if (!inverted) return;
  const uint64_t turn = queue.picks + queue.expiries;
  if (queue.last_inversion != 0 && turn + expiring - queue.last_inversion < limits::kOldestFirstEvery) {
    violate("priority", fmt::format("{} (priority {}) is picked before a higher one, {} picks after the last time",
                                    job.id, job.headers.priority, turn - queue.last_inversion));
  }
  queue.last_inversion = turn;
}

void BrokerModel::check_strict_pick(const ModelJob& job, const ModelWorker& worker) {
  const auto own = worker.weights.find(job.queue);
  if (settings_.pick_policy != PickPolicy::kStrict || own == worker.weights.end()) return;
  for (const auto& [number, other] : unfinished_) {
    if (other->state != ModelJob::State::kWaiting || other->queue == job.queue || other->expires_at <= now_) continue;
    // A step may begin with picks that were left to it, before what came in it.
    if (other->stored || other->ready_order >= step_began_) continue;
    const auto weight = worker.weights.find(other->queue);
    if (weight != worker.weights.end() && weight->second > own->second) {
      violate("strict",
              fmt::format("{} of queue {} is picked while {} waits in {}", job.id, job.queue, other->id, other->queue));
    }
  }
}

void BrokerModel::judge(const Send& send, const Reply& reply) {
  if (send.side == Side::kAdministrative) return;
  const PeerKey key{send.side, send.peer.str()};
  const std::string id = reply.request_id.str();
  // A job that waited past its time ends when the broker comes across it.
  if (ModelJob* job = find_shared(id);
      job && job->queued() && !job->stored && job->expires_at <= now_ && reply.outcome == Outcome::kExpired) {
    end(*job, Outcome::kExpired);
  }
  const auto due = due_replies_.find(id);
  if (due == due_replies_.end() || !due->second.askers.contains(key)) {
    return violate("reply", fmt::format("{} is told that {} ended {}, which is not so, or not for it", key.second, id,
                                        outcome_word(reply.outcome)));
  }
  const bool right = reply.has_outcome && (reply.outcome == due->second.outcome ||
                                           (due->second.or_forgotten && reply.outcome == Outcome::kLost));
  if (!right) {
    violate("reply", fmt::format("{} ended {}, its reply says {}", id, outcome_word(due->second.outcome),
                                 outcome_word(reply.outcome)));
  }
  due_replies_.erase(due);
}

void BrokerModel::judge(const Send& send, const Cancel& cancel) {
  const ModelJob* job = find(cancel.request_id.view());
  if (!job) job = find(cancel.request_id.view().substr(0, cancel.request_id.view().rfind('~')));
  const PeerKey key{send.side, send.peer.str()};
  if (!job || job->state != ModelJob::State::kRunning || job->worker != key || !job->cancel_requested) {
    violate("cancel", fmt::format("{} is told to cancel {}, which nobody asked or it does not run", key.second,
                                  cancel.request_id.view()));
  }
}

void BrokerModel::judge(const Send& send, const Progress& progress) {
  const ModelJob* job = find(progress.request_id.view());
  if (!job || job->state != ModelJob::State::kRunning || !job->askers.contains({send.side, send.peer.str()})) {
    violate("progress", fmt::format("{} is told of the progress of {}", send.peer.view(), progress.request_id.view()));
  }
}

// It is with a worker for the broker, and for people it waits: its REQUEST has not left.
bool BrokerModel::waits_for_store(const ModelJob& job) const {
  return !store_available_ && job.headers.guarantee && job.request_commit > durable_commit_;
}

void BrokerModel::check_status(std::string_view text) {
  world_.coverage.count(Covered::kStatusCheck);
  const nlohmann::json status = nlohmann::json::parse(text, nullptr, false);
  if (!status.contains("totals") || !status.contains("queues"))
    return violate("status", fmt::format("unexpected form: {}", text));
  std::map<std::string, uint64_t> sums;
  for (const auto& row : status["queues"]) {
    const std::string name = row["name"];
    const ModelQueue& own = queues_[name];
    const auto of = [&](const char* key) { return row[key].get<uint64_t>(); };
    uint64_t running = 0, queued = 0;
    for (const auto& [number, job] : unfinished_) {
      if (job->queue == name) ++(job->queued() || waits_for_store(*job) ? queued : running);
    }
    const uint64_t sum =
        of("done") + of("dead") + of("expired") + of("cancelled") + of("waiting") + of("delayed") + of("running");
    if (of("accepted") != sum) violate("conservation", row.dump());
    const uint64_t expired_more = of("expired") - own.expired;  // found by the broker, not yet by the model
    if (of("accepted") != own.accepted || of("done") != own.done || of("dead") != own.dead ||
        of("cancelled") != own.cancelled || of("running") != running || of("expired") < own.expired ||
        of("waiting") + of("delayed") + expired_more != queued) {
      violate("status",
              fmt::format("the broker counts {}; the model accepted {} done {} dead {} expired {} cancelled {} running "
                          "{} queued {}",
                          row.dump(), own.accepted, own.done, own.dead, own.expired, own.cancelled, running, queued));
    }
    for (const char* key : {"accepted", "done", "dead", "expired", "cancelled", "waiting", "delayed", "running"})
      sums[key] += of(key);
  }
  idle_ = sums["waiting"] + sums["delayed"] + sums["running"] == 0;
  for (const auto& [key, sum] : sums) {
    if (status["totals"][key].get<uint64_t>() != sum)
      violate("conservation", fmt::format("the totals differ from the queues in {}", key));
  }
}

}  // namespace eventmq::sim
