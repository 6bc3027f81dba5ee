// Many jobs at once: cancelled, run now or removed, by what they have in common. One order changes one page of them:
// those in memory within its step; those in the store alone when they have been claimed by their keys, queue by queue.
// The answer says where the next page begins.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "src/broker/admin_views.h"
#include "src/broker/core.h"

namespace eventmq {
namespace {

struct ChangeWord {
  std::string_view view;
  JobOrder change;
};
constexpr ChangeWord kChanges[] = {
    {"cancel", JobOrder::kCancel}, {"jobs-retry", JobOrder::kRetry}, {"jobs-delete", JobOrder::kDelete}};

const ChangeWord* change_of(std::string_view view) {
  const auto* found = std::ranges::find(kChanges, view, &ChangeWord::view);
  return found == std::end(kChanges) ? nullptr : found;
}

BulkOrder bulk_order(const Asker& asker, const JobsQuery& query) {
  const bool running_too = query.state.empty() || query.state == "running";
  return {.asker = asker, .change = change_of(asker.what.view())->change, .running_too = running_too};
}

}  // namespace

// True: it is such an order, and answered here or later.
bool Broker::State::change_many(const MessageArrived& event, const Query& query) {
  if (!change_of(query.what.view())) return false;
  const Result<JobsQuery> jobs = JobsQuery::parse(query.arguments.view());
  if (!jobs) return false;
  const bool many = jobs->has_filter() || jobs->all;
  if (!jobs->id.empty() && !many) return false;
  if (jobs->id.empty() != many) {
    error(event, ErrorCode::kBadValue,
          "say which jobs: either id, or some of queue, state, name and older_than, or all: true");
    return true;
  }
  const Asker asker{Asker::Wants::kMany, event.side, event.peer, event.message.id, query.what, query.arguments};
  jobs->after.in_store ? ask_for_many(asker, *jobs) : change_in_memory(asker, *jobs);
  return true;
}

void Broker::State::change_in_memory(const Asker& asker, const JobsQuery& query) {
  BulkOrder bulk = bulk_order(asker, query);
  std::vector<Bytes> ids;
  bulk.next = page_in_memory(query, limits::kListingRows, [&ids](const Job& job) { ids.push_back(job.id); });
  for (const Bytes& id : ids) change_one(bulk, id);
  if (!bulk.next && store_may_have_jobs() && query.may_be_in_store()) bulk.next = JobsPlace{true, 0};
  answer_bulk(bulk);
}

void Broker::State::ask_for_many(const Asker& asker, const JobsQuery& query) {
  if (!store_available_) return error(asker, store_is_away().code, store_is_away().text);
  if (bulk_orders_.size() >= limits::kOpenQuestions) {
    return error(asker, ErrorCode::kQueueFull, "too many orders wait for the store: give it again later");
  }
  ask_store(asker, query.question(limits::kListingRows));
}

// What was claimed since the store was asked is in memory.
void Broker::State::claim_many(const Asker& asker, const StoreAnswer& found) {
  const Result<JobsQuery> query = JobsQuery::parse(asker.about.view());
  BulkOrder bulk = bulk_order(asker, *query);
  if (found.next != 0) bulk.next = JobsPlace{true, found.next};
  std::map<std::string_view, WantedJobs> groups;  // by queue
  for (const ListedJob& listed : found.jobs) {
    const JobAccepted& job = listed.job.accepted;
    if (!query->fits(listed, now_)) continue;
    const auto queue = queues_.find(job.queue.view());
    if (jobs_.find(job.id.view()) || queue == queues_.end() || !queue->second->backlog) {
      change_one(bulk, job.id);
      continue;
    }
    WantedJobs& group = groups[queue->first];
    group.keys.push_back(job.key);
    group.ids.push_back(Bytes(job.id.view()));
  }
  if (groups.empty()) return answer_bulk(bulk);
  bulk.groups_open = groups.size();
  const uint64_t number = ++last_bulk_;
  bulk_orders_.emplace(number, std::move(bulk));
  for (auto& [name, group] : groups) {
    group.bulk = number;
    Queue& queue = *queues_.find(name)->second;
    queue.backlog->wanted.push_back(std::move(group));
    touch_backlog(queue);
  }
}

// The first `count` of the jobs that are wanted are in memory, or nowhere.
void Broker::State::change_claimed(Backlog& backlog, size_t count) {
  WantedJobs& group = backlog.wanted.front();
  EMQ_ASSERT(count > 0 && count <= group.keys.size());
  const auto bulk = bulk_orders_.find(group.bulk);
  const std::vector<Bytes> ids(group.ids.begin(), group.ids.begin() + static_cast<ptrdiff_t>(count));
  group.ids.erase(group.ids.begin(), group.ids.begin() + static_cast<ptrdiff_t>(count));
  group.keys.erase(group.keys.begin(), group.keys.begin() + static_cast<ptrdiff_t>(count));
  if (group.keys.empty()) {
    --bulk->second.groups_open;
    backlog.wanted.erase(backlog.wanted.begin());
  }
  for (const Bytes& id : ids) change_one(bulk->second, id);
  if (out_->commit != 0) bulk->second.commit = out_->commit;
  if (bulk->second.groups_open > 0) return;
  answer_bulk(bulk->second);
  bulk_orders_.erase(bulk);
}

void Broker::State::change_one(BulkOrder& bulk, const Bytes& id) {
  Job* job = jobs_.find(id.view());
  if (!job) return;                                                   // it has ended meanwhile
  if (job->state == JobState::kRunning && !bulk.running_too) return;  // it did not when it was chosen
  switch (change(*job, bulk.change)) {
    case Changed::kNot:
      return;
    case Changed::kDone:
      ++bulk.done;
      return;
    case Changed::kAsked:
      ++bulk.asked;
      return;
    case Changed::kRefused:
      ++bulk.refused;
      return;
  }
}

Broker::State::Changed Broker::State::change(Job& job, JobOrder change) {
  const bool running = job.state == JobState::kRunning;
  if (change == JobOrder::kCancel && running) {
    if (job.cancel_requested) return Changed::kNot;
    return cancel_job(job) ? Changed::kRefused : Changed::kAsked;
  }
  const bool waits_out = job.state == JobState::kDelayed && job.due_at > now_ && !job.orphaned;
  if (change == JobOrder::kRetry && !waits_out) return Changed::kNot;
  const bool may_run = running || job.orphaned;
  if ((change == JobOrder::kDelete && may_run) || store_refusal(job.headers)) return Changed::kRefused;
  if (change == JobOrder::kRetry) {
    run_now(job);
  } else {
    end_waiting(job, change);
  }
  return Changed::kDone;
}

void Broker::State::answer_bulk(const BulkOrder& bulk) {
  std::string json = fmt::format(R"({{"done": {}, "asked": {}, "refused": {}{}}})", bulk.done, bulk.asked, bulk.refused,
                                 bulk.next ? fmt::format(R"(, "next": "{}")", bulk.next->text()) : "");
  send(bulk.asker.side, bulk.asker.peer, Reply{Bytes(json), bulk.asker.message_id},
       std::max(bulk.commit, out_->commit));
}

}  // namespace eventmq
