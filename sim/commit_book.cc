#include "sim/commit_book.h"

#include <fmt/format.h>

#include "sim/jobs.h"

namespace eventmq::sim {

void CommitBook::record(const JobRecord& record, CommitNumber commit) {
  std::visit([&](const auto& specific) { add(specific, commit); }, record);
}

void CommitBook::restore(const StoredState& state, const std::vector<StoredJob>& backlog) {
  for (const StoredEnd& end : state.ended) lives_[end.id.str()].ended = true;
  for (const std::vector<StoredJob>* jobs : {&state.jobs, &backlog}) {
    for (const StoredJob& job : *jobs) {
      Life& life = lives_[job.accepted.id.str()];
      life = Life();
      life.attempt = job.attempt;
      life.may_requeue = job.running;
    }
  }
}

CommitBook::Life* CommitBook::life_of(const Bytes& id, CommitNumber commit) {
  const auto found = lives_.find(id.view());
  if (found == lives_.end() || found->second.ended) {
    world_.violate("records", fmt::format("a record of {}, which is {}", id.view(),
                                          found == lives_.end() ? "not accepted" : "ended"));
    return nullptr;
  }
  found->second.last = commit;
  return &found->second;
}

void CommitBook::add(const JobAccepted& record, CommitNumber commit) {
  if (!record.headers.guarantee)
    world_.violate("records", fmt::format("{} is not guaranteed and is recorded", record.id.view()));
  if (lives_.contains(record.id.view()))
    world_.violate("records", fmt::format("{} is accepted twice", record.id.view()));
  Life& life = lives_[record.id.str()];
  life.accepted = life.last = commit;
}

void CommitBook::add(const AttemptStarted& record, CommitNumber commit) {
  Life* life = life_of(record.id, commit);
  if (!life) return;
  // The same number again: an attempt that was never begun, or that was given up and then resumed. The first
  // may be any: the job became a guaranteed one when another request with its unique key came.
  if (life->attempt != 0 && record.attempt != life->attempt && record.attempt != life->attempt + 1) {
    world_.violate("records", fmt::format("{} attempt {} follows {}", record.id.view(), record.attempt, life->attempt));
  }
  if (life->running) world_.violate("records", fmt::format("{} starts while it runs", record.id.view()));
  life->attempt = record.attempt;
  life->running = true;
  life->may_requeue = false;
}

void CommitBook::add(const JobRequeued& record, CommitNumber commit) {
  Life* life = life_of(record.id, commit);
  if (!life) return;
  if (!life->running && !life->may_requeue) {
    world_.violate("records", fmt::format("{} is requeued and does not run", record.id.view()));
  }
  life->running = life->may_requeue = false;
}

void CommitBook::claimed_by_keys(const std::vector<StoredJob>& jobs) {
  for (const StoredJob& job : jobs) {
    const auto life = lives_.find(job.accepted.id.view());
    if (life != lives_.end()) life->second.may_requeue = true;
  }
}

void CommitBook::add(const JobEnded& record, CommitNumber commit) {
  if (Life* life = life_of(record.id, commit)) life->ended = true;
}

const CommitBook::Life* CommitBook::find(std::string_view request_id) const {
  auto found = lives_.find(request_id);
  if (found == lives_.end()) found = lives_.find(job_id_of(request_id));
  return found == lives_.end() ? nullptr : &found->second;
}

CommitNumber CommitBook::needed(const Send& send) const {
  if (const auto* ack = std::get_if<Ack>(&send.message.body)) {
    const Life* life = find(ack->acknowledged.view());
    return life ? life->accepted : 0;
  }
  const Life* life = nullptr;
  if (std::holds_alternative<Request>(send.message.body)) {
    life = find(send.message.id.view());
    if (life && !store_available) return life->accepted;
  }
  if (const auto* reply = std::get_if<Reply>(&send.message.body)) life = find(reply->request_id.view());
  return life ? life->last : 0;
}

}  // namespace eventmq::sim
