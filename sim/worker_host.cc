#include "sim/worker_host.h"

#include <fmt/format.h>

namespace eventmq::sim {

WorkerHost::WorkerHost(World& world, Network& network, Jobs& jobs, std::string name, WorkerSessionSettings settings)
    : Peer(world, std::move(name)), network_(network), jobs_(jobs), settings_(std::move(settings)) {}

WorkerHost::~WorkerHost() = default;

void WorkerHost::on_start() {
  draining_ = false;
  session_ = std::make_unique<WorkerSession>(settings_, IdSource::from_small_seed(world_.prng.next()));
  step(WorkerStarted{});
}

void WorkerHost::on_end() {
  running_.clear();
  session_.reset();
  link_.reset();
  network_.peer_died(*this);
}

void WorkerHost::on_wake() { step(SessionTick{}); }

void WorkerHost::drain() {
  if (draining_) return;
  enter([this] {
    draining_ = true;
    note("is told to drain");
    step(DrainRequested{});
  });
}

void WorkerHost::receive(const ConnectionPtr& from, const Message& message) {
  if (from != link_) return;
  if (std::holds_alternative<Cancel>(message.body)) world_.coverage.count(Covered::kWorkerCancel);
  step(FromBroker{message});
}

void WorkerHost::link_lost(const ConnectionPtr& lost) {
  if (lost == link_) step(LinkLost{});
}

void WorkerHost::step(WorkerEvent event) {
  std::vector<WorkerEffect> effects;
  session_->step(std::move(event), clock(), effects);
  for (WorkerEffect& effect : effects) {
    if (!alive()) return;
    std::visit([this](auto& what) { carry_out(what); }, effect);
  }
  if (alive()) wake_at(session_->next_wake());
}

void WorkerHost::carry_out(Connect& effect) {
  if (link_) network_.close(link_);
  link_ = network_.connect(*this, Side::kBackend, Bytes(effect.routing_id), effect.address);
}

void WorkerHost::carry_out(ToBroker& effect) {
  if (!link_) return world_.violate("session", fmt::format("{} sends before it connects", name()));
  network_.send(link_, effect.message);
}

void WorkerHost::carry_out(StartJob& effect) {
  const RunKey key{effect.request_id.str(), effect.attempt};
  note(fmt::format("starts {} attempt {}", key.first, key.second));
  if (running_.contains(key))
    return world_.violate("started-twice", fmt::format("{} runs {} already", name(), key.first));
  if (running_.size() >= settings_.slots) {
    world_.violate("slots", fmt::format("{} has {} slots and starts one job more", name(), settings_.slots));
  }
  if (draining_) world_.violate("drain", fmt::format("{} starts {} while it drains", name(), key.first));
  // One that is shared by a unique key may become a guaranteed one.
  const bool plain = !effect.headers.guarantee && effect.headers.retry_count == 0 && effect.headers.unique.empty();
  jobs_.begun(key.first, key.second, plain, link_->broker_life());
  const Handler handler = jobs_.handler_of(key.first);
  running_[key] = handler;
  const Duration timeout = effect.headers.timeout;
  const bool times_out = timeout.us > 0 && handler.runs > timeout;
  if (handler.reports_progress) {
    enter_after(handler.runs / 2, [this, key] {
      if (running_.contains(key)) step(JobProgressed{Bytes(key.first), 0.5, Bytes("half way")});
    });
  }
  Outcome outcome = key.second <= handler.failing_attempts ? handler.failure : Outcome::kOk;
  if (times_out) outcome = Outcome::kTimeout;
  enter_after(times_out ? timeout : handler.runs, [this, key, outcome] { finish(key, outcome); });
}

void WorkerHost::finish(const RunKey& key, Outcome outcome) {
  const auto found = running_.find(key);
  if (found == running_.end()) return;
  if (key.second <= found->second.killing_attempts) {
    world_.coverage.count(Covered::kHandlerKilledWorker);
    return crash();
  }
  running_.erase(found);
  switch (outcome) {
    case Outcome::kError:
      world_.coverage.count(Covered::kHandlerError);
      break;
    case Outcome::kTimeout:
      world_.coverage.count(Covered::kHandlerTimeout);
      break;
    case Outcome::kKilled:
      world_.coverage.count(Covered::kHandlerKilled);
      break;
    case Outcome::kUnknownJob:
      world_.coverage.count(Covered::kUnknownJob);
      break;
    default:
      break;
  }
  const std::string payload = outcome == Outcome::kOk
                                  ? handler_value(key.first, key.second)
                                  : fmt::format(R"({{"value": "{}", "error": {{}}}})", outcome_word(outcome));
  note(fmt::format("ends {} attempt {} {}", key.first, key.second, outcome_word(outcome)));
  step(JobFinished{Bytes(key.first), key.second, outcome, Bytes(payload)});
}

void WorkerHost::carry_out(CancelJob& effect) {
  for (const auto& entry : running_) {
    const RunKey key = entry.first;
    if (key.first != effect.request_id.view()) continue;
    enter_after(world_.between(milliseconds(0), milliseconds(50)), [this, key] { finish(key, Outcome::kCancelled); });
  }
}

void WorkerHost::carry_out(SessionAway&) {
  world_.violate("session", fmt::format("{} leaves the broker unasked", name()));
}

void WorkerHost::carry_out(SessionEnded&) {
  if (!running_.empty()) world_.violate("drain", fmt::format("{} ends its session and still runs jobs", name()));
  if (!draining_) world_.violate("session", fmt::format("{} ends its session unasked", name()));
  // The loop lets what is queued leave before it closes.
  network_.close(link_);
  link_.reset();
  exit();
}

void WorkerHost::carry_out(SessionLog& effect) { note(effect.text); }

}  // namespace eventmq::sim
