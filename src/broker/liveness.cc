// What happens when time passes: jobs fall due or expire, silent peers are given up, heartbeats are sent, and
// an orderly shutdown comes to its end.
#include <fmt/format.h>

#include <algorithm>

#include "src/broker/core.h"

namespace eventmq {

Instant Broker::State::next_wake() const {
  if (stopped_) return Instant::never();
  if (!doomed_.empty()) return now_;
  Instant wake = std::min(timers_.next(), drain_deadline_);
  if (!backlog_timers_.empty()) wake = std::min(wake, backlog_timers_.begin()->first.first);
  if (const Peer* peer = peers_.first_to_leave()) wake = std::min(wake, peer->leave_deadline);
  if (!settings_.heartbeats_enabled) return wake;
  if (const Peer* peer = peers_.longest_silent()) wake = std::min(wake, peer->last_heard + settings_.heartbeat_timeout);
  if (const Peer* peer = peers_.longest_unsent()) wake = std::min(wake, peer->last_sent + settings_.heartbeat_interval);
  return wake;
}

void Broker::State::run_due_jobs() {
  for (size_t count = 0; count < limits::kDueJobsPerTick; ++count) {
    Job* job = timers_.pop_due(now_);
    if (!job) return;
    if (has_expired(*job)) {
      expire(*job);
    } else {
      EMQ_ASSERT(job->state == JobState::kDelayed && job->due_at <= now_, "job {}", job->id.view());
      job->orphaned ? give_up_orphan(*job) : become_ready(*job);
    }
  }
}

// We were stopped, or far behind: what peers said meanwhile has not been read yet, so their silence proves nothing.
void Broker::State::forgive_own_absence() {
  if (!settings_.heartbeats_enabled || !peers_.longest_silent()) return;
  const Instant due = planned_wake_;
  if (now_ - due <= settings_.heartbeat_timeout / 2) return;
  log(LogLevel::kWarning, fmt::format("this program stood still for {:.1f} s; no peer is given up for its silence "
                                      "meanwhile",
                                      (now_ - due).seconds()));
  hear_everyone();
}

void Broker::State::hear_everyone() {
  peers_.for_each([this](Peer& peer) { peers_.heard(peer, now_); });
}

void Broker::State::on_event(PeersUnread& event) {
  peers_.for_each([&](Peer& peer) {
    if (peer.side == event.side) peers_.heard(peer, now_);
  });
}

void Broker::State::drop_silent_peers() {
  while (Peer* peer = peers_.first_to_leave()) {
    if (peer->leave_deadline > now_) break;
    drop(*peer, LossCause::kLeft);
  }
  if (!settings_.heartbeats_enabled) return;
  while (Peer* peer = peers_.longest_silent()) {
    if (peer->last_heard + settings_.heartbeat_timeout > now_) break;
    if (peer->kind != PeerKind::kWorker) {
      log(peer->kind == PeerKind::kClient ? LogLevel::kDebug : LogLevel::kWarning,
          fmt::format("{} {} has been silent for {:.1f} s and is taken for gone", peer_kind_word(peer->kind),
                      peer->name(), (now_ - peer->last_heard).seconds()));
    }
    drop(*peer, LossCause::kSilent);
  }
}

void Broker::State::send_heartbeats() {
  if (!settings_.heartbeats_enabled) return;
  while (Peer* peer = peers_.longest_unsent()) {
    if (peer->last_sent + settings_.heartbeat_interval > now_) break;
    send(*peer, Heartbeat{Bytes(fmt::format("{}.{:06}", now_.us / 1'000'000, now_.us % 1'000'000))});
  }
}

void Broker::State::start_drain() {
  if (draining_) return;
  draining_ = true;
  drain_deadline_ = now_ + settings_.drain_timeout;
  log(LogLevel::kInfo, "shutting down: no new jobs are taken, those that can run are finished");
}

// Nothing runs, and nothing waits, or would be lost before it is due, for a worker that is there; or the time is up.
bool Broker::State::drained() {
  if (now_ >= drain_deadline_) return true;
  if (running_ > 0) return false;
  for (const auto& [name, queue] : queues_) {
    if (queue->counters.waiting > 0 && queue->workers > 0) return false;
  }
  // All are looked through again only when there is no more reason to wait for the one that was found.
  const auto waits_for = [this](const Job& job) {
    const bool kept = job.headers.guarantee && settings_.store_durable;
    return job.state == JobState::kDelayed && !kept && job.due_at < drain_deadline_ && job.queue->workers > 0;
  };
  if (const Job* job = jobs_.find(drain_waits_for_.view()); job && waits_for(*job)) return false;
  const Job* found = timers_.find_before(drain_deadline_, waits_for);
  drain_waits_for_ = found ? found->id : Bytes();
  return !found;
}

void Broker::State::finish_drain() {
  uint64_t kept = backlog_size_, lost = 0;
  jobs_.for_each([&](const Job& job) {
    if (!job.headers.guarantee) {
      reply_all(job, Outcome::kLost, failure_payload(Outcome::kLost, "the broker was shut down"), 0);
    }
    if (!job.headers.guarantee || !settings_.store_durable) {
      ++lost;
    } else if (store_available_ || job.accepted_commit <= durable_commit_) {
      ++kept;
    }
  });
  if (kept + lost > 0) {
    log(lost > 0 ? LogLevel::kWarning : LogLevel::kInfo,
        fmt::format("at the end {}{} guaranteed jobs stay in the store, and {} jobs that it does not keep are lost",
                    store_available_ ? "" : "at most ", kept, lost));
  }
  // After whatever still waits for the store.
  peers_.for_each([&](Peer& peer) { send(peer.side, peer.routing_id, Goodbye{}, last_commit_); });
  stopped_ = true;
  out_->stop = true;
  log(LogLevel::kInfo, "shut down");
}

}  // namespace eventmq
