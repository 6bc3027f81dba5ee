#include "sim/broker_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sim/jobs.h"

namespace eventmq::sim {

std::string published_attempt_id(const ModelJob& job, uint32_t attempt) {
  return attempt <= 1 ? job.id : fmt::format("{}~{}", job.id, attempt);
}

void BrokerModel::step(const Event& event, const Effects& effects, Instant now, Instant due) {
  results.clear();
  if (stopped_) {
    if (!effects.sends.empty()) violate("stopped", "the broker speaks after its shutdown");
    return;
  }
  now_ = now;
  due_ = due;
  event_ = &event;
  effects_ = &effects;
  due_replies_.clear();
  step_began_ = ++step_;
  if (!std::holds_alternative<SendFailed>(event)) drop_doomed();
  std::visit([this](const auto& specific) { apply(specific); }, event);
  note_backlog();
  if (effects.stop) shut_down();
  for (const Send& send : effects.sends) judge(send);
  for (const auto& [id, due_reply] : due_replies_) {
    violate("reply-missing", fmt::format("{} ended {} and nobody is told", id, outcome_word(due_reply.outcome)));
  }
}

void BrokerModel::drop_doomed() {
  std::vector<PeerKey> doomed;
  for (const auto& [key, worker] : workers_) {
    if (worker.doomed) doomed.push_back(key);
  }
  for (const PeerKey& key : doomed) drop_worker(key);
}

ModelJob* BrokerModel::find(std::string_view id) {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : &found->second;
}

// The job of the request, or the one that it shares.
ModelJob* BrokerModel::find_shared(const std::string& id) {
  if (ModelJob* own = find(id)) return own;
  for (const auto& [number, job] : unfinished_) {
    if (job->followers.contains(id)) return job;
  }
  return nullptr;
}

ModelWorker* BrokerModel::find_worker(const PeerKey& key) {
  const auto found = workers_.find(key);
  return found == workers_.end() ? nullptr : &found->second;
}

const ModelWorker* BrokerModel::worker(Side side, const Bytes& routing_id) const {
  const auto found = workers_.find({side, routing_id.str()});
  return found == workers_.end() ? nullptr : &found->second;
}

std::vector<std::string> BrokerModel::unfinished() const {
  std::vector<std::string> texts;
  for (const auto& [number, job] : unfinished_) {
    const char* states[] = {"delayed", "waiting", "to be retried", "running"};
    texts.push_back(fmt::format("{} in queue {} is {}, attempt {}, worker {}", job->id, job->queue,
                                states[static_cast<size_t>(job->state)], job->attempt, job->worker.second));
  }
  return texts;
}

void BrokerModel::apply(const MessageArrived& event) {
  const PeerKey key{event.side, event.peer.str()};
  const Body& body = event.message.body;
  if (ModelWorker* worker = find_worker(key)) {
    worker->last_heard = now_;
    worker->spoke = true;
    // What it was sent was lost, and it does not know: it must begin anew.
    const bool unaware = std::holds_alternative<Ready>(body) || std::holds_alternative<Heartbeat>(body);
    if (worker->unreachable && unaware) drop_worker(key);
  }
  std::visit([&](const auto& specific) { on(event, specific); }, body);
}

// Nonsense is a sign of life too.
void BrokerModel::apply(const BadMessageArrived& event) {
  if (ModelWorker* worker = find_worker({event.side, event.peer.str()})) worker->last_heard = now_;
}

// What did not leave was not begun. A worker that could not be reached is gone, unless it can resume: then it
// keeps what it runs until its silence has lasted.
void BrokerModel::apply(const SendFailed& event) {
  const PeerKey key{event.side, event.peer.str()};
  ModelWorker* worker = find_worker(key);
  if (!worker) return;
  worker->leaving = true;
  worker->credits = 0;
  if (const auto* request = std::get_if<Request>(&event.message.body)) {
    if (ModelJob* job = held_by(key, *worker, event.message.id, request->attempt)) hand_back(*job);
  }
  if (worker->unreachable) return;
  worker->unreachable = true;
  worker->doomed = !event.unreachable || !worker->capabilities.resume || !settings_.heartbeats_enabled;
}

void BrokerModel::apply(const Tick&) {
  // A broker that stood still itself cannot tell who was silent.
  const bool absent = settings_.heartbeats_enabled && now_ - due_ > settings_.heartbeat_timeout / 2;
  for (auto& [key, worker] : workers_) {
    if (absent) worker.last_heard = now_;
  }
  std::vector<PeerKey> gone;
  for (const auto& [key, worker] : workers_) {
    const bool left = worker.leave_deadline != Instant::never();
    const Instant limit = left ? worker.leave_deadline : worker.last_heard + settings_.heartbeat_timeout;
    if (limit <= now_ && (left || settings_.heartbeats_enabled)) gone.push_back(key);
  }
  for (const PeerKey& key : gone) {
    world_.coverage.count(Covered::kWorkerGone);
    drop_worker(key);
  }
  for (auto next = unfinished_.begin(); next != unfinished_.end();) {
    ModelJob& job = *(next++)->second;  // end() takes it out
    if (!job.queued() || job.stored) continue;
    if (has_expired(job)) {
      end(job, Outcome::kExpired);
    } else if (job.state == ModelJob::State::kDelayed && job.due_at <= now_) {
      job.orphaned ? attempt_lost(job) : wait(job, false);
    }
  }
}

// An orphan may still run at its worker; only its next start can come too late.
bool BrokerModel::has_expired(const ModelJob& job) const {
  const bool may_run = job.orphaned && job.state == ModelJob::State::kDelayed && job.due_at > now_;
  return job.queued() && job.expires_at <= now_ && !may_run;
}

// The store says what was durable; that all that was promised is in it, the broker's host checks.
void BrokerModel::apply(const StoreRecovered& event) {
  for (const StoredQueue& stored : event.state.queues) {
    ModelQueue& queue = queues_[stored.name.str()];
    queue.done += stored.done;
    queue.dead += stored.dead;
    queue.expired += stored.expired;
    queue.cancelled += stored.cancelled;
    queue.accepted += stored.done + stored.dead + stored.expired + stored.cancelled;
  }
  for (const StoredEnd& stored : event.state.ended) {
    ModelJob& job = jobs_[stored.id.str()];
    job.id = stored.id.str();
    job.state = ModelJob::State::kEnded;
    job.outcome = stored.outcome;
    job.headers.reply_requested = stored.reply_wanted;
  }
  for (const StoredJob& stored : event.state.jobs) {
    make_way_for(stored);
    ModelJob& job = restore(stored);
    if (job.due_at <= now_) wait(job, true);
  }
  restore_backlog();
  ++step_;  // whatever becomes ready now is younger
  give_back_claimed();
}

// A plain job that was taken while the store could not be opened.
void BrokerModel::make_way_for(const StoredJob& stored) {
  const std::string id = stored.accepted.id.str();
  const std::string queue = stored.accepted.queue.str();
  std::vector<ModelJob*> in_the_way;
  for (const auto& [number, job] : unfinished_) {
    const bool like = !stored.accepted.headers.unique.empty() && job->queue == queue &&
                      job->headers.unique == stored.accepted.headers.unique;
    if (job->id == id || job->followers.contains(id) || like) in_the_way.push_back(job);
  }
  for (ModelJob* job : in_the_way) end_in_favour(*job);
  merged_.erase(id);
}

void BrokerModel::end_in_favour(ModelJob& job) {
  if (job.headers.guarantee) return violate("recovery", fmt::format("{} is restored twice", job.id));
  ModelWorker* worker = job.state == ModelJob::State::kRunning ? find_worker(job.worker) : nullptr;
  if (worker && worker->capabilities.settle) ++worker->disowned;
  end(job, Outcome::kLost);
}

// To those that said that they run them when the store could not be opened yet. The newest conversation is right.
void BrokerModel::give_back_claimed() {
  std::map<uint64_t, std::pair<PeerKey, ModelWorker*>, std::greater<>> newest_first;
  for (auto& [key, worker] : workers_) newest_first[worker.number] = {key, &worker};
  for (auto& [number, claimant] : newest_first) {
    auto& [key, worker] = claimant;
    for (const HeldJob& claim : std::exchange(worker->claims, {})) {
      ModelJob* job = find(claim.request_id.view());
      if (!job || !job->queued() || !job->orphaned || job->attempt != claim.attempt) continue;
      world_.coverage.count(Covered::kHeldGivenBack);
      give_back(*job);
      job->worker = key;
      job->origin = worker->claims_from;
      --worker->disowned;
    }
  }
}

void BrokerModel::restore_backlog() {
  for (const StoredJob& stored : backlog_before_start) {
    ModelJob& job = restore(stored);
    job.stored = true;
    const std::string route = stored.accepted.reply_to.str();
    if (!route.empty()) job.askers = {{static_cast<Side>(route[0] - '0'), route.substr(1)}};
  }
}

// What the records of this step say of where jobs are.
void BrokerModel::note_backlog() {
  for (const JobRecord& record : effects_->records) {
    if (const auto* accepted = std::get_if<JobAccepted>(&record); accepted && accepted->backlog) {
      world_.coverage.count(Covered::kBacklogJob);
      if (ModelJob* job = find(accepted->id.view())) job->stored = true;
    }
    if (const auto* requeued = std::get_if<JobRequeued>(&record); requeued && requeued->backlog) {
      world_.coverage.count(Covered::kBacklogRetry);
      ModelJob* job = find(requeued->id.view());
      if (!job) continue;
      job->stored = true;
      job->due_at = requeued->due_at;
    }
  }
}

void BrokerModel::apply(const BacklogClaimed& event) {
  for (const StoredJob& stored : event.jobs) {
    ModelJob* job = find(stored.accepted.id.view());
    if (!job) return violate("backlog", fmt::format("{} is claimed and was never accepted", stored.accepted.id.view()));
    if (job->stored) claimed(*job);
  }
  if (event.claim.which == BacklogClaim::Which::kDue) check_claim_order(event);
  end_late_cancels();
}

// What the broker says of them in this step.
void BrokerModel::end_late_cancels() {
  for (const Send& send : effects_->sends) {
    const auto* ack = std::get_if<Ack>(&send.message.body);
    const auto* error = std::get_if<ErrorMessage>(&send.message.body);
    if (!ack && !error) continue;
    const Bytes& about = ack ? ack->acknowledged : error->offending_id;
    const auto late = late_cancels_.find({{send.side, send.peer.str()}, about.str()});
    if (late == late_cancels_.end()) continue;
    const auto& [id, was_there] = late->second;
    ModelJob* job = find(id);
    if (job && !job->unfinished()) job = nullptr;
    if (ack && !job) violate("cancel", fmt::format("CANCEL of {}, which is unknown, is acknowledged", id));
    if (ack && job) cancelled(*job);
    if (error && error->error.code == ErrorCode::kUnknownJob && was_there && job && job->expires_at > now_) {
      violate("cancel", fmt::format("CANCEL of {} is refused: {}", id, error->error.text));
    }
  }
}

void BrokerModel::cancelled(ModelJob& job) {
  // A step may begin with picks that were left to it, before what came in it.
  const bool picked_now = std::any_of(effects_->sends.begin(), effects_->sends.end(), [&](const Send& send) {
    return std::holds_alternative<Request>(send.message.body) && job_id_of(send.message.id.view()) == job.id;
  });
  if (job.state == ModelJob::State::kRunning || picked_now) {
    job.cancel_requested = true;
  } else {
    end(job, Outcome::kCancelled);
  }
}

// It takes its place behind those that wait in memory.
void BrokerModel::claimed(ModelJob& job) {
  job.stored = false;
  world_.coverage.count(job.expires_at <= now_ ? Covered::kBacklogExpired : Covered::kClaimed);
  if (job.expires_at <= now_) return end(job, Outcome::kExpired);
  if (job.state == ModelJob::State::kWaiting || (job.state == ModelJob::State::kDelayed && job.due_at <= now_)) {
    wait(job, false);
  }
}

void BrokerModel::check_claim_order(const BacklogClaimed& event) {
  if (event.jobs.empty()) return;
  const StoredJob& last = event.jobs.back();
  const ModelJob* newest = find(last.accepted.id.view());
  for (const auto& [number, job] : unfinished_) {
    if (!job->stored || job->queue != event.claim.queue || job->headers.priority != event.claim.priority) continue;
    if (std::pair(job->due_at, job->number) < std::pair(last.due_at, newest->number)) {
      violate("backlog-order", fmt::format("{} is claimed before {}, which was due before it", newest->id, job->id));
    }
  }
}

ModelJob& BrokerModel::restore(const StoredJob& stored) {
  ModelJob& job = jobs_[stored.accepted.id.str()];
  job.id = stored.accepted.id.str();
  job.queue = stored.accepted.queue.str();
  job.headers = stored.accepted.headers;
  job.number = next_number_++;
  job.askers = {{Side::kFrontend, ""}};  // nobody, until somebody asks again
  job.due_at = stored.running ? now_ + settings_.resume_grace : stored.due_at;
  job.expires_at = stored.accepted.expires_at;
  job.attempt = stored.attempt;
  job.retries_used = stored.retries_used;
  job.losses = stored.losses;
  job.orphaned = job.lost = stored.running;
  job.given_out = stored.attempt > 0;
  job.ready_order = ++step_;
  unfinished_[job.number] = &job;
  ++queues_[job.queue].accepted;
  return job;
}

const Body* BrokerModel::answer_to(const MessageArrived& event) const {
  for (const Send& send : effects_->sends) {
    if (send.side != event.side || send.peer != event.peer) continue;
    const auto* ack = std::get_if<Ack>(&send.message.body);
    const auto* error = std::get_if<ErrorMessage>(&send.message.body);
    if (ack && ack->acknowledged == event.message.id) return &send.message.body;
    if (error && error->offending_id == event.message.id) return &send.message.body;
  }
  return nullptr;
}

void BrokerModel::must_be_answered(const MessageArrived& event) {
  if (answer_to(event) || no_errors_.contains({event.side, event.peer.str()})) return;
  violate("no-answer", fmt::format("{} gets neither ACK nor ERROR", event.message.id.view()));
}

void BrokerModel::on(const MessageArrived& event, const Request& request) {
  const Body* answer = answer_to(event);
  if (!answer) return must_be_answered(event);
  const PeerKey from{event.side, event.peer.str()};
  ModelJob* known = find(event.message.id.view());
  if (known || merged_.contains(event.message.id.str())) {
    world_.coverage.count(Covered::kDuplicateRequest);
    if (!std::holds_alternative<Ack>(*answer))
      violate("dedupe", fmt::format("{} is known and was refused", event.message.id.view()));
    return repeated(event, request, known);
  }
  if (const auto* error = std::get_if<ErrorMessage>(answer)) return refused(event, request, error->error);
  const std::string queue = queue_of(request);
  ModelJob* holder = request.headers.unique.empty() ? nullptr : unique_holder(queue, request.headers.unique);
  if (holder && has_expired(*holder)) {
    end(*holder, Outcome::kExpired);
    holder = nullptr;
  }
  if (!holder) return accept(event, request, queue);
  world_.coverage.count(Covered::kUniqueJob);
  merged_.insert(event.message.id.str());
  if (request.headers.reply_requested) holder->followers[event.message.id.str()].insert(from);
  holder->sharers.insert(event.message.id.str());
  if (request.headers.guarantee) holder->headers.guarantee = true;
}

// The answer may go there now; if the job has ended, it is said again.
void BrokerModel::repeated(const MessageArrived& event, const Request& request, ModelJob* job) {
  const PeerKey from{event.side, event.peer.str()};
  const std::string id = event.message.id.str();
  if (job) job->askers.insert(from);
  if (job && job->unfinished()) return;
  for (const auto& [number, other] : unfinished_) {
    const auto follower = other->followers.find(id);
    if (follower == other->followers.end()) continue;
    follower->second.insert(from);
    return;
  }
  if (!request.headers.reply_requested) return;
  const auto merged = merged_ends_.find(id);
  DueReply due{Outcome::kLost, {from}};
  if (job) due = {job->outcome, {from}, !job->headers.reply_requested};
  if (merged != merged_ends_.end()) due = {merged->second, {from}};
  due_replies_[id] = due;
}

void BrokerModel::refused(const MessageArrived& event, const Request& request, const Error& error) {
  world_.coverage.count(Covered::kJobRefused);
  const std::string queue = queue_of(request);
  const auto held = std::count_if(unfinished_.begin(), unfinished_.end(), [&](const auto& entry) {
    return entry.second->queue == queue && entry.second->queued() && !entry.second->stored;
  });
  const bool fits_the_store = request.headers.guarantee && request.headers.unique.empty();
  const bool right = (error.code == ErrorCode::kShuttingDown && draining_) ||
                     (error.code == ErrorCode::kStoreUnavailable && !store_available_ && request.headers.guarantee) ||
                     (error.code == ErrorCode::kQueueFull && !fits_the_store &&
                      static_cast<uint64_t>(held) >= settings_.jobs_per_queue) ||
                     (error.code == ErrorCode::kUnknownQueue && settings_.unknown_queue == UnknownQueue::kReject &&
                      workers_of(queue) == 0);
  if (!right) violate("refusal", fmt::format("{} is refused for no reason: {}", event.message.id.view(), error.text));
}

std::string BrokerModel::queue_of(const Request& request) const {
  const std::string name = request.queue.empty() ? settings_.default_queue_name : request.queue.str();
  const bool falls_back = settings_.unknown_queue == UnknownQueue::kDefault && workers_of(name) == 0;
  return falls_back ? settings_.default_queue_name : name;
}

size_t BrokerModel::workers_of(const std::string& queue) const {
  return static_cast<size_t>(std::count_if(workers_.begin(), workers_.end(), [&](const auto& entry) {
    return !entry.second.leaving && entry.second.weights.contains(queue);
  }));
}

ModelJob* BrokerModel::unique_holder(const std::string& queue, const Bytes& key) {
  for (const auto& [number, job] : unfinished_) {
    if (job->queue == queue && job->headers.unique == key) return job;
  }
  return nullptr;
}

void BrokerModel::accept(const MessageArrived& event, const Request& request, const std::string& queue) {
  world_.coverage.count(Covered::kJobAccepted);
  if (!store_available_ && request.headers.guarantee)
    violate("store", fmt::format("{} is accepted while the store is away", event.message.id.view()));
  if (draining_) violate("drain", fmt::format("{} is accepted while the broker stops", event.message.id.view()));
  ModelJob& job = jobs_[event.message.id.str()];
  job.id = event.message.id.str();
  job.queue = queue;
  job.headers = request.headers;
  job.number = next_number_++;
  job.askers = {{event.side, event.peer.str()}};
  job.due_at = now_ + request.headers.delay;
  job.expires_at = request.headers.expires ? now_ + *request.headers.expires : Instant::never();
  unfinished_[job.number] = &job;
  ++queues_[queue].accepted;
  if (job.due_at <= now_) wait(job, false);
}

bool BrokerModel::shares_a_job(const std::string& id) const {
  return std::any_of(unfinished_.begin(), unfinished_.end(),
                     [&id](const auto& entry) { return entry.second->sharers.contains(id); });
}

void BrokerModel::on(const MessageArrived& event, const Cancel& cancel) {
  const Body* answer = answer_to(event);
  ModelJob* job = find(cancel.request_id.view());
  if (job && !job->unfinished()) job = nullptr;
  if (!answer && !effects_->questions.empty() && (!job || job->stored)) {
    world_.coverage.count(Covered::kLateCancel);
    late_cancels_.insert(
        {{{event.side, event.peer.str()}, event.message.id.str()}, {cancel.request_id.str(), job != nullptr}});
    return;
  }
  must_be_answered(event);
  if (!answer) return;
  if (const auto* error = std::get_if<ErrorMessage>(answer)) {
    if (error->error.code == ErrorCode::kQueueFull && (!job || job->stored)) return;
    const bool unknown =
        error->error.code == ErrorCode::kUnknownJob && (!job || (job->queued() && job->expires_at <= now_));
    // That a job is in the store alone is known of newer ones only, so any other id may be one's.
    const bool away = error->error.code == ErrorCode::kStoreUnavailable && !store_available_ &&
                      (!job || (job->headers.guarantee && job->state != ModelJob::State::kRunning));
    const ModelWorker* worker = job && job->state == ModelJob::State::kRunning ? find_worker(job->worker) : nullptr;
    const bool cannot = error->error.code == ErrorCode::kForbidden && worker && !worker->capabilities.cancel;
    const bool shares = error->error.code == ErrorCode::kForbidden && shares_a_job(cancel.request_id.str());
    if (!unknown && !cannot && !away && !shares)
      violate("cancel", fmt::format("CANCEL of {} is refused: {}", cancel.request_id.view(), error->error.text));
    return;
  }
  if (!job)
    return violate("cancel", fmt::format("CANCEL of {}, which is unknown, is acknowledged", cancel.request_id.view()));
  cancelled(*job);
}

}  // namespace eventmq::sim
