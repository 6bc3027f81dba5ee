// What the broker shows to people, as JSON text. Not on the hot path; every listing is bounded.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <unordered_map>

#include "src/base/result.h"
#include "src/broker/core.h"
#include "src/broker/jobs_query.h"

namespace eventmq {

struct AdminViews {
  const Broker::State& broker;

  // The answers to the published administrative commands (docs/protocol.md).
  std::string published_status() const;
  std::string published_workers() const;
  std::string published_schedulers() const;

  // The views of QUERY. `arguments` is a JSON object or empty.
  // Errors: kBadValue for an unknown view or argument, kUnknownJob.
  // `found`: what the store answered to question_for() the same.
  Result<std::string> view(std::string_view what, std::string_view arguments, const StoreAnswer* found = nullptr) const;
  // What the store must be asked for this view; nothing if the broker knows all of it, or the arguments are wrong.
  std::optional<StoreQuestion> question_for(std::string_view what, std::string_view arguments) const;
  // As people see it.
  std::string_view state_word(const Job& job) const;
  // The `id` among the arguments of QUERY. Errors: kBadValue when there is none.
  static Result<std::string> job_id(std::string_view arguments);

 private:
  using Json = nlohmann::ordered_json;

  Json status() const;
  Json queues() const;
  Json workers() const;
  Json schedulers() const;

  // job_views.cc
  std::optional<StoreQuestion> question_for_one(const JobsQuery& query) const;
  std::optional<StoreQuestion> question_for_page(const JobsQuery& query) const;
  Json jobs(const JobsQuery& query, const StoreAnswer* found) const;
  // Where the page behind these begins.
  std::optional<JobsPlace> add_from_store(const JobsQuery& query, const StoreAnswer& found, Json& rows) const;
  Result<Json> job(const JobsQuery& query, const StoreAnswer* found) const;
  const EndedJob* ended_job(std::string_view id) const;
  Json live_job(const Job& job) const;
  Json joined_job(const std::string& id, const Job& job) const;
  Json ended(const EndedJob& job, bool result_is_kept) const;
  std::string why_not_shown(const std::string& id) const;
  Json dead_job(const DeadLetter& letter) const;
  Json job_row(const Job& job) const;
  Json backlog_row(const ListedJob& listed) const;
  Json backlog_job(const ListedJob& listed) const;
  // What people see as waiting though the broker has chosen a worker for it: its REQUEST has not left, since the store
  // cannot write it down. By queue; empty while the store is available.
  using HeldByStore = std::unordered_map<const Queue*, uint64_t>;
  HeldByStore held_by_store() const;
  bool waits_for_store(const Job& job) const;
  uint64_t running_at(const Worker& worker) const;
  static QueueCounters counters_of(const Queue& queue, const HeldByStore& held);

  Json queue_row(const Queue& queue, const HeldByStore& held) const;
  std::string explain(const Job& job) const;
  QueueCounters totals(const HeldByStore& held) const;
};

}  // namespace eventmq
