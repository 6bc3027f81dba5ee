// Recomputes what the counters and lists say from the jobs themselves. For tests and the simulator.
#include <map>
#include <set>

#include "src/broker/core.h"

namespace eventmq {

void Broker::State::check_invariants() const {
  check_jobs();
  check_queues();
  check_peers();
}

void Broker::State::check_jobs() const {
  uint64_t memory_bytes = 0;
  size_t timers = 0;
  size_t unique_keys = 0;
  size_t followers = 0;
  uint64_t guaranteed_bytes = 0;
  jobs_.for_each([&](const Job& job) {
    memory_bytes += job.memory_bytes();
    if (job.headers.guarantee) guaranteed_bytes += job.memory_bytes();
    if (job.timer_index != Job::kNoTimer) ++timers;
    followers += job.followers.size();
    if (!job.headers.unique.empty()) {
      ++unique_keys;
      const auto found = unique_jobs_.find(unique_key(*job.queue, job.headers.unique));
      EMQ_ASSERT(found != unique_jobs_.end() && found->second == &job, "job {}", job.id.view());
    }
    EMQ_ASSERT((job.state == JobState::kRunning) == (job.worker != nullptr), "job {}", job.id.view());
    EMQ_ASSERT(job.state != JobState::kDelayed || job.timer_index != Job::kNoTimer, "job {}", job.id.view());
    EMQ_ASSERT(job.state != JobState::kRunning || job.timer_index == Job::kNoTimer, "job {}", job.id.view());
    EMQ_ASSERT(job.retries_used <= job.headers.retry_count, "job {}", job.id.view());
    EMQ_ASSERT(!job.handed_back || job.state == JobState::kWaiting, "job {}", job.id.view());
  });
  EMQ_ASSERT(memory_bytes == jobs_.memory_bytes(), "{} and {}", memory_bytes, jobs_.memory_bytes());
  EMQ_ASSERT(guaranteed_bytes == jobs_.guaranteed_bytes(), "{} and {}", guaranteed_bytes, jobs_.guaranteed_bytes());
  EMQ_ASSERT(timers == timers_.size(), "{} and {}", timers, timers_.size());
  EMQ_ASSERT(followers == followed_jobs_.size(), "{} and {}", followers, followed_jobs_.size());
  EMQ_ASSERT(unique_keys == unique_jobs_.size(), "{} and {}", unique_keys, unique_jobs_.size());
}

void Broker::State::check_queues() const {
  struct Seen {
    uint64_t waiting = 0, delayed = 0, running = 0;
  };
  std::map<const Queue*, Seen> seen;
  jobs_.for_each([&](const Job& job) {
    Seen& counts = seen[job.queue];
    ++(job.state == JobState::kWaiting   ? counts.waiting
       : job.state == JobState::kDelayed ? counts.delayed
                                         : counts.running);
  });
  uint64_t backlog = 0;
  for (const auto& [name, queue] : queues_) {
    backlog += queue->counters.backlog_waiting + queue->counters.backlog_delayed;
    const Seen& counts = seen[queue.get()];
    EMQ_ASSERT(queue->counters.conserved(), "queue {}", name);
    EMQ_ASSERT(queue->counters.waiting == counts.waiting, "queue {}", name);
    EMQ_ASSERT(queue->counters.delayed == counts.delayed, "queue {}", name);
    EMQ_ASSERT(queue->counters.running == counts.running, "queue {}", name);
    EMQ_ASSERT(queue->count_waiting() == counts.waiting, "queue {}", name);
    check_backlog(*queue);
    EMQ_ASSERT(queue->counters.waiting == 0 || queue->available.empty(), "queue {} waits beside a free slot", name);
  }
  EMQ_ASSERT(backlog == backlog_size_, "{} and {}", backlog, backlog_size_);
}

void Broker::State::check_backlog(const Queue& queue) const {
  uint64_t waiting = 0, delayed = 0;
  if (const Backlog* backlog = queue.backlog.get()) {
    for (const BacklogLane& lane : backlog->lanes) {
      waiting += lane.waiting;
      delayed += lane.delayed;
    }
    const bool timed = backlog_timers_.contains({backlog->wake, queue.number});
    EMQ_ASSERT(timed == (backlog->wake != Instant::never()), "queue {}", queue.name.view());
  }
  EMQ_ASSERT(queue.counters.backlog_waiting == waiting, "queue {}", queue.name.view());
  EMQ_ASSERT(queue.counters.backlog_delayed == delayed, "queue {}", queue.name.view());
}

void Broker::State::check_peers() const {
  std::map<const Queue*, size_t> serving, ranked;
  size_t subscriptions = 0;
  size_t all_running = 0;
  peers_.for_each([&](Peer& peer) {
    if (peer.kind != PeerKind::kWorker) return;
    const Worker& worker = static_cast<const Worker&>(peer);
    EMQ_ASSERT(worker.ranked == (worker.credits > 0), "worker {}", worker.routing_id.view());
    EMQ_ASSERT(!worker.leaving || (worker.credits == 0 && worker.subscriptions.empty()), "worker {}",
               worker.routing_id.view());
    subscriptions += worker.subscriptions.size();
    for (const Subscription& subscription : worker.subscriptions) {
      ++serving[subscription.queue];
      ranked[subscription.queue] += worker.ranked ? 1 : 0;
    }
    size_t running = 0;
    for (const Job* job = worker.running.front(); job; job = JobList::next(*job), ++running) {
      EMQ_ASSERT(job->worker == &worker, "job {}", job->id.view());
    }
    EMQ_ASSERT(running == worker.running.size(), "worker {}", worker.routing_id.view());
    all_running += running;
  });
  EMQ_ASSERT(subscriptions == subscriptions_, "{} and {}", subscriptions, subscriptions_);
  EMQ_ASSERT(all_running == running_, "{} and {}", all_running, running_);
  for (const auto& [name, queue] : queues_) {
    EMQ_ASSERT(queue->workers == serving[queue.get()], "queue {}", name);
    EMQ_ASSERT(queue->available.size() == ranked[queue.get()], "queue {}", name);
  }
}

}  // namespace eventmq
