// Guaranteed jobs for which there is no room in memory: they go to the store alone, and are claimed back as workers
// need them (backlog.h).
#include "src/broker/backlog.h"

#include <algorithm>

#include "src/broker/core.h"

namespace eventmq {
namespace {

bool counts_as_delayed(Instant accepted_at, Instant due_at) { return due_at > accepted_at; }

// Where a reply goes, as the store keeps it: the side as a digit, then the routing id.
Bytes stored_route(const Job& job) {
  if (!job.headers.reply_requested) return Bytes();
  return Bytes(static_cast<char>('0' + static_cast<int>(job.client_side)) + job.client.str());
}

ReplyRoute read_route(const StoredJob& job) {
  const std::string_view stored = job.accepted.reply_to.view();
  if (stored.empty() || stored[0] < '0' || stored[0] > '0' + static_cast<int>(Side::kAdministrative)) {
    return {Side::kFrontend, Bytes(), job.accepted.id};
  }
  return {static_cast<Side>(stored[0] - '0'), Bytes(stored.substr(1)), job.accepted.id};
}

}  // namespace

// --- There ---

// Not one with a unique key: others that come must find it.
bool Broker::State::may_leave_memory(const JobHeaders& headers) const {
  return headers.guarantee && headers.unique.empty() && settings_.store_durable;
}

bool Broker::State::window_is_full(const Queue& queue, size_t bytes) const {
  const uint64_t held = queue.counters.waiting + queue.counters.delayed;
  return held >= std::min(settings_.window_jobs, settings_.jobs_per_queue) ||
         jobs_.guaranteed_bytes() + bytes > settings_.memory_bytes / 2 ||
         jobs_.memory_bytes() + bytes > settings_.memory_bytes;
}

// `bytes` is the memory that it would take in addition. It also goes where those are that come before it.
bool Broker::State::belongs_to_backlog(const Job& job, size_t bytes) const {
  if (!may_leave_memory(job.headers)) return false;
  if (const Backlog* backlog = job.queue->backlog.get()) {
    const BacklogLane& lane = backlog->lanes[job.headers.priority];
    if (lane.size() > 0 && lane.next_due <= job.due_at) return true;
  }
  return window_is_full(*job.queue, bytes);
}

// A claim in order would find it.
bool Broker::State::comes_after_claimed(const Job& job) const {
  const Backlog* backlog = job.queue->backlog.get();
  return !backlog || backlog->lanes[job.headers.priority].claimed_to < LanePlace{job.due_at, job.key};
}

CommitNumber Broker::State::accept_to_backlog(Job& job) {
  job.key = ++last_key_;
  const CommitNumber commit =
      persist(JobAccepted{job.key, job.id, job.queue->name, job.headers, job.payload, job.accepted_at, job.due_at,
                          job.expires_at, true, stored_route(job)});
  ++job.queue->counters.accepted;
  count_into_backlog(job);
  return commit;
}

// Of a job that is to be run again: nothing holds it any more but the table.
void Broker::State::move_to_backlog(Job& job) {
  persist(JobRequeued{job.key, job.id, job.attempt, job.retries_used, job.losses, job.due_at, true,
                      job.headers.priority, stored_route(job), job.history});
  count_into_backlog(job);
  --job.queue->counters.delayed;
  jobs_.release(job);
}

// Its id is known as long as those of ended jobs.
void Broker::State::count_into_backlog(const Job& job) {
  Queue& queue = *job.queue;
  if (!queue.backlog) queue.backlog = std::make_unique<Backlog>();
  BacklogLane& lane = queue.backlog->lanes[job.headers.priority];
  const bool delayed = counts_as_delayed(job.accepted_at, job.due_at);
  ++(delayed ? lane.delayed : lane.waiting);
  ++(delayed ? queue.counters.backlog_delayed : queue.counters.backlog_waiting);
  ++backlog_size_;
  lane.next_due = std::min(lane.next_due, job.due_at);
  lane.added_due = std::min(lane.added_due, job.due_at);
  queue.backlog->next_expiry = std::min(queue.backlog->next_expiry, job.expires_at);
  queue.backlog->added_expiry = std::min(queue.backlog->added_expiry, job.expires_at);
  dedupe_.remember_in_backlog(job.id.view(), now_);
  touch_backlog(queue);
}

// A request for a job in the store came again, perhaps from a new connection: its reply goes there. False: too many
// such requests are noted already.
bool Broker::State::reroute(const MessageArrived& event, const Request& request) {
  if (!request.headers.reply_requested) return true;
  const ReplyRoute from{event.side, Bytes(event.peer.view()), Bytes(event.message.id.view())};
  const auto found = rerouted_.find(event.message.id.str());
  if (found == rerouted_.end() && rerouted_.size() >= limits::kRerouted) return false;
  if (found == rerouted_.end() || may_take_route(from, found->second)) {
    rerouted_.insert_or_assign(event.message.id.str(), from);
  }
  return true;
}

// --- And back ---

void Broker::State::touch_backlog(Queue& queue) {
  if (!queue.backlog || queue.backlog->touched) return;
  queue.backlog->touched = true;
  touched_.push_back(&queue);
}

void Broker::State::claim_for_touched() {
  for (Queue* queue : touched_) {
    queue->backlog->touched = false;
    claim_for(*queue);
  }
  touched_.clear();
}

void Broker::State::claim_for(Queue& queue) {
  Backlog& backlog = *queue.backlog;
  if (backlog.claiming) return;
  if (!backlog.wanted.empty()) {
    BacklogClaim claim{.which = BacklogClaim::Which::kKeys};
    claim.keys = backlog.wanted.front().keys;
    claim.bytes = limits::kClaimBytes;
    return send_claim(queue, std::move(claim));
  }
  if (draining_) return;
  if (backlog.next_expiry <= now_) {
    BacklogClaim claim{.which = BacklogClaim::Which::kExpired};
    claim.jobs = limits::kClaimJobs;
    claim.bytes = limits::kClaimBytes;
    return send_claim(queue, std::move(claim));
  }
  if (const std::optional<size_t> priority = lane_to_fill(queue)) return claim_due(queue, *priority);
  wake_for_backlog(queue);
}

bool Broker::State::window_has_room() const {
  return jobs_.guaranteed_bytes() < settings_.memory_bytes / 2 && jobs_.memory_bytes() < settings_.memory_bytes;
}

// The highest lane that has something due and runs low in memory. Without room, only one that has nothing there.
std::optional<size_t> Broker::State::lane_to_fill(const Queue& queue) const {
  if (queue.workers == 0) return std::nullopt;
  const size_t low = window_has_room() ? std::min<uint64_t>(limits::kClaimJobs, settings_.window_jobs) : 1;
  for (size_t priority = queue.backlog->lanes.size(); priority-- > 0;) {
    const BacklogLane& lane = queue.backlog->lanes[priority];
    if (lane.size() > 0 && lane.next_due <= now_ && !queue.has_ready(priority, low)) return priority;
  }
  return std::nullopt;
}

void Broker::State::claim_due(Queue& queue, size_t priority) {
  const bool room = window_has_room();
  BacklogClaim claim{.which = BacklogClaim::Which::kDue};
  claim.priority = static_cast<uint8_t>(priority);
  claim.after = queue.backlog->lanes[priority].claimed_to;
  claim.jobs = room ? limits::kClaimJobs : limits::kUrgentClaimJobs;
  claim.jobs = static_cast<uint32_t>(std::min<uint64_t>(claim.jobs, settings_.window_jobs));
  claim.bytes = room ? limits::kClaimBytes : limits::kUrgentClaimBytes;
  send_claim(queue, std::move(claim));
}

void Broker::State::send_claim(Queue& queue, BacklogClaim claim) {
  Backlog& backlog = *queue.backlog;
  backlog.claiming = true;
  for (BacklogLane& lane : backlog.lanes) lane.added_due = Instant::never();
  backlog.added_expiry = Instant::never();
  set_backlog_timer(queue, Instant::never());
  claim.queue = queue.name;
  claim.now = now_;
  out_->claims.push_back(std::move(claim));
}

// What is due already waits for a slot, or for room, and that is told otherwise.
void Broker::State::wake_for_backlog(Queue& queue) {
  Instant wake = queue.backlog->next_expiry;
  for (const BacklogLane& lane : queue.backlog->lanes) {
    if (queue.workers > 0 && lane.size() > 0 && lane.next_due > now_) wake = std::min(wake, lane.next_due);
  }
  set_backlog_timer(queue, wake);
}

void Broker::State::set_backlog_timer(Queue& queue, Instant at) {
  Instant& wake = queue.backlog->wake;
  if (wake == at) return;
  if (wake != Instant::never()) backlog_timers_.erase({wake, queue.number});
  wake = at;
  if (wake != Instant::never()) backlog_timers_.emplace(std::pair(wake, queue.number), &queue);
}

void Broker::State::touch_due_backlogs() {
  while (!backlog_timers_.empty() && backlog_timers_.begin()->first.first <= now_) {
    Queue& queue = *backlog_timers_.begin()->second;
    set_backlog_timer(queue, Instant::never());
    touch_backlog(queue);
  }
}

void Broker::State::on_event(BacklogClaimed& event) {
  const auto found = queues_.find(event.claim.queue.view());
  EMQ_ASSERT(found != queues_.end() && found->second->backlog && found->second->backlog->claiming,
             "queue {} has claimed nothing", event.claim.queue.view());
  Queue& queue = *found->second;
  Backlog& backlog = *queue.backlog;
  backlog.claiming = false;
  backlog.next_expiry = std::min(event.next_expiry, backlog.added_expiry);
  const bool in_turn = event.claim.which != BacklogClaim::Which::kKeys;
  std::vector<Bytes> wanted;
  for (StoredJob& job : event.jobs) {
    if (!in_turn) wanted.push_back(job.accepted.id);
    take_claimed(queue, job, in_turn);
  }
  if (!in_turn) answer_wanted(backlog, event.keys_done, wanted);
  if (event.claim.which == BacklogClaim::Which::kDue) {
    BacklogLane& lane = backlog.lanes[event.claim.priority];
    lane.next_due = std::min(event.next_due, lane.added_due);
    if (!event.jobs.empty()) lane.claimed_to = {event.jobs.back().due_at, event.jobs.back().accepted.key};
  }
  touch_backlog(queue);
}

// They are in memory now, or were claimed before. None starts before it has been changed.
void Broker::State::answer_wanted(Backlog& backlog, size_t keys, const std::vector<Bytes>& ids) {
  if (std::optional<Asker> asker = std::move(backlog.wanted.front().asker)) {
    backlog.wanted.erase(backlog.wanted.begin());
    act_for(*asker);
  } else {
    change_claimed(backlog, keys);
  }
  for (const Bytes& id : ids) {
    Job* job = jobs_.find(id.view());
    if (!job || job->state != JobState::kDelayed || job->due_at > now_) continue;
    timers_.clear(*job);
    become_ready(*job);
  }
}

// One that is claimed out of its turn leaves the backlog at once: a later claim may begin before it. It counts as
// delayed until it has been changed.
void Broker::State::take_claimed(Queue& queue, StoredJob& stored, bool in_turn) {
  BacklogLane& lane = queue.backlog->lanes[stored.accepted.headers.priority];
  // It expired after it was claimed in order, and the store had not heard yet what became of it.
  if (LanePlace{stored.due_at, stored.accepted.key} <= lane.claimed_to) return;
  const bool delayed = counts_as_delayed(stored.accepted.accepted_at, stored.due_at);
  uint64_t& in_lane = delayed ? lane.delayed : lane.waiting;
  EMQ_ASSERT(in_lane > 0, "queue {} gives more than it has", queue.name.view());
  --in_lane;
  --(delayed ? queue.counters.backlog_delayed : queue.counters.backlog_waiting);
  --backlog_size_;
  const std::string_view id = stored.accepted.id.view();
  make_way_for(stored);
  if (jobs_.find(id) || dedupe_.ended_after(id, stored.accepted.accepted_at, now_)) return drop_repeated(queue, stored);
  ReplyRoute route = read_route(stored);
  if (const auto again = rerouted_.find(stored.accepted.id.str()); again != rerouted_.end()) {
    if (may_take_route(again->second, route)) route = std::move(again->second);
    rerouted_.erase(again);
  }
  Job& job = take_in(stored);
  jobs_.change_client(job, route.side, route.peer);
  if (!route.peer.empty()) job.headers.reply_requested = true;  // the first request may have wanted no reply
  if (!in_turn) record_requeued(job, job.due_at);
  if (job.expires_at <= now_) return expire(job);
  if (in_turn && job.due_at <= now_) return become_ready(job);
  timers_.set(job, std::min(job.due_at, job.expires_at));
}

// The same request came again when its id was forgotten, and that one is in memory or has ended: it is run once. An end
// from before this acceptance is of another: a dead letter that is run again, or a request of an id that was forgotten.
void Broker::State::drop_repeated(Queue& queue, const StoredJob& stored) {
  ++counters_.duplicates;
  ++queue.counters.cancelled;
  persist(JobEnded{stored.accepted.key, stored.accepted.id, queue.name, Outcome::kCancelled, stored.attempt, now_,
                   false, Bytes()});
}

}  // namespace eventmq
