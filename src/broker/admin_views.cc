#include "src/broker/admin_views.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "src/broker/view_json.h"

namespace eventmq {
namespace {

using Json = nlohmann::ordered_json;
using Map = nlohmann::json;

Json counters_json(const QueueCounters& counters) {
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

Result<std::string> AdminViews::view(std::string_view what, std::string_view text, const StoreAnswer* found) const {
  const Result<JobsQuery> arguments = JobsQuery::parse(text);
  if (!arguments) return tl::unexpected(arguments.error());
  if (what == "status") return view_text(status());
  if (what == "queues") return view_text(queues());
  if (what == "workers") return view_text(workers());
  if (what == "schedulers") return view_text(schedulers());
  if (what == "jobs") return view_text(jobs(*arguments, found));
  if (what == "job") return job(*arguments, found).map([](const Json& json) { return view_text(json); });
  return fail(
      ErrorCode::kBadValue,
      fmt::format("there is no view {}: status, queues, workers, schedulers, jobs, job, result, dead, dead-show",
                  what));
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
    by_worker[peer.name()] = static_cast<const Worker&>(peer).processed;
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
    const std::string id = worker.name();
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
    connected[peer.name()] = {{"hb", peer.last_heard.us / 1e6}};
  });
  return view_text({{"connected_schedulers", connected}});
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

Json AdminViews::status() const {
  const BrokerCounters& counters = broker.counters_;
  Json json = {{"instance", broker.instance_},
               {"state", broker.draining_ ? "draining" : "running"},
               {"started_at", broker.started_at_.us / 1e6},
               {"uptime_seconds", age_seconds(broker.now_, broker.started_at_)},
               {"store",
                {{"name", broker.settings_.store_name},
                 {"durable", broker.settings_.store_durable},
                 {"fence", broker.store_fence_},
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
                      {"routing_ids_taken", counters.routing_ids_taken},
                      {"connections_shed", counters.connections_shed},
                      {"queues_refused", counters.queues_refused},
                      {"results_dropped", counters.results_dropped},
                      {"recovered", counters.recovered},
                      {"resumed", counters.resumed}};
  json["queues"] = queues()["queues"];
  return json;
}

Json AdminViews::queue_row(const Queue& queue, const HeldByStore& held) const {
  Json row = {{"name", queue.name.str()}, {"workers", queue.workers}};
  row.update(counters_json(counters_of(queue, held)));
  row["latency_ms_last"] = queue.counters.latency_ms_last;
  row["latency_ms_max"] = queue.counters.latency_ms_max;
  return row;
}

Json AdminViews::queues() const {
  Json rows = Json::array();
  const HeldByStore held = held_by_store();
  for (const auto& [name, queue] : broker.queues_) {
    if (rows.size() == limits::kListingRows) break;
    rows.push_back(queue_row(*queue, held));
  }
  const size_t left_out = broker.queues_.size() - rows.size();
  Json json = {{"queues", std::move(rows)}, {"left_out", left_out}};
  if (broker.store_is_unread()) json["incomplete"] = broker.store_is_away().text;
  return json;
}

Json AdminViews::workers() const {
  constexpr size_t kQueuesShown = 20;  // of one worker
  Json rows = Json::array();
  size_t left_out = 0;
  broker.peers_.for_each([&](const Peer& peer) {
    if (peer.kind != PeerKind::kWorker) return;
    if (rows.size() == limits::kListingRows) {
      ++left_out;
      return;
    }
    const Worker& worker = static_cast<const Worker&>(peer);
    Json queues = Json::array();
    for (const Subscription& subscription : worker.subscriptions) {
      if (queues.size() == kQueuesShown) break;
      queues.push_back({subscription.weight, subscription.queue->name.str()});
    }
    rows.push_back({{"id", worker.name()},
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
  return {{"workers", std::move(rows)}, {"left_out", left_out}};
}

Json AdminViews::schedulers() const {
  Json rows = Json::array();
  broker.peers_.for_each([&](const Peer& peer) {
    if (peer.kind != PeerKind::kScheduler || rows.size() == limits::kListingRows) return;
    rows.push_back({{"id", peer.name()},
                    {"connected_seconds", age_seconds(broker.now_, peer.connected_at)},
                    {"silent_seconds", age_seconds(broker.now_, peer.last_heard)}});
  });
  const size_t left_out = broker.peers_.count(PeerKind::kScheduler) - rows.size();
  return {{"schedulers", std::move(rows)}, {"left_out", left_out}};
}

}  // namespace eventmq
