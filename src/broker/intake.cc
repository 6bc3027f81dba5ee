// What clients ask for: jobs, their cancelling, schedules.
#include <fmt/format.h>

#include <algorithm>

#include "src/broker/core.h"
#include "src/broker/job_text.h"

namespace eventmq {

namespace {

ReplyRoute sender_of(const MessageArrived& event) { return {event.side, event.peer, event.message.id}; }

}  // namespace

std::string unique_key(const Queue& queue, const Bytes& key) {
  std::string whole(queue.name.view());
  whole += ',';  // queue names have none
  whole += key.view();
  return whole;
}

void Broker::State::on_message(const MessageArrived& event, Request& request) {
  if (answer_known_id(event, request)) return;
  // First: whether a store that is not there holds it already, nobody knows, and what else is wrong would end it.
  if (const std::optional<Error> refused = store_refusal(request.headers)) {
    return error(event, refused->code, refused->text);
  }
  const Result<Queue*> queue = queue_of(request);
  if (!queue) return error(event, queue.error().code, queue.error().text);
  if (merge_unique(event, request, **queue)) return;
  if (const std::optional<Error> refused = refusal(event, request, **queue)) {
    if (refused->code == ErrorCode::kQueueFull) ++(*queue)->counters.refused;
    return error(event, refused->code, refused->text);
  }
  accept(event, request, **queue);
}

// A client that got no ACK sends again, perhaps from a new connection: the answer then goes there.
bool Broker::State::answer_known_id(const MessageArrived& event, const Request& request) {
  if (Job* job = jobs_.find(event.message.id.view())) {
    ++counters_.duplicates;
    if (!give_guarantee(event, request, *job)) return true;
    if (takes_reply(event, request, {job->client_side, job->client, event.message.id}, job->headers.reply_requested)) {
      jobs_.change_client(*job, event.side, event.peer);
      job->headers.reply_requested = request.headers.reply_requested;
    }
    ack_again(event, job->accepted_commit);
    return true;
  }
  if (const auto found = followed_jobs_.find(event.message.id.str()); found != followed_jobs_.end()) {
    ++counters_.duplicates;
    if (!give_guarantee(event, request, *found->second)) return true;
    Follower& follower = found->second->follower(event.message.id);
    if (takes_reply(event, request, follower, follower.wants_reply)) {
      jobs_.change_follower(*found->second, follower, sender_of(event));
      follower.wants_reply = request.headers.reply_requested;
    }
    ack_again(event, found->second->accepted_commit);
    return true;
  }
  const KnownId known = dedupe_.find(event.message.id.view(), now_);
  if (known == KnownId::kNot || joins_again(request, known)) return false;
  ++counters_.duplicates;
  if (known == KnownId::kInBacklog && !reroute(event, request)) {
    error(event, ErrorCode::kQueueFull, "too many requests for jobs in the store came again");
    return true;
  }
  if (!ack_again(event, last_commit_)) return true;
  if (known != KnownId::kInBacklog && request.headers.reply_requested) repeat_reply(event, request);
  return true;
}

// It shared a job without the guarantee that is asked for now, and that job lives: it must have it before the ACK. That
// job is in the queue that the request names or in the default one, whichever it would go to now.
bool Broker::State::joins_again(const Request& request, KnownId known) {
  if (known != KnownId::kJoined || !request.headers.guarantee || request.headers.unique.empty()) return false;
  const auto shares = [&](std::string_view queue) {
    const auto found = queues_.find(queue);
    if (found == queues_.end()) return false;
    const auto job = unique_jobs_.find(unique_key(*found->second, request.headers.unique));
    return job != unique_jobs_.end() && !has_expired(*job->second);
  };
  return shares(request.queue.view()) || shares(settings_.default_queue_name);
}

// The job was taken without the guarantee that is asked for now: it has it from now on. False: it cannot, as was said.
bool Broker::State::give_guarantee(const MessageArrived& event, const Request& request, Job& job) {
  if (!request.headers.guarantee || job.headers.guarantee) return true;
  if (const std::optional<Error> refused = store_refusal(request.headers)) {
    error(event, refused->code, refused->text);
    return false;
  }
  make_guaranteed(job);
  return true;
}

// The ACK of a request that came again. While the store is away these wait for it, however often a peer repeats itself,
// so beyond a number they are not given: a client that gets none sends again in its next conversation.
bool Broker::State::ack_again(const MessageArrived& event, CommitNumber after) {
  const bool waits = !store_available_ && after > durable_commit_;
  if (waits && repeats_waiting_ == limits::kRepeatsWaiting) {
    withhold_ack(event);
    return false;
  }
  if (waits) ++repeats_waiting_;
  ack(event, after);
  return true;
}

// A worker's conversation must not end for this, and who never said INFORM has none.
void Broker::State::withhold_ack(const MessageArrived& event) {
  Peer* peer = peers_.find(event.side, event.peer.view());
  if (peer && peer->kind == PeerKind::kClient) {
    peer->ack_withheld = true;
  } else {
    error(event, ErrorCode::kStoreUnavailable, "too many requests that came again wait for the store: send it later");
  }
}

// A client sends again what was not ACKed when its conversation has ended, and not before.
void Broker::State::end_conversations_without_acks() {
  std::vector<Peer*> peers;
  peers_.for_each([&](Peer& peer) {
    if (peer.ack_withheld) peers.push_back(&peer);
  });
  for (Peer* peer : peers) {
    send(peer->side, peer->routing_id, Goodbye{}, last_commit_);  // after what waits for the store and is for it
    drop(*peer, LossCause::kLeft);
  }
}

// Of a request that came again: the first one may have wanted no reply, and one that wants none takes it from nobody.
bool Broker::State::takes_reply(const MessageArrived& event, const Request& request, const ReplyRoute& route,
                                bool wanted) const {
  const bool wants = request.headers.reply_requested;
  return wants == wanted ? may_take_route(sender_of(event), route) : wants;
}

// The reply goes to the newest sender of the request. A REQUEST can arrive from an old connection, late, after it was
// repeated on a new one: that one is not the newest.
bool Broker::State::may_take_route(const ReplyRoute& from, const ReplyRoute& route) const {
  const Peer* present = peers_.find(route.side, route.peer.view());
  if (!present) return true;
  const Peer* sender = peers_.find(from.side, from.peer.view());
  return sender && sender->connected_at >= present->connected_at;
}

// The job has ended, but its REPLY may have been lost with the client's connection.
void Broker::State::repeat_reply(const MessageArrived& event, const Request& request) {
  const RecentReplies::Entry* known = recent_replies_.find(event.message.id.view());
  if (!known && request.headers.guarantee && settings_.store_durable) return want_end(event);
  const Outcome outcome = known ? known->outcome : Outcome::kLost;
  const Bytes payload =
      known ? known->payload : failure_payload(outcome, "the job has ended, and its result is no longer known");
  send(event.side, event.peer, Reply{payload, event.message.id, 0, true, outcome}, last_commit_);
}

// The queue that takes the request, made if it is new.
Result<Queue*> Broker::State::queue_of(const Request& request) {
  const Bytes default_name(settings_.default_queue_name);
  const Bytes& wanted = request.queue.empty() ? default_name : request.queue;
  if (settings_.unknown_queue == UnknownQueue::kHold) return queue_or_refusal(wanted);
  const auto found = queues_.find(wanted.view());
  if (found != queues_.end() && found->second->workers > 0) return found->second.get();
  if (settings_.unknown_queue == UnknownQueue::kDefault) return queue_or_refusal(default_name);
  return fail(ErrorCode::kUnknownQueue, fmt::format("no worker serves queue {}", wanted.view()));
}

Result<Queue*> Broker::State::queue_or_refusal(const Bytes& name) {
  if (Queue* queue = queue_for(name, limits::kQueues)) return queue;
  ++counters_.queues_refused;
  return fail(ErrorCode::kQueueFull, fmt::format("the broker holds {} queues already", queues_.size()));
}

// Another request with the same unique key is at work: this one shares its job, and its reply.
bool Broker::State::merge_unique(const MessageArrived& event, const Request& request, const Queue& queue) {
  if (request.headers.unique.empty()) return false;
  const auto found = unique_jobs_.find(unique_key(queue, request.headers.unique));
  if (found == unique_jobs_.end()) return false;
  Job& job = *found->second;
  if (has_expired(job)) {
    expire(job);
    return false;
  }
  const bool follows = request.headers.reply_requested || request.headers.result_ttl.us > 0;
  if (follows) {
    if (const std::optional<Error> refused = follow(event, request, job)) {
      error(event, refused->code, refused->text);
      return true;
    }
  }
  ++counters_.merged;
  if (request.headers.guarantee && !job.headers.guarantee) make_guaranteed(job);
  ack(event, follows ? job.accepted_commit : join(event.message.id, job));
  return true;
}

// Its id is known from now on, and its job goes on without it. Gives the commit to wait for. While the store is away
// nothing is kept of it, as of any plain request: else their number would be bounded by nothing.
CommitNumber Broker::State::join(const Bytes& id, const Job& job) {
  if (!job.headers.guarantee || !store_available_) {
    dedupe_.remember_joined(id.view(), now_);
    return 0;
  }
  dedupe_.remember(id.view(), now_);
  return record_merged(id);
}

// Notes where the reply goes too, and whose result is kept. Nothing if that is done.
std::optional<Error> Broker::State::follow(const MessageArrived& event, const Request& request, Job& job) {
  const Follower route{sender_of(event), request.headers.reply_requested, request.headers.result_ttl};
  if (job.followers.size() >= limits::kFollowersPerJob) {
    return Error{ErrorCode::kQueueFull, "too many requests wait for the job with this unique key"};
  }
  if (std::optional<Error> refused = memory_refusal(route.memory_bytes())) return refused;
  jobs_.add_follower(job, route);
  followed_jobs_.emplace(route.request_id.str(), &job);
  return std::nullopt;
}

// One of the requests that share the job asked for the guarantee, so the job has it from now on.
void Broker::State::make_guaranteed(Job& job) {
  jobs_.make_guaranteed(job);
  job.accepted_commit = record_accepted(job);
  if (job.attempt > 0) record_started(job);
  if (job.attempt > 0 && !job.worker) record_requeued(job, job.due_at);
}

std::optional<Error> Broker::State::memory_refusal(size_t bytes) const {
  if (jobs_.memory_bytes() + bytes <= settings_.memory_bytes) return std::nullopt;
  return Error{ErrorCode::kQueueFull, fmt::format("with it the broker would hold more jobs than {} MiB, its limit "
                                                  "(setting memory_limit)",
                                                  settings_.memory_bytes >> 20)};
}

// Whatever happens to a guaranteed job must be kept.
std::optional<Error> Broker::State::store_refusal(const JobHeaders& headers) const {
  if (store_available_ || !headers.guarantee) return std::nullopt;
  return Error{ErrorCode::kStoreUnavailable, "the store cannot keep it: " + store_fault_};
}

// Why the request cannot be taken; nothing if it can.
std::optional<Error> Broker::State::refusal(const MessageArrived& event, const Request& request,
                                            const Queue& queue) const {
  if (draining_) return Error{ErrorCode::kShuttingDown, "the broker is stopping"};
  if (may_leave_memory(request.headers)) return std::nullopt;
  return room_refusal(event, request, queue);
}

std::optional<Error> Broker::State::room_refusal(const MessageArrived& event, const Request& request,
                                                 const Queue& queue) const {
  const uint64_t held = queue.counters.waiting + queue.counters.delayed;
  if (held >= settings_.jobs_per_queue) {
    return Error{ErrorCode::kQueueFull,
                 fmt::format("queue {} holds {} jobs, its limit (setting hwm)", queue.name.view(), held)};
  }
  return memory_refusal(sizeof(Job) + frames_memory_bytes(event.message.id, request.headers, request.payload));
}

void Broker::State::accept(const MessageArrived& event, Request& request, Queue& queue) {
  Job fresh;
  fresh.id = event.message.id;
  fresh.queue = &queue;
  fresh.headers = std::move(request.headers);
  fresh.payload = std::move(request.payload);
  fresh.client_side = event.side;
  fresh.client = event.peer;
  fresh.accepted_at = now_;
  fresh.due_at = now_ + fresh.headers.delay;
  if (fresh.headers.expires) fresh.expires_at = now_ + *fresh.headers.expires;
  ack(event, take(std::move(fresh)));
}

// From now on the broker answers for it. Gives the commit that makes it durable; 0 for one that is not.
CommitNumber Broker::State::take(Job fresh) {
  if (belongs_to_backlog(fresh, fresh.memory_bytes())) return accept_to_backlog(fresh);
  Job& job = jobs_.add(std::move(fresh));
  ++job.queue->counters.accepted;
  ++job.queue->counters.delayed;
  if (!job.headers.unique.empty()) unique_jobs_.emplace(unique_key(*job.queue, job.headers.unique), &job);
  if (job.headers.guarantee) job.accepted_commit = record_accepted(job);
  if (job.due_at <= now_) {
    become_ready(job);
  } else {
    timers_.set(job, std::min(job.due_at, job.expires_at));
  }
  return job.accepted_commit;
}

void Broker::State::become_ready(Job& job) {
  set_state(job, JobState::kWaiting);
  if (job.orphaned) {
    job.queue->push_handed_back(job);
  } else {
    job.sequence = next_sequence_++;
    job.queue->push(job);
  }
  place(job);
}

void Broker::State::on_message(const MessageArrived& event, Cancel& cancel) {
  if (!jobs_.find(cancel.request_id.view()) && ask_to_cancel(event, cancel.request_id, false)) return;
  cancel_for({Asker::Wants::kCancel, event.side, event.peer, event.message.id, Bytes(), cancel.request_id});
}

std::optional<Error> Broker::State::cancel_job(Job& job) {
  if (job.state != JobState::kRunning) {
    if (std::optional<Error> refused = store_refusal(job.headers)) return refused;
    end_waiting(job, JobOrder::kCancel);
    return std::nullopt;
  }
  if (!job.worker->capabilities.cancel) {
    return Error{ErrorCode::kForbidden, "the job runs on a worker that cannot cancel jobs"};
  }
  if (job.cancel_requested) return std::nullopt;
  job.cancel_requested = true;
  send_cancel(job);
  return std::nullopt;
}

// Or delayed.
void Broker::State::end_waiting(Job& job, JobOrder change) {
  if (job.state == JobState::kWaiting) job.queue->remove(job);
  const bool deleted = change == JobOrder::kDelete;
  end_undispatched(job, Outcome::kCancelled, deleted ? "deleted before it started" : "cancelled before it started");
}

// Not before the REQUEST that it is about.
void Broker::State::send_cancel(const Job& job) {
  Worker& worker = *job.worker;
  peers_.sent(worker, now_);
  send(worker.side, worker.routing_id, Cancel{id_at(worker, job)}, job.request_commit);
}

// A schedule that is handed in again must meet the scheduler that has it, or two would run it.
void Broker::State::on_message(const MessageArrived& event, Schedule& schedule) {
  Peer* chosen = peers_.scheduler_for(schedule_number(schedule.payload.view()));
  if (!chosen) return error(event, ErrorCode::kNoScheduler, "no scheduler is connected");
  forward(*chosen, event.message.id, schedule);
  ack(event);
}

void Broker::State::on_message(const MessageArrived& event, Unschedule& unschedule) {
  if (peers_.count(PeerKind::kScheduler) == 0) {
    return error(event, ErrorCode::kNoScheduler, "no scheduler is connected");
  }
  peers_.for_each_scheduler([&](Peer& peer) { forward(peer, event.message.id, unschedule); });
  ack(event);
}

// To a scheduler of the published protocol go the published headers only: it looks for names as substrings.
void Broker::State::forward(Peer& scheduler, const Bytes& id, std::variant<Schedule, Unschedule> command) {
  std::visit(
      [&](auto& fields) {
        if (!scheduler.announced_capabilities) {
          fields.headers.text = Bytes(published_schedule_headers(fields.headers));
        }
        peers_.sent(scheduler, now_);
        out_->sends.push_back({scheduler.side, scheduler.routing_id, {id, std::move(fields)}, 0});
      },
      command);
}

void Broker::State::on_message(const MessageArrived& event, Publish&) {
  error(event, ErrorCode::kUnknownCommand, "PUBLISH goes to the publish socket");
}

// The queue of that name, made if it is new. Null when there are so many already.
Queue* Broker::State::queue_for(const Bytes& name, size_t queues_max) {
  const auto found = queues_.find(name.view());
  if (found != queues_.end()) return found->second.get();
  if (queues_.size() >= queues_max && now_ >= next_pruning_) prune_queues();
  if (queues_.size() >= queues_max) return nullptr;
  auto queue = std::make_unique<Queue>(Bytes(name.view()), next_queue_number_++);
  Queue* added = queue.get();
  queues_.emplace(added->name.view(), std::move(queue));
  return added;
}

// Forgets the queues that hold nothing and that nobody serves; their counts go on in the totals.
void Broker::State::prune_queues() {
  next_pruning_ = now_ + limits::kQueuePruning;  // it takes long when there are many
  std::erase_if(queues_, [this](const auto& entry) {
    if (!entry.second->idle()) return false;
    if (entry.second->backlog) set_backlog_timer(*entry.second, Instant::never());
    retired_ += entry.second->counters;
    return true;
  });
}

}  // namespace eventmq
