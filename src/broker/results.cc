// Results that are kept for a while (header result-ttl): of guaranteed jobs by a durable store, of others in memory.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "src/broker/admin_views.h"
#include "src/broker/core.h"
#include "src/broker/job_text.h"
#include "src/wire/text.h"

namespace eventmq {

void Broker::State::set_result_limits() {
  results_.set_limits(std::min<uint64_t>(settings_.results, limits::kResultsInMemory),
                      std::min<uint64_t>(settings_.result_bytes, limits::kResultBytesInMemory));
}

// Of the job, and of the requests that share it and ask for that. Behind the record of its end, so in the same commit.
void Broker::State::keep_results(const Job& job, Outcome outcome, const Bytes& payload) {
  if (job.headers.result_ttl.us > 0) keep_result(job, job.id, job.headers.result_ttl, outcome, payload);
  for (const Follower& follower : job.followers) {
    if (follower.result_ttl.us > 0) keep_result(job, follower.request_id, follower.result_ttl, outcome, payload);
  }
}

void Broker::State::keep_result(const Job& job, const Bytes& id, Duration ttl, Outcome outcome, const Bytes& payload) {
  ResultKept result{Bytes(id.view()),
                    job.queue->name,
                    Bytes(repaired_utf8(job_name(job.payload.view()))),
                    outcome,
                    job.attempt,
                    job.accepted_at,
                    now_,
                    now_ + ttl,
                    job.history,
                    payload};
  if (result_is_stored(job)) {
    persist(std::move(result));
  } else {
    counters_.results_dropped += results_.keep(std::move(result));
  }
}

bool Broker::State::result_is_stored(const Job& job) const { return job.headers.guarantee && settings_.store_durable; }

// Of a job that is run again, or that nobody wants to know of any more.
void Broker::State::forget_end(const Bytes& id) {
  std::erase_if(ended_, [&](const EndedJob& ended) { return ended.id == id; });
  results_.forget(id.view());
}

// Anyone may ask who knows the id.
void Broker::State::result_by_query(const MessageArrived& event, const Query& query) {
  const Result<std::string> id = AdminViews::job_id(query.arguments.view());
  if (!id) return error(event, id.error().code, id.error().text);
  const Asker asker{Asker::Wants::kResult, event.side, event.peer, event.message.id, query.what, Bytes(*id)};
  const bool known = jobs_.find(*id) || results_.find(*id, now_) || !settings_.store_durable;
  if (known) return answer_result(asker, nullptr);
  if (!store_available_) {
    return error(event, store_is_away().code, store_is_away().text);
  }
  StoreQuestion question;
  question.id = asker.about;
  question.visits = backlog_size_ == 0 ? 0 : std::numeric_limits<int64_t>::max();
  question.result_bytes = std::numeric_limits<int64_t>::max();
  ask_store(asker, std::move(question));
}

// A job that has ended is answered as its own REPLY was; of another one JSON says its state.
void Broker::State::answer_result(const Asker& asker, const StoreAnswer* found) {
  const std::string_view id = asker.about.view();
  const auto say_state = [&](JobState state) {
    const std::string json = fmt::format(R"({{"state": "{}"}})", job_state_word(state));
    send(asker.side, asker.peer, Reply{Bytes(json), asker.message_id});
  };
  const auto say_result = [&](const ResultKept& result) {
    send(asker.side, asker.peer, Reply{result.value, asker.message_id, 0, true, result.outcome});
  };
  if (const Job* job = jobs_.find(id)) return say_state(job->state);
  if (const ResultKept* result = results_.find(id, now_)) return say_result(*result);
  if (found && found->result) return say_result(found->result->kept);
  if (found && !found->jobs.empty()) {
    return say_state(found->jobs[0].job.due_at <= now_ ? JobState::kWaiting : JobState::kDelayed);
  }
  error(asker, ErrorCode::kUnknownJob,
        fmt::format("nothing is known of job {}: it was never here, it asked for no result-ttl, or that is over", id));
}

}  // namespace eventmq
