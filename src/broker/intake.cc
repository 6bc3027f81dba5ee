// What clients ask for: jobs, their cancelling, schedules.
#include <fmt/format.h>

#include "src/broker/core.h"

namespace eventmq {

std::string unique_key(const Queue& queue, const Bytes& key) {
  std::string whole(queue.name.view());
  whole += ',';  // queue names have none
  whole += key.view();
  return whole;
}

void Broker::State::on_message(const MessageArrived& event, Request& request) {
  if (answer_known_id(event)) return;
  Queue* queue = nullptr;
  if (const std::optional<Error> refused = refusal(request, queue)) {
    if (queue && refused->code == ErrorCode::kQueueFull) ++queue->counters.refused;
    return error(event, refused->code, refused->text);
  }
  if (merge_unique(event, request, *queue)) return;
  accept(event, request, *queue);
}

// A client that got no ACK sends again, perhaps from a new connection: the answer then goes there.
bool Broker::State::answer_known_id(const MessageArrived& event) {
  if (Job* job = jobs_.find(event.message.id.view())) {
    ++counters_.duplicates;
    job->client_side = event.side;
    if (job->client != event.peer) jobs_.change_client(*job, event.peer);
    ack(event, job->accepted_commit);
    return true;
  }
  if (!dedupe_.contains(event.message.id.view(), now_)) return false;
  ++counters_.duplicates;
  ack(event, last_commit_);
  return true;
}

bool Broker::State::merge_unique(const MessageArrived& event, const Request& request, const Queue& queue) {
  if (request.headers.unique.empty()) return false;
  const auto found = unique_jobs_.find(unique_key(queue, request.headers.unique));
  if (found == unique_jobs_.end()) return false;
  Job& job = *found->second;
  if (request.headers.reply_requested) {
    for (ReplyRoute& known : job.followers) {
      if (known.request_id == event.message.id) {  // sent again
        known.side = event.side;
        known.peer = event.peer;
        ack(event, job.accepted_commit);
        return true;
      }
    }
    if (job.followers.size() >= limits::kFollowersPerJob) {
      error(event, ErrorCode::kQueueFull, "too many requests wait for the job with this unique key");
      return true;
    }
    job.followers.push_back({event.side, event.peer, event.message.id});
  }
  ++counters_.merged;
  ack(event, job.accepted_commit);
  return true;
}

// Why the request cannot be taken; nothing if it can. Sets `queue` where it is known.
std::optional<Error> Broker::State::refusal(const Request& request, Queue*& queue) {
  if (draining_) return Error{ErrorCode::kShuttingDown, "the broker is stopping"};
  const Bytes default_name(settings_.default_queue_name);
  queue = queue_for(request.queue.empty() ? default_name : request.queue);
  if (queue && queue->workers == 0 && settings_.unknown_queue != UnknownQueue::kHold) {
    if (settings_.unknown_queue == UnknownQueue::kReject) {
      return Error{ErrorCode::kUnknownQueue, fmt::format("no worker serves queue {}", queue->name.view())};
    }
    queue = queue_for(default_name);
  }
  if (!queue) return Error{ErrorCode::kQueueFull, fmt::format("the broker holds {} queues already", queues_.size())};
  const QueueCounters& counters = queue->counters;
  if (counters.waiting + counters.delayed >= settings_.jobs_per_queue) {
    return Error{ErrorCode::kQueueFull, fmt::format("queue {} holds {} jobs, its limit (setting hwm)",
                                                    queue->name.view(), counters.waiting + counters.delayed)};
  }
  if (jobs_.memory_bytes() + request.payload.size() + request.headers.text.size() + sizeof(Job) >
      settings_.memory_bytes) {
    return Error{ErrorCode::kQueueFull, fmt::format("the broker holds {} MiB of jobs, its limit (setting memory_limit)",
                                                    jobs_.memory_bytes() >> 20)};
  }
  return std::nullopt;
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
  Job& job = jobs_.add(std::move(fresh));
  ++queue.counters.accepted;
  ++queue.counters.delayed;
  if (!job.headers.unique.empty()) unique_jobs_.emplace(unique_key(queue, job.headers.unique), &job);
  if (job.headers.guarantee) {
    job.accepted_commit = persist(
        JobAccepted{job.id, queue.name, job.headers, job.payload, job.accepted_at, job.due_at, job.expires_at});
  }
  ack(event, job.accepted_commit);
  if (job.due_at <= now_) return become_ready(job);
  timers_.set(job, std::min(job.due_at, job.expires_at));
}

void Broker::State::become_ready(Job& job) {
  set_state(job, JobState::kWaiting);
  job.sequence = next_sequence_++;
  job.queue->push(job);
  place(job);
}

void Broker::State::on_message(const MessageArrived& event, Cancel& cancel) {
  Job* job = jobs_.find(cancel.request_id.view());
  if (!job) return error(event, ErrorCode::kUnknownJob, "no such job, or it has ended");
  const bool guaranteed = job->headers.guarantee;
  if (const std::optional<Error> refused = cancel_job(*job)) return error(event, refused->code, refused->text);
  ack(event, guaranteed ? last_commit_ : 0);
}

std::optional<Error> Broker::State::cancel_job(Job& job) {
  if (job.state != JobState::kRunning) {
    if (job.state == JobState::kWaiting) job.queue->remove(job);
    end(job, Outcome::kCancelled, failure_payload(Outcome::kCancelled, "cancelled before it started"));
    return std::nullopt;
  }
  if (!job.worker->capabilities.cancel) {
    return Error{ErrorCode::kForbidden, "the job runs on a worker that cannot cancel jobs"};
  }
  if (job.cancel_requested) return std::nullopt;
  job.cancel_requested = true;
  send(*job.worker, Cancel{job.id});
  return std::nullopt;
}

void Broker::State::on_message(const MessageArrived& event, Schedule& schedule) {
  Peer* chosen = nullptr;  // the one that was spoken to longest ago, so that several take turns
  peers_.for_each([&](Peer& peer) {
    if (peer.kind != PeerKind::kScheduler || peer.leaving) return;
    if (!chosen || peer.last_sent < chosen->last_sent) chosen = &peer;
  });
  if (!chosen) return error(event, ErrorCode::kNoScheduler, "no scheduler is connected");
  forward(*chosen, event.message.id, schedule);
  ack(event);
}

void Broker::State::on_message(const MessageArrived& event, Unschedule& unschedule) {
  bool any = false;
  peers_.for_each([&](Peer& peer) {
    if (peer.kind != PeerKind::kScheduler || peer.leaving) return;
    any = true;
    forward(peer, event.message.id, unschedule);
  });
  if (!any) return error(event, ErrorCode::kNoScheduler, "no scheduler is connected");
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

// The queue of that name, made if it is new. Null when there are too many.
Queue* Broker::State::queue_for(const Bytes& name) {
  const auto found = queues_.find(name.view());
  if (found != queues_.end()) return found->second.get();
  if (queues_.size() >= limits::kQueues) prune_queues();
  if (queues_.size() >= limits::kQueues) return nullptr;
  auto queue = std::make_unique<Queue>(Bytes(name.view()));
  Queue* added = queue.get();
  queues_.emplace(added->name.view(), std::move(queue));
  return added;
}

// Forgets the queues that hold nothing and that nobody serves; their counts go on in the totals.
void Broker::State::prune_queues() {
  std::erase_if(queues_, [this](const auto& entry) {
    if (!entry.second->idle()) return false;
    retired_ += entry.second->counters;
    return true;
  });
}

}  // namespace eventmq
