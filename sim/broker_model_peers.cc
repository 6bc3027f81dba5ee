// What workers say to the model: they come, resume, have free slots, settle and go.
#include <algorithm>

#include "sim/broker_model.h"
#include "src/wire/limits.h"

namespace eventmq::sim {

void BrokerModel::on(const MessageArrived& event, const Inform& inform) {
  const PeerKey key{event.side, event.peer.str()};
  const bool resumes_itself = inform.kind == PeerKind::kWorker && inform.previous_id == event.peer;
  if (!resumes_itself) drop_worker(key);
  inform.kind == PeerKind::kClient || inform.capabilities.errors ? void(no_errors_.erase(key))
                                                                 : void(no_errors_.insert(key));
  if (inform.kind != PeerKind::kWorker) return;
  must_be_answered(event);
  take_held(key, inform);
}

// Registers the worker with the jobs that it still runs from an earlier conversation.
void BrokerModel::take_held(const PeerKey& key, const Inform& inform) {
  std::vector<ModelJob*> taken;
  const PeerKey previous{key.first, inform.previous_id.str()};
  const bool resumes = inform.capabilities.resume && inform.capabilities.settle && !inform.previous_id.empty();
  if (resumes) world_.coverage.count(Covered::kResume);
  for (const HeldJob& claim : inform.held) {
    ModelJob* job = resumes ? find(claim.request_id.view()) : nullptr;
    if (!job || !job->unfinished() || job->attempt != claim.attempt || job->attempt == 0) continue;
    if (!job->orphaned && !was_held_under(*job, previous)) continue;
    if (std::find(taken.begin(), taken.end(), job) != taken.end()) continue;
    if (job->state != ModelJob::State::kRunning && !may_take_back(*job)) continue;
    taken.push_back(job);
    if (job->state != ModelJob::State::kRunning) give_back(*job);
  }
  // Set aside, so that the end of the former conversation does not lose them.
  for (ModelJob* job : taken) job->worker = {key.first, ""};
  drop_worker(key);
  if (resumes) drop_worker(previous);
  for (ModelJob* job : taken) {
    job->worker = key;
    job->origin = previous;
  }
  world_.coverage.count(Covered::kResumedJob, taken.size());

  ModelWorker& worker = workers_[key];
  worker.capabilities = inform.capabilities;
  worker.number = next_number_++;
  worker.disowned = inform.held.size() - taken.size();
  worker.claims_from = previous;
  for (const HeldJob& claim : inform.held) {
    const bool is_taken = std::ranges::any_of(taken, [&](ModelJob* job) { return job->id == claim.request_id.view(); });
    if (resumes && !is_taken) worker.claims.push_back(claim);
  }
  worker.last_heard = now_;
  for (const QueueWeight& queue : inform.queues) worker.weights.emplace(queue.name.str(), queue.weight);
  if (inform.queues.empty()) worker.weights[settings_.default_queue_name] = QueueWeight().weight;
}

// The attempt turns out to be alive.
void BrokerModel::give_back(ModelJob& job) {
  if (!job.orphaned || job.state == ModelJob::State::kWaiting) --job.losses;
  job.orphaned = false;
  if (job.loss_charged) --job.retries_used;
  job.lost = job.loss_charged = false;
  job.state = ModelJob::State::kRunning;
}

// By that worker, or by one that resumed it from that worker and never spoke: its INFORM came, its ACK did not.
bool BrokerModel::was_held_under(const ModelJob& job, const PeerKey& previous) {
  if (job.worker == previous) return true;
  const ModelWorker* present = job.state == ModelJob::State::kRunning ? find_worker(job.worker) : nullptr;
  return job.origin == previous && (!present || !present->spoke);
}

// The last attempt was lost, or it was and a later one was handed back.
bool BrokerModel::may_take_back(const ModelJob& job) const { return job.handed_back ? job.losses > 0 : job.lost; }

void BrokerModel::on(const MessageArrived& event, const Ready&) {
  ModelWorker* worker = find_worker({event.side, event.peer.str()});
  if (worker && !worker->leaving) worker->credits = std::min(worker->credits + 1, limits::kCreditsPerWorker);
}

void BrokerModel::on(const MessageArrived& event, const Reply& reply) {
  const PeerKey key{event.side, event.peer.str()};
  ModelWorker* worker = find_worker(key);
  if (!worker) return;
  ModelJob* job = held_by(key, *worker, reply.request_id, reply.attempt);
  Outcome outcome = reply.outcome;
  if (!reply.has_outcome) {
    const bool timed_out = job && job->headers.timeout.us > 0 && reply.payload == R"({"value": "TimeoutError"})";
    outcome = timed_out ? Outcome::kTimeout : Outcome::kOk;
  }
  if (outcome == Outcome::kLost || outcome == Outcome::kExpired) outcome = Outcome::kError;
  bool frees_slot = true;
  if (!job) {
    world_.coverage.count(Covered::kLateReply);
    const bool claimed = std::erase_if(worker->claims, [&](const HeldJob& claim) {
                           return claim.request_id == reply.request_id && claim.attempt == reply.attempt;
                         }) > 0;
    frees_slot = claimed || worker->disowned > worker->claims.size();
    if (frees_slot) --worker->disowned;
  } else if (outcome == Outcome::kReturned) {
    hand_back(*job);
  } else {
    attempt_failed(*job, outcome);
  }
  if (worker->capabilities.settle && outcome != Outcome::kReturned && !worker->leaving && frees_slot) {
    worker->credits = std::min(worker->credits + 1, limits::kCreditsPerWorker);
  }
}

void BrokerModel::on(const MessageArrived& event, const Disconnect&) {
  if (ModelWorker* worker = find_worker({event.side, event.peer.str()})) {
    worker->leaving = true;
    worker->credits = 0;
  } else if (event.side == Side::kAdministrative) {
    draining_ = true;
  }
}

void BrokerModel::on(const MessageArrived& event, const Goodbye&) {
  const PeerKey key{event.side, event.peer.str()};
  ModelWorker* worker = find_worker(key);
  if (!worker) return;
  const bool runs = std::any_of(unfinished_.begin(), unfinished_.end(), [&](const auto& entry) {
    return entry.second->state == ModelJob::State::kRunning && entry.second->worker == key;
  });
  if (worker->capabilities.settle || !runs) return drop_worker(key);
  worker->leaving = true;
  worker->credits = 0;
  if (worker->leave_deadline == Instant::never()) worker->leave_deadline = now_ + settings_.leave_grace;
}

ModelJob* BrokerModel::held_by(const PeerKey& key, const ModelWorker& worker, const Bytes& request_id,
                               uint32_t attempt) {
  for (const auto& [number, job] : unfinished_) {
    if (job->state != ModelJob::State::kRunning || job->worker != key) continue;
    const bool same = worker.capabilities.settle ? job->id == request_id.view() && job->attempt == attempt
                                                 : published_attempt_id(*job, job->attempt) == request_id.view();
    if (same) return job;
  }
  return nullptr;
}

}  // namespace eventmq::sim
