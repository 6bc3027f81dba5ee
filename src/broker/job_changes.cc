// What people change of single jobs besides cancelling: one that is delayed runs now, one that waits is removed. By an
// id that is no job's any more, what it left is meant: its dead letter, its result. A job in the store alone is claimed
// first, by its key.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "src/broker/admin_views.h"
#include "src/broker/core.h"

namespace eventmq {
namespace {

constexpr std::string_view kWaits = R"({"retried": 0, "waits": true})";

std::string changed(std::string_view done, uint64_t count) { return fmt::format(R"({{"{}": {}}})", done, count); }

}  // namespace

// True: it is about such a change, and answered here or later.
bool Broker::State::change_by_query(const MessageArrived& event, const Query& query) {
  const bool retry = query.what == "jobs-retry";
  if (!retry && query.what != "jobs-delete") return false;
  const Result<std::string> id = AdminViews::job_id(query.arguments.view());
  if (!id) return error(event, id.error().code, id.error().text), true;
  const Asker asker{retry ? Asker::Wants::kRetry : Asker::Wants::kDelete,
                    event.side,
                    event.peer,
                    event.message.id,
                    query.what,
                    Bytes(*id)};
  if (jobs_.find(*id) || !settings_.store_durable) return act_for(asker), true;
  if (!store_available_) {
    return error(event, store_is_away().code, store_is_away().text), true;
  }
  StoreQuestion question;
  question.id = asker.about;
  question.visits = backlog_size_ == 0 ? 0 : std::numeric_limits<int64_t>::max();
  if (!retry) question.result_bytes = 0;
  question.dead =
      DeadQuery{.id = asker.about, .from = oldest_dead(), .letters = limits::kListingRows, .payloads = retry};
  question.dead->bytes = limits::kClaimBytes;
  ask_store(asker, std::move(question));
  return true;
}

void Broker::State::answer_change(const Asker& asker, const StoreAnswer& found) {
  const bool in_memory = jobs_.find(asker.about.view()) != nullptr;
  const bool due = !in_memory && !found.jobs.empty() && found.jobs[0].job.due_at <= now_;
  if (due && asker.wants == Asker::Wants::kRetry) {
    return send(asker.side, asker.peer, Reply{Bytes::literal(kWaits), asker.message_id});
  }
  if (in_memory || !found.jobs.empty()) return fetch_for(asker, found);
  if (found.dead.letters.empty() && !found.result) return act_for(asker);
  if (asker.wants == Asker::Wants::kRetry && draining_) {
    return error(asker, ErrorCode::kShuttingDown, "the broker is stopping");
  }
  const std::string json = asker.wants == Asker::Wants::kRetry ? retry_letters(found.dead) : delete_left(asker, found);
  forget_removed_letters();
  answer(asker, json);
}

// What a job left that has ended.
std::string Broker::State::delete_left(const Asker& asker, const StoreAnswer& found) {
  forget_end(asker.about);
  if (found.result) persist(ResultRemoved{asker.about});
  const auto removed =
      std::ranges::count_if(found.dead.letters, [&](const DeadLetter& letter) { return remove_letter(letter.key); });
  return changed("deleted", removed > 0 || found.result ? 1 : 0);
}

// Of no job that waits, and of no result that can be deleted.
std::string Broker::State::unchangeable(std::string_view id, bool retry) const {
  const bool has_ended = dedupe_.contains(id, now_) || results_.find(id, now_) != nullptr;
  if (!has_ended) return "no such job, and nothing is left of one";
  return retry ? "the job has ended: only dead letters can be run again, with emq dead retry"
               : "the job has ended, and left nothing that could be deleted";
}

// It is in memory, or the store does not know it either.
void Broker::State::change_for(const Asker& asker) {
  const bool retry = asker.wants == Asker::Wants::kRetry;
  Job* job = jobs_.find(asker.about.view());
  if (!job && !retry && results_.forget(asker.about.view())) {
    forget_end(asker.about);
    return answer(asker, changed("deleted", 1));
  }
  if (!job) return error(asker, ErrorCode::kUnknownJob, unchangeable(asker.about.view(), retry));
  if (job->state == JobState::kRunning || job->orphaned) {
    return error(asker, ErrorCode::kForbidden, "the job is running, or may be, on its worker: cancel it instead");
  }
  if (const std::optional<Error> refused = store_refusal(job->headers))
    return error(asker, refused->code, refused->text);
  if (!retry) {
    end_waiting(*job, JobOrder::kDelete);
    return answer(asker, changed("deleted", 1));
  }
  if (job->state == JobState::kWaiting || job->due_at <= now_) return answer(asker, kWaits);
  run_now(*job);
  answer(asker, changed("retried", 1));
}

// Of one that is delayed: what it waits out is over. Its attempts and retries count on.
void Broker::State::run_now(Job& job) {
  timers_.clear(job);
  job.due_at = now_;
  if (store_available_ && belongs_to_backlog(job, 0) && comes_after_claimed(job)) return move_to_backlog(job);
  if (job.headers.guarantee) record_requeued(job, now_);
  become_ready(job);
}

}  // namespace eventmq
