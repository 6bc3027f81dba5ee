#include "src/broker/admin_views.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "src/broker/job_history.h"
#include "src/broker/job_text.h"
#include "src/broker/view_json.h"
#include "src/wire/text.h"

namespace eventmq {
namespace {

using Value = nlohmann::ordered_json;
using Map = nlohmann::json;

double age_seconds(Instant now, Instant then) { return (now - then).seconds(); }

Value counters_json(const QueueCounters& counters) {
  return {{"accepted", counters.accepted},
          {"done", counters.done},
          {"dead", counters.dead},
          {"expired", counters.expired},
          {"cancelled", counters.cancelled},
          {"waiting", counters.all_waiting()},
          {"delayed", counters.all_delayed()},
          {"running", counters.running},
          {"backlog", counters.backlog_waiting + counters.backlog_delayed},
          {"retries", counters.retries},
          {"attempts_lost", counters.attempts_lost},
          {"refused", counters.refused}};
}

}  // namespace

struct AdminViews::Json {
  Value value;
};

struct AdminViews::Arguments {
  std::string id, queue, state, name;
  size_t limit = 100;
  size_t offset = 0;
  size_t after = 0;  // the key of a job in the store: only those behind it

  std::string* text(std::string_view key) {
    return key == "id" ? &id : key == "queue" ? &queue : key == "state" ? &state : key == "name" ? &name : nullptr;
  }
  size_t* number(std::string_view key) {
    return key == "limit" ? &limit : key == "offset" ? &offset : key == "after" ? &after : nullptr;
  }
  bool match(const Job& job, std::string_view state_word) const {
    return (queue.empty() || job.queue->name == queue) && (state.empty() || state_word == state) &&
           (name.empty() || job_name(job.payload.view()) == name);
  }
};

Result<AdminViews::Arguments> AdminViews::parse_arguments(std::string_view text) {
  Arguments arguments;
  if (text.empty()) return arguments;
  if (text.size() > limits::kQueryBytes) return fail(ErrorCode::kTooLarge, "the arguments of QUERY are too long");
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(ErrorCode::kBadValue, "the arguments of QUERY are a JSON object");
  for (const auto& [key, value] : json.items()) {
    if (std::string* target = arguments.text(key)) {
      if (!value.is_string()) return fail(ErrorCode::kBadValue, "argument " + key + " is a text");
      *target = value.get<std::string>();
    } else if (size_t* number = arguments.number(key)) {
      if (!value.is_number_unsigned()) return fail(ErrorCode::kBadValue, "argument " + key + " is a whole number");
      *number = value.get<size_t>();
    } else {
      return fail(ErrorCode::kBadValue, "QUERY has no argument " + key);
    }
  }
  const std::string& state = arguments.state;
  if (!state.empty() && state != "delayed" && state != "waiting" && state != "running") {
    return fail(ErrorCode::kBadValue, "argument state is delayed, waiting or running");
  }
  arguments.limit = std::min(arguments.limit, limits::kListingRows);
  return arguments;
}

Result<std::string> AdminViews::view(std::string_view what, std::string_view text, const StoreAnswer* found) const {
  const Result<Arguments> arguments = parse_arguments(text);
  if (!arguments) return tl::unexpected(arguments.error());
  if (what == "status") return view_text(status().value);
  if (what == "queues") return view_text(queues().value);
  if (what == "workers") return view_text(workers().value);
  if (what == "schedulers") return view_text(schedulers().value);
  if (what == "jobs") return view_text(jobs(*arguments, found).value);
  if (what == "job") return job(*arguments, found).map([](const Json& json) { return view_text(json.value); });
  return fail(
      ErrorCode::kBadValue,
      fmt::format("there is no view {}: status, queues, workers, schedulers, jobs, job, result, dead, dead-show",
                  what));
}

Result<std::string> AdminViews::job_id(std::string_view text) {
  Result<Arguments> arguments = parse_arguments(text);
  if (!arguments) return tl::unexpected(arguments.error());
  if (arguments->id.empty()) return fail(ErrorCode::kBadValue, "the argument id is missing");
  return std::move(arguments->id);
}

// Keys are what peers chose and there may be very many, so: a map that finds them quickly, and a bound.
std::string AdminViews::published_status() const {
  Map inflight = Map::object(), latency = inflight, latency_max = inflight, waiting = inflight;
  Map processed = inflight, by_worker = inflight;
  const HeldByStore held = held_by_store();
  for (const auto& [name, queue] : broker.queues_) {
    if (inflight.size() == limits::kListingRows) break;
    const QueueCounters counters = counters_of(*queue, held);
    const std::string key(name);
    inflight[key] = counters.running;
    latency[key] = counters.latency_ms_last;
    latency_max[key] = counters.latency_ms_max;
    waiting[key] = counters.all_waiting();
    processed[key] = counters.done + counters.dead;
  }
  broker.peers_.for_each([&](const Peer& peer) {
    if (peer.kind != PeerKind::kWorker || by_worker.size() == limits::kListingRows) return;
    by_worker[repaired_utf8(peer.routing_id.view())] = static_cast<const Worker&>(peer).processed;
  });
  return view_text({{"inflight_messages_by_queue", inflight},
                    {"latency_messages_by_queue", latency},
                    {"max_latency_messages_by_queue", latency_max},
                    {"waiting_messages_by_queue", waiting},
                    {"processed_messages_by_queue", processed},
                    {"processed_messages_by_worker", by_worker}});
}

std::string AdminViews::published_workers() const {
  Map connected = Map::object(), by_queue = Map::object();
  size_t rows_left = limits::kListingRows;
  broker.peers_.for_each([&](const Peer& peer) {
    if (peer.kind != PeerKind::kWorker || rows_left == 0) return;
    const Worker& worker = static_cast<const Worker&>(peer);
    const std::string id = repaired_utf8(worker.routing_id.view());
    Map pairs = Map::array();
    for (const Subscription& subscription : worker.subscriptions) {
      if (rows_left > 0) --rows_left;
      if (rows_left == 0) break;
      const std::string name = subscription.queue->name.str();
      pairs.push_back({subscription.weight, name});
      by_queue[name].push_back({subscription.weight, id});
    }
    connected[id] = {{"queues", pairs}, {"hb", worker.last_heard.us / 1e6}, {"available_slots", worker.credits}};
  });
  return view_text({{"connected_workers", connected}, {"connected_queues", by_queue}});
}

std::string AdminViews::published_schedulers() const {
  Map connected = Map::object();
  broker.peers_.for_each_scheduler([&](const Peer& peer) {
    if (connected.size() == limits::kListingRows) return;
    connected[repaired_utf8(peer.routing_id.view())] = {{"hb", peer.last_heard.us / 1e6}};
  });
  return view_text({{"connected_schedulers", connected}});
}

// While the store is not available nothing becomes durable, so it is known what its sends wait for.
bool AdminViews::waits_for_store(const Job& job) const {
  if (broker.store_available_ || !job.headers.guarantee) return false;
  return (job.worker ? job.request_commit : job.accepted_commit) > broker.durable_commit_;
}

AdminViews::HeldByStore AdminViews::held_by_store() const {
  HeldByStore held;
  if (broker.store_available_) return held;
  broker.peers_.for_each([&](const Peer& peer) {
    if (peer.kind != PeerKind::kWorker) return;
    const JobList& jobs = static_cast<const Worker&>(peer).running;
    for (const Job* job = jobs.front(); job; job = JobList::next(*job)) {
      if (waits_for_store(*job)) ++held[job->queue];
    }
  });
  return held;
}

uint64_t AdminViews::running_at(const Worker& worker) const {
  if (broker.store_available_) return worker.running.size();
  uint64_t running = 0;
  for (const Job* job = worker.running.front(); job; job = JobList::next(*job))
    running += waits_for_store(*job) ? 0 : 1;
  return running;
}

std::string_view AdminViews::state_word(const Job& job) const {
  return job_state_word(job.worker && waits_for_store(job) ? JobState::kWaiting : job.state);
}

QueueCounters AdminViews::counters_of(const Queue& queue, const HeldByStore& held) {
  QueueCounters counters = queue.counters;
  const auto found = held.find(&queue);
  if (found == held.end()) return counters;
  counters.running -= found->second;
  counters.waiting += found->second;
  return counters;
}

QueueCounters AdminViews::totals(const HeldByStore& held) const {
  QueueCounters sum = broker.retired_;
  for (const auto& [name, queue] : broker.queues_) sum += counters_of(*queue, held);
  return sum;
}

AdminViews::Json AdminViews::status() const {
  const BrokerCounters& counters = broker.counters_;
  Value json = {{"instance", broker.instance_},
                {"state", broker.draining_ ? "draining" : "running"},
                {"started_at", broker.started_at_.us / 1e6},
                {"uptime_seconds", age_seconds(broker.now_, broker.started_at_)},
                {"store",
                 {{"name", broker.settings_.store_name},
                  {"durable", broker.settings_.store_durable},
                  {"available", broker.store_available_},
                  {"fault", broker.store_fault_}}},
                {"memory_bytes", broker.jobs_.memory_bytes()},
                {"memory_limit_bytes", broker.settings_.memory_bytes}};
  json["totals"] = counters_json(totals(held_by_store()));
  json["peers"] = {{"workers", broker.peers_.count(PeerKind::kWorker)},
                   {"schedulers", broker.peers_.count(PeerKind::kScheduler)},
                   {"clients", broker.peers_.count(PeerKind::kClient)}};
  json["counters"] = {{"bad_messages", counters.bad_messages},
                      {"duplicates", counters.duplicates},
                      {"merged", counters.merged},
                      {"late_results", counters.late_results},
                      {"excess_ready", counters.excess_ready},
                      {"strangers", counters.strangers},
                      {"undeliverable", counters.undeliverable},
                      {"unread", counters.unread},
                      {"peers_lost", counters.peers_lost},
                      {"connections_cut", counters.connections_cut},
                      {"handshakes_failed", counters.handshakes_failed},
                      {"connections_unheard", counters.connections_unheard},
                      {"queues_refused", counters.queues_refused},
                      {"results_dropped", counters.results_dropped},
                      {"recovered", counters.recovered},
                      {"resumed", counters.resumed}};
  json["queues"] = queues().value["queues"];
  return {std::move(json)};
}

AdminViews::Json AdminViews::queue_row(const Queue& queue, const HeldByStore& held) const {
  Value row = {{"name", queue.name.str()}, {"workers", queue.workers}};
  row.update(counters_json(counters_of(queue, held)));
  row["latency_ms_last"] = queue.counters.latency_ms_last;
  row["latency_ms_max"] = queue.counters.latency_ms_max;
  return {std::move(row)};
}

AdminViews::Json AdminViews::queues() const {
  Value rows = Value::array();
  const HeldByStore held = held_by_store();
  for (const auto& [name, queue] : broker.queues_) {
    if (rows.size() == limits::kListingRows) break;
    rows.push_back(queue_row(*queue, held).value);
  }
  const size_t left_out = broker.queues_.size() - rows.size();
  return {{{"queues", std::move(rows)}, {"left_out", left_out}}};
}

AdminViews::Json AdminViews::workers() const {
  constexpr size_t kQueuesShown = 20;  // of one worker
  Value rows = Value::array();
  size_t left_out = 0;
  broker.peers_.for_each([&](const Peer& peer) {
    if (peer.kind != PeerKind::kWorker) return;
    if (rows.size() == limits::kListingRows) {
      ++left_out;
      return;
    }
    const Worker& worker = static_cast<const Worker&>(peer);
    Value queues = Value::array();
    for (const Subscription& subscription : worker.subscriptions) {
      if (queues.size() == kQueuesShown) break;
      queues.push_back({subscription.weight, subscription.queue->name.str()});
    }
    rows.push_back({{"id", worker.routing_id.str()},
                    {"state", worker.leaving ? "leaving" : "active"},
                    {"queues", std::move(queues)},
                    {"queue_count", worker.subscriptions.size()},
                    {"slots_free", worker.credits},
                    {"running", running_at(worker)},
                    {"processed", worker.processed},
                    {"settles", worker.settles()},
                    {"connected_seconds", age_seconds(broker.now_, worker.connected_at)},
                    {"silent_seconds", age_seconds(broker.now_, worker.last_heard)}});
  });
  return {{{"workers", std::move(rows)}, {"left_out", left_out}}};
}

AdminViews::Json AdminViews::schedulers() const {
  Value rows = Value::array();
  broker.peers_.for_each([&](const Peer& peer) {
    if (peer.kind != PeerKind::kScheduler || rows.size() == limits::kListingRows) return;
    rows.push_back({{"id", peer.routing_id.str()},
                    {"connected_seconds", age_seconds(broker.now_, peer.connected_at)},
                    {"silent_seconds", age_seconds(broker.now_, peer.last_heard)}});
  });
  const size_t left_out = broker.peers_.count(PeerKind::kScheduler) - rows.size();
  return {{{"schedulers", std::move(rows)}, {"left_out", left_out}}};
}

AdminViews::Json AdminViews::job_row(const Job& job) const {
  Value row = {{"id", job.id.str()},
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
    row["worker"] = job.worker->routing_id.str();
    row["running_seconds"] = age_seconds(broker.now_, job.started_at);
  }
  return {std::move(row)};
}

// The broker does nothing else meanwhile, so it looks at so many jobs and no more, and says how many it left out.
AdminViews::Json AdminViews::jobs(const Arguments& arguments, const StoreAnswer* found) const {
  Value rows = Value::array();
  const size_t visits_max = arguments.name.empty() ? limits::kListingVisits : limits::kListingNamesRead;
  size_t visited = 0;
  size_t matched = 0;
  broker.jobs_.for_each([&](const Job& job) {
    if (visited == visits_max || arguments.after > 0) return false;
    ++visited;
    if (!arguments.match(job, state_word(job))) return true;
    ++matched;
    if (matched > arguments.offset && rows.size() < arguments.limit) rows.push_back(job_row(job).value);
    return true;
  });
  const size_t left_out = arguments.after > 0 ? 0 : broker.jobs_.size() - visited;
  Value json = {{"jobs", std::move(rows)}, {"matched", matched}, {"offset", arguments.offset}, {"left_out", left_out}};
  if (!found) return {std::move(json)};
  for (const ListedJob& listed : found->jobs) {
    if (json["jobs"].size() >= arguments.limit) break;
    if (broker.jobs_.find(listed.job.accepted.id.view())) continue;  // it was claimed
    if (!arguments.name.empty() && job_name(listed.job.accepted.payload.view()) != arguments.name) continue;
    json["jobs"].push_back(backlog_row(listed).value);
    json["next"] = listed.job.accepted.key;
  }
  const bool all = json["jobs"].size() < arguments.limit;
  if (all && found->next == 0) {
    json.erase("next");
  } else if (all) {
    json["next"] = found->next;
  }
  return {std::move(json)};
}

std::optional<StoreQuestion> AdminViews::question_for(std::string_view what, std::string_view text) const {
  const Result<Arguments> arguments = parse_arguments(text);
  if (!arguments || (what != "jobs" && what != "job")) return std::nullopt;
  StoreQuestion question;
  question.id = Bytes(arguments->id);
  question.queue = Bytes(arguments->queue);
  question.behind = arguments->after;
  if (what == "job") {
    question.visits = broker.backlog_size_ == 0 ? 0 : std::numeric_limits<int64_t>::max();
    question.result_bytes = limits::kEndedResultBytes;
    const auto is_it = [&](const EndedJob& ended) { return ended.id == arguments->id; };
    const bool known = broker.jobs_.find(arguments->id) || broker.results_.find(arguments->id, broker.now_) ||
                       std::ranges::any_of(broker.ended_, is_it);
    return known ? std::nullopt : std::optional(std::move(question));
  }
  if (broker.backlog_size_ == 0) return std::nullopt;
  if (!arguments->state.empty() && arguments->state != "waiting" && arguments->state != "delayed") return std::nullopt;
  if (!arguments->state.empty()) question.due = arguments->state == "waiting";
  const bool by_name = !arguments->name.empty();
  question.visits = by_name ? limits::kListingNamesRead : limits::kListingVisits;
  question.rows = static_cast<uint32_t>(by_name ? limits::kListingRows : arguments->limit);
  return question.rows > 0 ? std::optional(std::move(question)) : std::nullopt;
}

// As a job in memory is shown.
AdminViews::Json AdminViews::backlog_row(const ListedJob& listed) const {
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
  Value row = job_row(job).value;
  row["bytes"] = listed.payload_bytes;
  row["in_store"] = true;
  return {std::move(row)};
}

AdminViews::Json AdminViews::backlog_job(const ListedJob& listed) const {
  Value row = backlog_row(listed).value;
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
  return {std::move(row)};
}

Result<AdminViews::Json> AdminViews::job(const Arguments& arguments, const StoreAnswer* found) const {
  if (const Job* job = broker.jobs_.find(arguments.id)) {
    Value row = job_row(*job).value;
    row["headers"] = job->headers.text.str();
    row["client"] = job->client.str();
    row["history"] = history_json(job->history.view(), broker.now_);
    row["explain"] = explain(*job);
    return Json{std::move(row)};
  }
  const auto last = std::find_if(broker.ended_.rbegin(), broker.ended_.rend(),
                                 [&](const EndedJob& ended) { return ended.id == arguments.id; });
  if (last != broker.ended_.rend()) return ended(*last);
  if (const ResultKept* kept = broker.results_.find(arguments.id, broker.now_)) {
    return Json{ended_json(FoundResult{*kept, kept->value.size()}, broker.now_)};
  }
  if (found && found->result) return Json{ended_json(*found->result, broker.now_)};
  if (found && !found->jobs.empty()) return backlog_job(found->jobs[0]);
  return fail(ErrorCode::kUnknownJob, fmt::format("no job {}: it was never here, or it ended long ago", arguments.id));
}

AdminViews::Json AdminViews::ended(const EndedJob& job) const {
  Value row = ended_json(job, broker.now_);
  if (broker.store_available_ || job.commit <= broker.durable_commit_) return {std::move(row)};
  row["waits_for"] = "store";
  row["explain"] = fmt::format(
      "{} That waits for the store, which is not available ({}): nobody is told before it is kept.",
      row["explain"].get<std::string>(), broker.store_fault_);
  return {std::move(row)};
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
                         age_seconds(broker.now_, job.started_at), job.worker->routing_id.view(), job.attempt,
                         job.cancel_requested ? ", and the worker was told to cancel it" : "");
    case JobState::kDelayed:
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
