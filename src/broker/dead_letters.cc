// Dead letters: the store has them; here they are asked for, run again and removed.
#include "src/broker/dead_letters.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/broker/core.h"

namespace eventmq {

// True: it is about dead letters, and answered here or once the store has answered.
bool Broker::State::ask_for_dead(const MessageArrived& event, const Query& query) {
  const std::optional<DeadView> view = dead_view(query.what.view());
  if (!view) return false;
  const Result<DeadQuery> wanted = dead_query(*view, query.arguments.view(), now_);
  std::optional<Error> refused;
  if (!wanted) {
    refused = wanted.error();
  } else if (!settings_.store_durable) {
    refused = Error{ErrorCode::kStoreUnavailable,
                    fmt::format("store is {}, which keeps no dead letters", settings_.store_name)};
  } else {
    refused = dead_refusal(*view);
  }
  if (refused) return error(event, refused->code, refused->text), true;
  StoreQuestion question{.visits = 0, .dead = *wanted};
  question.dead->from = std::max(question.dead->from, oldest_dead());
  ask_store({Asker::Wants::kDead, event.side, event.peer, event.message.id, query.what, query.arguments},
            std::move(question));
  return true;
}

// What died before is over, though the store may clear it away later.
Instant Broker::State::oldest_dead() const { return now_ - settings_.dead_window; }

std::optional<Error> Broker::State::dead_refusal(DeadView view) const {
  if (!store_available_) return store_is_away();
  if (view == DeadView::kRetry && draining_) return Error{ErrorCode::kShuttingDown, "the broker is stopping"};
  return std::nullopt;
}

void Broker::State::answer_dead(const Asker& asker, StoreAnswer& stored) {
  const DeadView view = *dead_view(asker.what.view());
  if (const std::optional<Error> refused = dead_refusal(view)) return error(asker, refused->code, refused->text);
  const DeadLetters& found = stored.dead;
  std::string json;
  switch (view) {
    case DeadView::kList:
      json = dead_list(found, now_);
      break;
    case DeadView::kShow:
      if (found.letters.empty()) return error(asker, ErrorCode::kUnknownJob, "no dead letter has this id");
      json = dead_letter(found.letters.back(), now_);
      break;
    case DeadView::kRetry:
      json = retry_letters(found);
      break;
    case DeadView::kDelete:
      json = delete_letters(found);
      break;
  }
  forget_removed_letters();
  answer(asker, json);
}

std::string Broker::State::retry_letters(const DeadLetters& found) {
  uint64_t retried = 0;
  for (const DeadLetter& letter : found.letters) retried += retry_letter(letter) ? 1 : 0;
  return dead_changes("retried", retried, found.letters.size() - retried, found);
}

std::string Broker::State::delete_letters(const DeadLetters& found) {
  uint64_t deleted = 0;
  for (const DeadLetter& letter : found.letters) deleted += remove_letter(letter.key) ? 1 : 0;
  return dead_changes("deleted", deleted, 0, found);
}

// False: it was removed after the store had been asked.
bool Broker::State::remove_letter(JobKey key) {
  if (!removed_letters_.insert(key).second) return false;
  persist(DeadLetterRemoved{key});
  return true;
}

// What the store has answered by now knows of every removal, unless it is asked something else still.
void Broker::State::forget_removed_letters() {
  const auto about_dead = [](const auto& asked) { return asked.second.wants == Asker::Wants::kDead; };
  if (std::ranges::none_of(asked_, about_dead)) removed_letters_.clear();
}

// The job is accepted anew under its id, to be run at once. False: not now.
bool Broker::State::retry_letter(const DeadLetter& letter) {
  if (removed_letters_.contains(letter.key)) return false;
  if (jobs_.find(letter.id.view()) || dedupe_.find(letter.id.view(), now_) == KnownId::kInBacklog) return false;
  if (followed_jobs_.contains(letter.id.str())) return false;
  Result<JobHeaders> headers = parse_headers(Bytes(letter.headers.view()));
  Queue* queue = headers ? queue_for(letter.queue, limits::kQueues) : nullptr;
  if (!queue) return false;
  Job job;
  job.id = Bytes(letter.id.view());
  job.queue = queue;
  job.headers = std::move(*headers);
  job.headers.guarantee = true;
  job.payload = letter.payload;
  job.accepted_at = job.due_at = now_;
  if (job.headers.expires) job.expires_at = now_ + *job.headers.expires;
  if (!job.headers.unique.empty() && unique_jobs_.contains(unique_key(*queue, job.headers.unique))) return false;
  if (!may_leave_memory(job.headers) && memory_refusal(job.memory_bytes())) return false;
  if (job.headers.result_ttl.us > 0) persist(ResultRemoved{job.id});
  forget_end(job.id);
  take(std::move(job));
  return remove_letter(letter.key);
}

}  // namespace eventmq
