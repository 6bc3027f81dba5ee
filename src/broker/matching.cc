// Which worker gets a job, and which job a free slot gets.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "src/broker/core.h"

namespace eventmq {
namespace {

WorkerRank rank_of(Worker& worker, const Subscription& subscription) {
  return {subscription.weight, worker.last_used, worker.number, &worker};
}

bool names_attempt(std::string_view id) {
  const size_t mark = id.rfind('~');
  return mark != std::string_view::npos && mark + 1 < id.size() &&
         id.find_first_not_of("0123456789", mark + 1) == std::string_view::npos;
}

}  // namespace

void Broker::State::place(Job& job) {
  timers_.set(job, job.expires_at);
  if (job.queue->unmatched) return;
  job.queue->unmatched = true;
  unmatched_.push_back(job.queue);
}

// Several jobs may have become ready in one step, as when a worker is lost: only when all are in their places is it
// right to say whose turn it is. Pairs of queue and worker are made heaviest first, so that each job gets the best
// worker for its queue and a worker that serves several queues is used for its heaviest.
void Broker::State::match_placed() {
  while (Queue* queue = heaviest_unmatched(nullptr)) dispatch_next(*queue);
  for (Queue* queue : unmatched_) queue->unmatched = false;
  unmatched_.clear();
}

// The worker that speaks chooses among all its queues; a job for which another one is better goes there before.
void Broker::State::match_placed_but_to(const Worker& speaker) {
  while (Queue* queue = heaviest_unmatched(&speaker)) dispatch_next(*queue);
}

void Broker::State::dispatch_next(Queue& queue) {
  Job* job = queue.peek();
  queue.pop(*job);
  dispatch(*job, *queue.available.begin()->worker);
}

Queue* Broker::State::heaviest_unmatched(const Worker* but_to) const {
  Queue* best = nullptr;
  for (Queue* queue : unmatched_) {
    if (queue->counters.waiting == 0 || queue->available.empty()) continue;
    if (queue->available.begin()->worker == but_to) continue;
    if (!best || queue->available.begin()->weight > best->available.begin()->weight) best = queue;
  }
  return best;
}

void Broker::State::add_credit(Worker& worker) {
  if (worker.leaving) return;
  if (worker.credits >= limits::kCreditsPerWorker) {
    ++counters_.excess_ready;
    if (!std::exchange(worker.excess_logged, true)) {
      log(LogLevel::kWarning, fmt::format("worker {} has promised to take {} jobs: what it promises beyond is dropped",
                                          worker.name(), worker.credits));
    }
    return;
  }
  ++worker.credits;
  set_ranked(worker, true);
  match_placed_but_to(worker);
  feed(worker);
}

void Broker::State::feed(Worker& worker) {
  while (worker.credits > 0) {
    Job* job = pick_for(worker);
    if (!job) return;
    job->queue->pop(*job);
    dispatch(*job, worker);
  }
}

Job* Broker::State::pick_for(Worker& worker) {
  const uint32_t least = settings_.pick_policy == PickPolicy::kStrict ? highest_weight_with_work(worker) : 0;
  Subscription* chosen = take_turn(worker, least);
  return chosen ? chosen->queue->peek() : nullptr;
}

// Smooth weighted round robin over the worker's queues that have work and at least this weight: each gains its
// weight, the richest is served and pays the sum, so over time each is served in proportion to its weight and
// none starves. Null when none has work.
Subscription* Broker::State::take_turn(Worker& worker, uint32_t least) {
  Subscription* best = nullptr;
  int64_t sum = 0;
  for (Subscription& subscription : worker.subscriptions) {
    if (subscription.queue->counters.waiting == 0 || subscription.weight < least) continue;
    const int64_t weight = std::max<int64_t>(subscription.weight, 1);
    sum += weight;
    subscription.turn += weight;
    if (!best || subscription.turn > best->turn) best = &subscription;
  }
  if (best) best->turn -= sum;
  return best;
}

uint32_t Broker::State::highest_weight_with_work(const Worker& worker) {
  uint32_t highest = 0;
  for (const Subscription& subscription : worker.subscriptions) {
    if (subscription.queue->counters.waiting > 0) highest = std::max(highest, subscription.weight);
  }
  return highest;
}

// The job has been taken out of its queue's waiting ones (where it is still counted) and has no worker.
void Broker::State::dispatch(Job& job, Worker& worker) {
  EMQ_ASSERT(worker.credits > 0 && !worker.leaving && !job.worker);
  timers_.clear(job);
  if (job.expires_at < now_) {
    end_undispatched(job, Outcome::kExpired, "expired before a worker was free");
    return;
  }
  touch_backlog(*job.queue);
  set_state(job, JobState::kRunning);
  job.worker = &worker;
  job.last_worker = worker.routing_id;
  job.resumed_from = Bytes();
  job.loss_cost_retry = false;
  job.orphaned = false;
  job.started_at = now_;
  ++job.attempt;
  worker.running.push_back(job);
  --worker.credits;
  rerank(worker);
  CommitNumber after = 0;
  if (job.headers.guarantee) {
    after = record_started(job);
    // The slot is not held up: the job itself is durable, or this waits until it is.
    if (!store_available_) after = job.accepted_commit;
  }
  job.request_commit = after;
  peers_.sent(worker, now_);
  out_->sends.push_back({worker.side, worker.routing_id, request_for(job, worker), after});
}

// What the worker is told of the job: all of it if it announced capabilities, else the published form.
Message Broker::State::request_for(const Job& job, const Worker& worker) const {
  Request request;
  request.queue = job.queue->name;
  request.payload = job.payload;
  if (worker.settles()) {
    request.headers.text = job.headers.text;
    request.attempt = job.attempt;
  } else {
    request.headers.text = Bytes(published_headers(job.headers));
  }
  return {id_at(worker, job), std::move(request)};
}

// The id under which the worker knows the job.
Bytes Broker::State::id_at(const Worker& worker, const Job& job) {
  return worker.settles() ? job.id : published_attempt_id(job);
}

void Broker::State::set_ranked(Worker& worker, bool ranked) {
  if (worker.ranked == ranked) return;
  worker.ranked = ranked;
  for (Subscription& subscription : worker.subscriptions) {
    auto& available = subscription.queue->available;
    if (!ranked) {
      subscription.spare = available.extract(rank_of(worker, subscription));
      EMQ_ASSERT(!subscription.spare.empty());
    } else if (subscription.spare.empty()) {
      available.insert(rank_of(worker, subscription));
    } else {
      subscription.spare.value() = rank_of(worker, subscription);
      available.insert(std::move(subscription.spare));
    }
  }
}

// It was used just now: it goes behind its equals, or out if that was its last free slot.
void Broker::State::rerank(Worker& worker) {
  set_ranked(worker, false);
  worker.last_used = next_use_++;
  set_ranked(worker, worker.credits > 0);
}

// To a worker of the published protocol the message's id is all that ties a REPLY to an attempt, so attempts
// after the first get an id of their own: the job's id, '~' and the attempt. So does the first one of a job whose own
// id looks like that: it could be another job's attempt.
Bytes Broker::State::published_attempt_id(const Job& job) {
  if (job.attempt <= 1 && !names_attempt(job.id.view())) return job.id;
  return Bytes(fmt::format("{}~{}", job.id.view(), job.attempt));
}

// The running job that this worker, at this attempt, holds under the id that it was given. Null if none.
Job* Broker::State::held_by(const Worker& worker, std::string_view request_id, uint32_t attempt) const {
  if (worker.settles()) {
    Job* job = jobs_.find(request_id);
    return job && job->worker == &worker && job->attempt == attempt ? job : nullptr;
  }
  const std::string_view id = names_attempt(request_id) ? request_id.substr(0, request_id.rfind('~')) : request_id;
  Job* job = jobs_.find(id);
  return job && job->worker == &worker && published_attempt_id(*job) == request_id ? job : nullptr;
}

}  // namespace eventmq
