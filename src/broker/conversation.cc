// Peers come, speak and go.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "src/broker/core.h"
#include "src/wire/text.h"

namespace eventmq {
namespace {

std::string jobs_text(size_t count) { return fmt::format("{} {}", count, count == 1 ? "job" : "jobs"); }

// What the broker says it knows, in its ACK of an INFORM that carried capabilities.
Bytes broker_capabilities(const std::string& instance, uint64_t frame_bytes_max) {
  Capabilities all;
  all.settle = all.errors = all.cancel = all.progress = all.multi_ack = all.resume = true;
  all.instance = Bytes(instance);
  all.frame_bytes_max = frame_bytes_max;
  return Bytes(capabilities_text(all));
}

}  // namespace

bool Broker::State::has_room_for(PeerKind kind) const {
  switch (kind) {
    case PeerKind::kWorker:
      return peers_.count(kind) < limits::kWorkers;
    case PeerKind::kScheduler:
      return peers_.count(kind) < limits::kSchedulers;
    case PeerKind::kClient:
      return peers_.count(kind) < limits::kClients;
  }
  EMQ_ASSERT(false);
}

void Broker::State::on_message(const MessageArrived& event, Inform& inform) {
  Peer* known = peers_.find(event.side, event.peer.view());
  // A worker that begins anew under its own name: what it does not claim is gone with its earlier life.
  const bool resumes_itself =
      known && inform.previous_id == event.peer && known->kind == PeerKind::kWorker && inform.kind == PeerKind::kWorker;
  if (known && !resumes_itself) drop(*known, LossCause::kRestarted);
  if (!resumes_itself && !has_room_for(inform.kind)) {
    return refuse_inform(
        event, inform,
        fmt::format("the broker serves {} {}s already", peers_.count(inform.kind), peer_kind_word(inform.kind)));
  }
  if (inform.kind == PeerKind::kWorker) {
    if (!register_worker(event, inform)) return;
  } else {
    introduce(std::make_unique<Peer>(inform.kind, event.side, Bytes(event.peer.view())), inform);
  }
  log(inform.kind == PeerKind::kClient ? LogLevel::kDebug : LogLevel::kInfo,
      fmt::format("{} {} is here", peer_kind_word(inform.kind), shown_id(event.peer.view())));
  send(event.side, event.peer,
       Ack{event.message.id,
           inform.has_capabilities ? broker_capabilities(instance_, settings_.frame_bytes_max) : Bytes()});
  if (inform.kind == PeerKind::kWorker) repeat_cancels(event);
}

// Its INFORM tells whether it understands ERROR, whatever an earlier one said.
void Broker::State::refuse_inform(const MessageArrived& event, const Inform& inform, std::string text) {
  log(LogLevel::kWarning, fmt::format("refused INFORM of {}: {}", shown_id(event.peer.view()), text));
  if (inform.capabilities.errors) {
    tell_error(event.side, event.peer, ErrorCode::kQueueFull, std::move(text), event.message.id);
  }
}

void Broker::State::introduce(std::unique_ptr<Peer> peer, const Inform& inform) {
  peer->announced_capabilities = inform.has_capabilities;
  peer->capabilities = inform.capabilities;
  peer->capabilities.instance = Bytes();  // of no use here, like frame_bytes_max
  peer->capabilities.frame_bytes_max = 0;
  peers_.add(std::move(peer), now_);
}

// A worker that goes on with its jobs may have missed that some are to be cancelled.
void Broker::State::repeat_cancels(const MessageArrived& event) {
  Peer* peer = peers_.find(event.side, event.peer.view());
  EMQ_ASSERT(peer && peer->kind == PeerKind::kWorker);
  if (!peer->capabilities.cancel) return;
  Worker& worker = static_cast<Worker&>(*peer);
  for (Job* job = worker.running.front(); job; job = JobList::next(*job)) {
    if (job->cancel_requested) send_cancel(*job);
  }
}

// False if it was refused.
bool Broker::State::register_worker(const MessageArrived& event, Inform& inform) {
  if (inform.queues.empty()) inform.queues.push_back({10, Bytes(settings_.default_queue_name)});
  auto fresh = std::make_unique<Worker>(event.side, Bytes(event.peer.view()));
  fresh->number = next_worker_number_++;
  fresh->capabilities = inform.capabilities;
  if (const std::optional<Error> refused = subscribe(*fresh, inform.queues)) {
    unsubscribe(*fresh);
    refuse_inform(event, inform, refused->text);
    return false;
  }
  Worker& worker = *fresh;
  const std::vector<Job*> held = take_held(worker, inform);
  worker.disowned = static_cast<uint32_t>(inform.held.size() - held.size());
  take_claims(worker, inform);
  if (Peer* old = peers_.find(event.side, event.peer.view())) drop(*old, LossCause::kRestarted);
  if (Peer* old = find_previous(worker, inform)) drop(*old, LossCause::kRestarted);
  introduce(std::move(fresh), inform);
  for (Job* job : held) {
    job->resumed_from = inform.previous_id;
    job->last_worker = worker.routing_id;
  }
  counters_.resumed += held.size();
  if (!held.empty()) {
    log(LogLevel::kInfo, fmt::format("worker {} goes on with {}", worker.name(), jobs_text(held.size())));
  }
  return true;
}

// A queue that is named twice counts once, with the first weight.
std::optional<Error> Broker::State::subscribe(Worker& worker, const std::vector<QueueWeight>& queues) {
  std::unordered_set<const Queue*> seen;
  for (const QueueWeight& wanted : queues) {
    // Clients that fill the queues they may make keep no worker out.
    Queue* queue = queue_for(wanted.name, limits::kQueuesWithInformed);
    if (!queue) return Error{ErrorCode::kQueueFull, fmt::format("the broker holds {} queues already", queues_.size())};
    if (!seen.insert(queue).second) continue;
    if (subscriptions_ >= limits::kSubscriptions) {
      return Error{ErrorCode::kQueueFull, fmt::format("the broker's workers serve {} queues already", subscriptions_)};
    }
    ++subscriptions_;
    ++queue->workers;
    touch_backlog(*queue);
    worker.subscriptions.push_back({queue, wanted.weight, 0, {}});
  }
  return std::nullopt;
}

void Broker::State::unsubscribe(Worker& worker) {
  EMQ_ASSERT(!worker.ranked && subscriptions_ >= worker.subscriptions.size());
  subscriptions_ -= worker.subscriptions.size();
  for (const Subscription& subscription : worker.subscriptions) --subscription.queue->workers;
  worker.subscriptions.clear();
}

// Only a worker that settles knows jobs by their ids and attempts.
bool Broker::State::may_resume(const Worker& worker, const Inform& inform) {
  return worker.capabilities.resume && worker.settles() && !inform.previous_id.empty();
}

Worker* Broker::State::find_previous(const Worker& worker, const Inform& inform) const {
  if (!may_resume(worker, inform)) return nullptr;
  Peer* previous = peers_.find(worker.side, inform.previous_id.view());
  return previous && previous->kind == PeerKind::kWorker ? static_cast<Worker*>(previous) : nullptr;
}

// Moves to the worker the jobs that it still runs from an earlier conversation: those its former self holds,
// and those that were taken from it for its silence but that nobody else has started.
std::vector<Job*> Broker::State::take_held(Worker& worker, const Inform& inform) {
  std::vector<Job*> taken;
  if (!may_resume(worker, inform)) return taken;
  for (const HeldJob& claim : inform.held) {
    Job* job = jobs_.find(claim.request_id.view());
    if (!job || job->attempt != claim.attempt) continue;
    if (!job->orphaned && !was_held_under(*job, inform.previous_id)) continue;
    if (job->worker == &worker) continue;  // claimed twice
    if (give_back(*job, worker)) taken.push_back(job);
  }
  return taken;
}

// The attempt goes on at the worker, which said that it runs it. False: it does not.
bool Broker::State::give_back(Job& job, Worker& worker) {
  if (job.state == JobState::kRunning) {
    if (job.worker->side != worker.side) return false;
    detach(job);
  } else if (job.attempt == 0 || !take_back(job)) {
    return false;
  }
  job.worker = &worker;
  worker.running.push_back(job);
  return true;
}

// What it runs may be jobs of a store that could not be opened yet; and of what is not its own any more, each result
// frees a slot.
void Broker::State::take_claims(Worker& worker, Inform& inform) {
  if (!may_resume(worker, inform)) return;
  for (HeldJob& claim : inform.held) {
    const Job* job = jobs_.find(claim.request_id.view());
    if (!job || job->worker != &worker) worker.claims.push_back({Bytes(claim.request_id.view()), claim.attempt});
  }
  worker.claims_from = Bytes(inform.previous_id.view());
}

// The attempt was given to the worker under this routing id. Or it was resumed from it by a conversation that the
// worker gave up before it had our ACK, as when we stood still: it knows nothing of that one, and has said nothing in
// it.
bool Broker::State::was_held_under(const Job& job, const Bytes& routing_id) {
  if (job.last_worker == routing_id) return true;
  return job.resumed_from == routing_id && (!job.worker || !job.worker->spoke);
}

// A lost attempt turns out to be alive: its job leaves the waiting or delayed ones and runs on.
bool Broker::State::take_back(Job& job) {
  const bool was_lost = job.losses > 0 && (job.handed_back || job.loss_cost_retry);
  if (!was_lost && !job.orphaned) return false;
  const bool was_counted = !job.orphaned || job.state == JobState::kWaiting;
  if (job.state == JobState::kWaiting) job.queue->remove(job);
  timers_.clear(job);
  if (job.loss_cost_retry) --job.retries_used;
  job.loss_cost_retry = false;
  if (was_counted) --job.losses;
  job.orphaned = false;
  set_state(job, JobState::kRunning);
  if (job.headers.guarantee) record_started(job);
  return true;
}

void Broker::State::on_message(const MessageArrived& event, Ready&) {
  if (Worker* worker = find_worker(event)) add_credit(*worker);
}

void Broker::State::on_message(const MessageArrived& event, Heartbeat&) {
  if (!peers_.find(event.side, event.peer.view())) stranger(event);
}

// On the administrative socket it is the order to shut down; but of a peer that said INFORM there, as a job manager
// that was given this address by mistake, it says that the peer leaves.
void Broker::State::on_message(const MessageArrived& event, Disconnect&) {
  Peer* peer = peers_.find(event.side, event.peer.view());
  if (!peer && event.side == Side::kAdministrative) {
    ack(event);
    return start_drain();
  }
  const bool is_worker = peer && peer->kind == PeerKind::kWorker;
  send(event.side, event.peer, Goodbye{}, is_worker ? last_request_commit(static_cast<Worker&>(*peer)) : 0);
  if (!peer) return;
  if (!is_worker) return drop(*peer, LossCause::kLeft);
  stop_feeding(static_cast<Worker&>(*peer));
}

// A worker that is told farewell may go, so that comes after the REQUESTs that wait for the store; it hands them back.
CommitNumber Broker::State::last_request_commit(const Worker& worker) const {
  CommitNumber last = 0;
  for (const Job* job = worker.running.front(); job; job = JobList::next(*job)) {
    last = std::max(last, job->request_commit);
  }
  return last;
}

void Broker::State::on_message(const MessageArrived& event, Goodbye&) {
  Peer* peer = peers_.find(event.side, event.peer.view());
  if (!peer) return;
  if (peer->kind != PeerKind::kWorker) return drop(*peer, LossCause::kLeft);
  // A worker that settles says this when it holds nothing more. One of the published protocol says it first
  // and then lets its last jobs end, without another heartbeat.
  Worker& worker = static_cast<Worker&>(*peer);
  if (worker.settles() || worker.running.empty()) return drop(worker, LossCause::kLeft);
  stop_feeding(worker);
  peers_.start_leaving(worker, now_ + settings_.leave_grace);
}

void Broker::State::on_message(const MessageArrived&, Ack&) {}

void Broker::State::on_message(const MessageArrived& event, ErrorMessage& message) {
  log(LogLevel::kWarning, fmt::format("peer {} says {}: {}", shown_id(event.peer.view()),
                                      error_word(message.error.code), message.error.text));
}

void Broker::State::on_message(const MessageArrived& event, Progress& progress) {
  Worker* worker = find_worker(event);
  if (!worker) return;
  Job* job = jobs_.find(progress.request_id.view());
  if (!job || job->worker != worker) return;  // of an attempt that was given up; its result will be counted
  Peer* client = peers_.find(job->client_side, job->client.view());
  if (client && client->capabilities.progress) send(*client, Progress{job->id, progress.fraction, progress.text});
}

// The worker that said it; a stranger is told to begin with INFORM.
Worker* Broker::State::find_worker(const MessageArrived& event) {
  Peer* peer = peers_.find(event.side, event.peer.view());
  if (peer && peer->kind == PeerKind::kWorker) return static_cast<Worker*>(peer);
  if (!peer) {
    stranger(event);
    return nullptr;
  }
  ++counters_.bad_messages;
  if (peer->capabilities.errors) {
    error(event, ErrorCode::kForbidden,
          fmt::format("{} is for workers, and this peer is a {}", command_word(event.message.body),
                      peer_kind_word(peer->kind)));
  }
  return nullptr;
}

// Someone speaks as if it had sent INFORM: it met an earlier life of this broker, or was given up for silence.
// KBYE makes it begin a new conversation.
void Broker::State::stranger(const MessageArrived& event) {
  ++counters_.strangers;
  send(event.side, event.peer, Goodbye{});
}

// It gets nothing more to do, but may settle what it has.
void Broker::State::stop_feeding(Worker& worker) {
  worker.leaving = true;
  set_ranked(worker, false);
  worker.credits = 0;
  unsubscribe(worker);
}

// A send to it did not leave. A job that was in it never started. A worker that can resume may still run the others and
// comes back in a new conversation, so it keeps them until its silence has lasted; any other is gone, but only once
// all the failed sends of this turn are known, so that none of their jobs is counted as lost.
void Broker::State::worker_unreachable(Worker& worker, bool stuck, const Request* undelivered, const Bytes& id) {
  stop_feeding(worker);
  if (undelivered) {
    if (Job* job = held_by(worker, id.view(), undelivered->attempt)) hand_back(*job);
  }
  if (worker.unreachable) return;
  worker.unreachable = true;
  const bool silence_counts = settings_.heartbeats_enabled;
  if (stuck || !worker.capabilities.resume || !silence_counts) doomed_.push_back(&worker);
}

void Broker::State::drop_doomed() {
  for (Worker* worker : doomed_) drop(*worker, LossCause::kUnreachable);
  doomed_.clear();
}

void Broker::State::log_loss(const Worker& worker, LossCause cause) {
  const size_t jobs = worker.running.size();
  const std::string with = jobs == 0 ? "" : " with " + jobs_text(jobs);
  const std::string what = cause == LossCause::kSilent
                               ? fmt::format("has been silent for {:.1f} s", (now_ - worker.last_heard).seconds())
                               : std::string(loss_text(cause));
  log(jobs > 0 || cause == LossCause::kSilent ? LogLevel::kWarning : LogLevel::kInfo,
      fmt::format("worker {} {} and is gone{}", worker.name(), what, with));
}

// It is gone: what it still holds is lost with it.
void Broker::State::drop(Peer& peer, LossCause cause) {
  if (peer.kind == PeerKind::kWorker) {
    Worker& worker = static_cast<Worker&>(peer);
    stop_feeding(worker);
    log_loss(worker, cause);
    while (Job* job = worker.running.front()) attempt_lost(*job, cause);
    out_->gone.push_back({worker.side, worker.routing_id});
  }
  if (cause == LossCause::kSilent || cause == LossCause::kUnreachable) ++counters_.peers_lost;
  peers_.remove(peer);
}

}  // namespace eventmq
