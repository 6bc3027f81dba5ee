#include "sim/legacy_worker.h"

#include <fmt/format.h>

#include <utility>

namespace eventmq::sim {
namespace {

constexpr Duration kAckTimeout = seconds(5);

}  // namespace

LegacyWorker::LegacyWorker(World& world, Network& network, Jobs& jobs, std::string name,
                           std::vector<QueueWeight> queues, uint32_t slots)
    : Peer(world, std::move(name)),
      network_(network),
      jobs_(jobs),
      queues_(std::move(queues)),
      slots_(slots),
      ids_(IdSource::from_small_seed(world.prng.next())) {}

void LegacyWorker::on_start() {
  leaving_ = suspect_ = false;
  running_ = 0;
  queued_.clear();
  begin_conversation();
}

void LegacyWorker::on_end() {
  link_.reset();
  network_.peer_died(*this);
}

void LegacyWorker::begin_conversation() {
  ++conversation_;
  informed_ = false;
  heard_ = world_.now();
  if (link_) network_.close(link_);
  routing_id_ = ids_.next().str();
  link_ = network_.connect(*this, Side::kBackend, Bytes(routing_id_), Network::kBrokerAddress);
  Inform inform;
  inform.kind = PeerKind::kWorker;
  inform.queues = queues_;
  send(std::move(inform));
  beat(conversation_);
}

void LegacyWorker::reset() {
  note("begins a new conversation");
  begin_conversation();
}

void LegacyWorker::beat(uint64_t conversation) {
  enter_after(informed_ ? kLegacyHeartbeat : kAckTimeout, [this, conversation] {
    if (conversation != conversation_ || leaving_) return;
    if (!informed_ || world_.now() - heard_ > kLegacySilence) return reset();
    send(Heartbeat{Bytes(fmt::format("{}.5", world_.now().us / 1'000'000))});
    beat(conversation);
  });
}

void LegacyWorker::leave() {
  enter([this] {
    if (leaving_ || !informed_) return;
    world_.coverage.count(Covered::kLegacyLeft);
    leaving_ = true;
    send(Goodbye{});
    if (running_ == 0) exit();
  });
}

void LegacyWorker::link_lost(const ConnectionPtr& lost) {
  if (lost != link_) return;
  suspect_ = true;
  link_ = network_.connect(*this, Side::kBackend, Bytes(routing_id_), Network::kBrokerAddress);
}

void LegacyWorker::receive(const ConnectionPtr& from, const Message& message) {
  if (from != link_) return;
  heard_ = world_.now();
  if (std::holds_alternative<Ack>(message.body) && !informed_) {
    informed_ = true;
    for (uint32_t slot = 0; slot < slots_; ++slot) send(Ready{});
  } else if (const auto* request = std::get_if<Request>(&message.body)) {
    on_request(message, *request);
  } else if (std::holds_alternative<Goodbye>(message.body) && informed_ && !leaving_) {
    reset();
  } else if (std::holds_alternative<Disconnect>(message.body) && !leaving_) {
    send(Goodbye{});
  }
}

void LegacyWorker::on_request(const Message& message, const Request& request) {
  world_.coverage.count(Covered::kLegacyDispatch);
  const std::string text = request.headers.text.str();
  if (text.find("guarantee:") != std::string::npos || text.find("priority") != std::string::npos ||
      text.find("expires") != std::string::npos || request.attempt != 0) {
    world_.violate("published",
                   fmt::format("{} was sent more than the published protocol: {}", name(), describe(message)));
  }
  Work work{message.id.str(), text.find("reply-requested") != std::string::npos, request.headers.timeout,
            jobs_.handler_of(message.id.view())};
  if (running_ < slots_) return run(std::move(work));
  world_.coverage.count(Covered::kLegacyQueued);
  queued_.push_back(std::move(work));
}

void LegacyWorker::run(Work work) {
  ++running_;
  note(fmt::format("starts {}", work.id));
  const bool times_out = work.timeout.us > 0 && work.handler.runs > work.timeout;
  const Duration runs = times_out ? work.timeout : work.handler.runs;
  enter_after(runs, [this, work = std::move(work), times_out] { finish(work, times_out); });
}

void LegacyWorker::finish(const Work& work, bool timed_out) {
  if (work.handler.killing_attempts > 0) {
    world_.coverage.count(Covered::kHandlerKilledWorker);
    return crash();
  }
  const std::string payload = timed_out                           ? R"({"value": "TimeoutError"})"
                              : work.handler.failing_attempts > 0 ? R"({"value": "no"})"
                                                                  : handler_value(work.id, 0);
  if (work.reply_requested) send(Reply{Bytes(payload), Bytes(work.id)});
  if (timed_out) {
    enter_after(world_.between(seconds(1), seconds(4)), [this] { free_slot(); });
  } else {
    free_slot();
  }
}

void LegacyWorker::free_slot() {
  --running_;
  if (!queued_.empty()) {
    Work next = std::move(queued_.front());
    queued_.pop_front();
    run(std::move(next));
  }
  if (!leaving_) return send(Ready{});
  if (running_ == 0) exit();
}

void LegacyWorker::send(Body body) { network_.send(link_, Message{ids_.next(), std::move(body)}); }

}  // namespace eventmq::sim
