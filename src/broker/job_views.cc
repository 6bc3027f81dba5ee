// What the broker shows of jobs: lists, and single ones.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "src/broker/admin_views.h"
#include "src/broker/job_history.h"
#include "src/broker/job_text.h"
#include "src/broker/view_json.h"

namespace eventmq {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

// While the store is not available nothing becomes durable, so it is known what its sends wait for.
bool AdminViews::waits_for_store(const Job& job) const {
  if (broker.store_available_ || !job.headers.guarantee) return false;
  return (job.worker ? job.request_commit : job.accepted_commit) > broker.durable_commit_;
}

std::string_view AdminViews::state_word(const Job& job) const {
  return job_state_word(job.worker && waits_for_store(job) ? JobState::kWaiting : job.state);
}

Result<std::string> AdminViews::job_id(std::string_view text) {
  Result<JobsQuery> query = JobsQuery::parse(text);
  if (!query) return tl::unexpected(query.error());
  if (query->id.empty()) return fail(ErrorCode::kBadValue, "the argument id is missing");
  return std::move(query->id);
}

Json AdminViews::job_row(const Job& job) const {
  Json row = {{"id", job.id.str()},
              {"queue", job.queue->name.str()},
              {"name", job_name(job.payload.view())},
              {"state", state_word(job)},
              {"class", job.headers.guarantee         ? "guaranteed"
                        : job.headers.retry_count > 0 ? "retried"
                                                      : "plain"},
              {"attempt", job.attempt},
              {"retries_used", job.retries_used},
              {"retry_count", job.headers.retry_count},
              {"losses", job.losses},
              {"priority", job.headers.priority},
              {"age_seconds", age_seconds(broker.now_, job.accepted_at)},
              {"bytes", job.payload.size()}};
  if (job.state == JobState::kDelayed) row["due_in_seconds"] = age_seconds(job.due_at, broker.now_);
  if (waits_for_store(job)) {
    row["waits_for"] = "store";
  } else if (job.worker) {
    row["worker"] = job.worker->name();
    row["running_seconds"] = age_seconds(broker.now_, job.started_at);
  }
  return row;
}

// The broker does nothing else meanwhile, so it looks at so many jobs and no more; the next page goes on where this
// ended.
Json AdminViews::jobs(const JobsQuery& query, const StoreAnswer* found) const {
  Json rows = Json::array();
  std::optional<JobsPlace> next =
      broker.page_in_memory(query, query.limit, [&](const Job& job) { rows.push_back(job_row(job)); });
  if (found && !next) next = add_from_store(query, *found, rows);
  const bool lacks = !next && !found && !broker.store_available_ && question_for_page(query).has_value();
  Json json = {{"jobs", std::move(rows)}};
  if (lacks) json["incomplete"] = broker.store_is_away().text;
  if (next) json["next"] = next->text();
  return json;
}

std::optional<JobsPlace> AdminViews::add_from_store(const JobsQuery& query, const StoreAnswer& found,
                                                    Json& rows) const {
  JobKey last = 0;
  for (const ListedJob& listed : found.jobs) {
    if (rows.size() >= query.limit) return JobsPlace{true, last};
    last = listed.job.accepted.key;
    if (broker.jobs_.find(listed.job.accepted.id.view()) || !query.fits(listed, broker.now_)) continue;
    rows.push_back(backlog_row(listed));
  }
  return found.next == 0 ? std::nullopt : std::optional(JobsPlace{true, found.next});
}

std::optional<StoreQuestion> AdminViews::question_for(std::string_view what, std::string_view text) const {
  const Result<JobsQuery> query = JobsQuery::parse(text);
  if (!query) return std::nullopt;
  return what == "jobs" ? question_for_page(*query) : what == "job" ? question_for_one(*query) : std::nullopt;
}

std::optional<StoreQuestion> AdminViews::question_for_one(const JobsQuery& query) const {
  if (broker.jobs_.find(query.id) || broker.followed_jobs_.contains(query.id)) return std::nullopt;
  if (broker.results_.find(query.id, broker.now_)) return std::nullopt;
  const EndedJob* ended = ended_job(query.id);
  const bool may_be_kept = ended && ended->commit != 0 && ended->kept_until > broker.now_;
  if (ended && (!may_be_kept || !broker.store_available_)) return std::nullopt;
  StoreQuestion question;
  question.id = Bytes(query.id);
  question.visits = ended || broker.backlog_size_ == 0 ? 0 : std::numeric_limits<int64_t>::max();
  question.result_bytes = limits::kEndedResultBytes;
  if (!ended) question.dead = DeadQuery{.id = question.id, .from = broker.oldest_dead()};
  return question;
}

const EndedJob* AdminViews::ended_job(std::string_view id) const {
  const auto last =
      std::find_if(broker.ended_.rbegin(), broker.ended_.rend(), [&](const EndedJob& ended) { return ended.id == id; });
  return last == broker.ended_.rend() ? nullptr : &*last;
}

// Those in memory come first. If they fill the page, one row tells whether there is another one.
std::optional<StoreQuestion> AdminViews::question_for_page(const JobsQuery& query) const {
  if (!broker.store_may_have_jobs() || !query.may_be_in_store()) return std::nullopt;
  size_t rows = 0;
  const bool more = broker.page_in_memory(query, query.limit, [&](const Job&) { ++rows; }).has_value();
  return more ? std::nullopt : std::optional(query.question(std::max<size_t>(1, query.limit - rows)));
}

// As a job in memory is shown.
Json AdminViews::backlog_row(const ListedJob& listed) const {
  const JobAccepted& accepted = listed.job.accepted;
  Queue nowhere(accepted.queue, 0);
  Job job;
  job.id = accepted.id;
  job.queue = &nowhere;
  job.headers = accepted.headers;
  job.payload = accepted.payload;
  job.state = listed.job.due_at <= broker.now_ ? JobState::kWaiting : JobState::kDelayed;
  job.attempt = listed.job.attempt;
  job.retries_used = listed.job.retries_used;
  job.losses = listed.job.losses;
  job.accepted_at = accepted.accepted_at;
  job.due_at = listed.job.due_at;
  Json row = job_row(job);
  row["bytes"] = listed.payload_bytes;
  row["in_store"] = true;
  return row;
}

Json AdminViews::backlog_job(const ListedJob& listed) const {
  Json row = backlog_row(listed);
  row["headers"] = listed.job.accepted.headers.text.str();
  row["history"] = history_json(listed.job.history.view(), broker.now_);
  const auto queue = broker.queues_.find(listed.job.accepted.queue.view());
  const uint32_t workers = queue == broker.queues_.end() ? 0 : queue->second->workers;
  row["explain"] = listed.job.due_at > broker.now_ ? fmt::format("It is in the store and becomes ready in {:.1f} s.",
                                                                 age_seconds(listed.job.due_at, broker.now_))
                   : workers == 0
                       ? fmt::format("It is in the store and waits because no worker serves queue {}.",
                                     listed.job.accepted.queue.view())
                       : fmt::format(
                             "It waits in the store behind the jobs in memory: {} workers serve queue {}, and "
                             "{} jobs wait there.",
                             workers, listed.job.accepted.queue.view(), queue->second->counters.all_waiting());
  return row;
}

Json AdminViews::live_job(const Job& job) const {
  Json row = job_row(job);
  row["headers"] = job.headers.text.str();
  row["client"] = job.client.str();
  row["history"] = history_json(job.history.view(), broker.now_);
  row["explain"] = explain(job);
  return row;
}

// Of a request that shares another one's job by its unique key.
Json AdminViews::joined_job(const std::string& id, const Job& job) const {
  Json row = live_job(job);
  row["id"] = id;
  row["joined"] = job.id.str();
  row["explain"] = fmt::format("It shares job {} by its unique key, and ends with it. {}", job.id.view(),
                               row["explain"].get<std::string>());
  return row;
}

Result<Json> AdminViews::job(const JobsQuery& query, const StoreAnswer* found) const {
  if (const Job* job = broker.jobs_.find(query.id)) return live_job(*job);
  const auto shared = broker.followed_jobs_.find(query.id);
  if (shared != broker.followed_jobs_.end()) return joined_job(query.id, *shared->second);
  const ResultKept* kept = broker.results_.find(query.id, broker.now_);
  if (const EndedJob* job = ended_job(query.id)) return ended(*job, kept || !found || found->result);
  if (kept) return ended_json(FoundResult{*kept, kept->value.size()}, broker.now_);
  if (found && found->result) return ended_json(*found->result, broker.now_);
  if (found && !found->jobs.empty()) return backlog_job(found->jobs[0]);
  if (found && !found->dead.letters.empty()) return dead_job(found->dead.letters.back());
  return fail(ErrorCode::kUnknownJob, why_not_shown(query.id));
}

std::string AdminViews::why_not_shown(const std::string& id) const {
  switch (broker.dedupe_.find(id, broker.now_)) {
    case KnownId::kNot:
      return fmt::format("no job {}: it was never here, or it ended long ago", id);
    case KnownId::kJoined:
      return fmt::format("{} has no job of its own: it joined that of another request with its unique key", id);
    default:
      return fmt::format("job {} has ended, and what it ended with is not kept: result-ttl keeps it", id);
  }
}

Json AdminViews::dead_job(const DeadLetter& letter) const {
  const EndedJob job{letter.id,       letter.queue,       letter.cause,
                     letter.attempts, letter.accepted_at, letter.ended_at,
                     letter.error,    letter.history,     {}};
  Json row = ended_json(job, broker.now_);
  row["name"] = letter.name.str();
  row["error"] = letter.error.str();
  row["explain"] = fmt::format("It is a dead letter, which `emq dead show {}` shows whole: {}", letter.id.view(),
                               row["explain"].get<std::string>());
  return row;
}

// Of one whose result should be kept still, but is not, that is said.
Json AdminViews::ended(const EndedJob& job, bool result_is_kept) const {
  Json row;
  if (result_is_kept || job.kept_until <= broker.now_) {
    row = ended_json(job, broker.now_);
  } else {
    EndedJob without = job;
    without.kept_until = {};
    row = ended_json(without, broker.now_);
    row["explain"] = row["explain"].get<std::string>() + " Its result is not kept: there was no room for it.";
  }
  if (broker.store_available_ || job.commit <= broker.durable_commit_) return row;
  row["waits_for"] = "store";
  row["explain"] =
      fmt::format("{} That waits for the store, which is not available ({}): nobody is told before it is kept.",
                  row["explain"].get<std::string>(), broker.store_fault_);
  return row;
}

// Why the job is where it is, in a sentence.
std::string AdminViews::explain(const Job& job) const {
  const Queue& queue = *job.queue;
  if (waits_for_store(job)) {
    return fmt::format(
        "It waits for the store, which is not available ({}): nothing about it is said before it is kept.",
        broker.store_fault_);
  }
  switch (job.state) {
    case JobState::kRunning:
      return fmt::format("It has been running for {:.1f} s on worker {}, attempt {}{}.",
                         age_seconds(broker.now_, job.started_at), job.worker->name(), job.attempt,
                         job.cancel_requested ? ", and the worker was told to cancel it" : "");
    case JobState::kDelayed:
      if (job.orphaned) {
        return fmt::format(
            "It ran when the router ended before: for {:.1f} s more, its worker may come back with it; then it is run "
            "again.",
            age_seconds(job.due_at, broker.now_));
      }
      return fmt::format(
          "It is {} and becomes ready in {:.1f} s.",
          job.attempt == 0 ? "delayed as asked" : fmt::format("to be run again after attempt {}", job.attempt),
          age_seconds(job.due_at, broker.now_));
    case JobState::kWaiting:
      if (queue.workers == 0) return fmt::format("It waits because no worker serves queue {}.", queue.name.view());
      return fmt::format("It waits for a free slot: {} workers serve queue {}, all busy, and {} jobs wait there.",
                         queue.workers, queue.name.view(), queue.counters.all_waiting());
  }
  EMQ_ASSERT(false);
}

}  // namespace eventmq
