// What the store is told of guaranteed jobs. The records of one step are made durable together, as one commit.
#include "src/broker/core.h"
#include "src/broker/job_history.h"
#include "src/broker/job_text.h"
#include "src/wire/text.h"

namespace eventmq {

CommitNumber Broker::State::persist(JobRecord record) {
  if (out_->commit == 0) out_->commit = ++last_commit_;
  out_->records.push_back(std::move(record));
  return out_->commit;
}

CommitNumber Broker::State::record_accepted(Job& job) {
  job.key = ++last_key_;
  return persist(JobAccepted{job.key, job.id, job.queue->name, job.headers, job.payload, job.accepted_at, job.due_at,
                             job.expires_at, false, Bytes()});
}

CommitNumber Broker::State::record_started(const Job& job) {
  return persist(AttemptStarted{job.key, job.id, job.attempt, job.losses, job.last_worker});
}

CommitNumber Broker::State::record_requeued(const Job& job, Instant due_at) {
  return persist(
      JobRequeued{job.key, job.id, job.attempt, job.retries_used, job.losses, due_at, false, 0, Bytes(), job.history});
}

// Its job goes on; nobody waits for a reply to this request.
CommitNumber Broker::State::record_merged(const Bytes& id) {
  return persist(IdRemembered{Bytes(id.view()), Outcome::kOk, now_, false, Bytes()});
}

// With the job end the requests that share it.
CommitNumber Broker::State::record_ended(const Job& job, Outcome outcome, const Bytes& payload) {
  const bool wanted = job.headers.reply_requested;
  for (const Follower& follower : job.followers) {
    const bool wants = follower.wants_reply;
    persist(IdRemembered{follower.request_id, outcome, now_, wants, wants ? payload : Bytes()});
  }
  JobEnded record{job.key, job.id, job.queue->name, outcome, job.attempt, now_, wanted, wanted ? payload : Bytes()};
  if (is_dead(outcome)) {
    record.name = Bytes(repaired_utf8(job_name(job.payload.view())));
    const std::string error = repaired_utf8(error_text(payload.view()));
    record.error = Bytes(utf8_prefix(error, limits::kErrorTextBytes));
    record.losses = job.losses;
    record.history = job.history;
  }
  return persist(std::move(record));
}

}  // namespace eventmq
