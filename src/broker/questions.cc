// What is asked about jobs that only the store knows: listings, and cancelling by id. The answers come later.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "src/broker/admin_views.h"
#include "src/broker/core.h"

namespace eventmq {

// What clients ask is counted apart, so that they cannot keep people from asking.
bool Broker::State::ask_store(Asker asker, StoreQuestion question) {
  const bool by_client = asker.side == Side::kFrontend && asker.wants == Asker::Wants::kResult;
  const auto same = [&](const auto& asked) {
    return by_client == (asked.second.side == Side::kFrontend && asked.second.wants == Asker::Wants::kResult);
  };
  const size_t most = by_client ? limits::kOpenResultQuestions : limits::kOpenQuestions;
  if (static_cast<size_t>(std::ranges::count_if(asked_, same)) >= most) {
    error(asker, ErrorCode::kQueueFull, "too many questions wait for the store: ask again later");
    return false;
  }
  question.number = ++last_question_;
  question.after = last_commit_;
  question.now = now_;
  out_->questions.push_back(std::move(question));
  asked_.emplace(last_question_, std::move(asker));
  return true;
}

// True: the store is asked, and that is answered later.
bool Broker::State::ask_for_view(const MessageArrived& event, const Query& query) {
  if (!settings_.store_durable) return false;
  std::optional<StoreQuestion> question = AdminViews{*this}.question_for(query.what.view(), query.arguments.view());
  if (!question) return false;
  if (!store_available_) {
    if (query.what != "job") return false;  // a listing says what it lacks
    return error(event, store_is_away().code, store_is_away().text), true;
  }
  ask_store({Asker::Wants::kView, event.side, event.peer, event.message.id, query.what, query.arguments},
            std::move(*question));
  return true;
}

std::optional<JobsPlace> Broker::State::page_in_memory(const JobsQuery& query, size_t rows,
                                                       const std::function<void(const Job&)>& show) const {
  if (query.after.in_store) return std::nullopt;
  const AdminViews views{*this};
  size_t shown = 0;
  const std::optional<size_t> next = jobs_.visit_slots(query.after.at, query.visits(), [&](const Job& job) {
    if (shown == rows) return false;
    if (!query.fits(job, views.state_word(job), now_)) return true;
    ++shown;
    show(job);
    return true;
  });
  return next ? std::optional(JobsPlace{false, *next}) : std::nullopt;
}

// One that has been opened once has a fence, or gave or took a job: then it is only away.
bool Broker::State::store_is_unread() const {
  return !store_available_ && store_fence_ == 0 && last_key_ == 0 && last_commit_ == 0;
}

// True: the job may be in the store alone, which is asked. So it is where an end of an earlier life is known: the job
// may have been accepted again after it, and its id not been recalled.
bool Broker::State::ask_to_cancel(const MessageArrived& event, const Bytes& id, bool by_query) {
  if (followed_jobs_.contains(id.str())) return false;
  if (!store_may_have_jobs() || dedupe_.ended_after(id.view(), started_at_, now_)) return false;
  if (!store_available_) {
    return error(event, store_is_away().code, store_is_away().text), true;
  }
  StoreQuestion question;
  question.id = id;
  question.visits = std::numeric_limits<int64_t>::max();
  ask_store({by_query ? Asker::Wants::kCancelByQuery : Asker::Wants::kCancel, event.side, event.peer, event.message.id,
             Bytes(), id},
            std::move(question));
  return true;
}

void Broker::State::on_event(StoreAnswer& event) {
  const auto found = asked_.find(event.number);
  EMQ_ASSERT(found != asked_.end(), "question {} was never asked", event.number);
  const Asker asker = std::move(found->second);
  asked_.erase(found);
  if (asker.wants == Asker::Wants::kEnds) return answer_ends(event);
  if (event.error) return error(asker, event.error->code, event.error->text);
  if (asker.wants == Asker::Wants::kDead) return answer_dead(asker, event);
  if (asker.wants == Asker::Wants::kResult) return answer_result(asker, &event);
  if (asker.wants == Asker::Wants::kRetry || asker.wants == Asker::Wants::kDelete) return answer_change(asker, event);
  if (asker.wants == Asker::Wants::kMany) return claim_many(asker, event);
  asker.wants == Asker::Wants::kView ? show(asker, event) : fetch_for(asker, event);
}

void Broker::State::show(const Asker& asker, const StoreAnswer& found) {
  const Result<std::string> json = AdminViews{*this}.view(asker.what.view(), asker.about.view(), &found);
  if (!json) return error(asker, json.error().code, json.error().text);
  send(asker.side, asker.peer, Reply{Bytes(*json), asker.message_id});
}

// It may have been claimed, or have ended, since the store was asked. Else it is claimed now, by its key.
void Broker::State::fetch_for(const Asker& asker, const StoreAnswer& found) {
  if (jobs_.find(asker.about.view()) || found.jobs.empty()) return act_for(asker);
  const StoredJob& job = found.jobs[0].job;
  const auto queue = queues_.find(job.accepted.queue.view());
  if (queue == queues_.end() || !queue->second->backlog) return act_for(asker);
  queue->second->backlog->wanted.push_back({.keys = {job.accepted.key}, .ids = {asker.about}, .asker = asker});
  touch_backlog(*queue->second);
}

// The job is in memory now, if there is one.
void Broker::State::act_for(const Asker& asker) {
  const bool cancels = asker.wants == Asker::Wants::kCancel || asker.wants == Asker::Wants::kCancelByQuery;
  cancels ? cancel_for(asker) : change_for(asker);
}

void Broker::State::cancel_for(const Asker& asker) {
  Job* job = jobs_.find(asker.about.view());
  const auto shared = followed_jobs_.find(asker.about.str());
  if (!job && shared != followed_jobs_.end()) {
    return error(asker, ErrorCode::kForbidden,
                 fmt::format("it shares job {} by its unique key, which others wait for: cancel that one",
                             shared->second->id.view()));
  }
  if (!job) {
    return error(asker, ErrorCode::kUnknownJob, "no such job, or it has ended");
  }
  const bool guaranteed = job->headers.guarantee;
  const bool was_running = job->state == JobState::kRunning;
  if (const std::optional<Error> refused = cancel_job(*job)) {
    return error(asker, refused->code, refused->text);
  }
  if (asker.wants == Asker::Wants::kCancel) {
    const bool recorded = guaranteed && !was_running;  // what its worker is told is not
    return send(asker.side, asker.peer, Ack{asker.message_id, Bytes()}, recorded ? last_commit_ : 0);
  }
  const auto text = was_running ? R"({"cancelled": false, "asked_worker": true})" : R"({"cancelled": true})";
  answer(asker, text);
}

}  // namespace eventmq
