#include "sim/legacy_peers.h"

#include <fmt/format.h>

#include "sim/legacy_worker.h"
#include "src/base/assert.h"

namespace eventmq::sim {

Message job_message(const JobSpec& spec) {
  auto headers = parse_headers(Bytes(spec.headers));
  EMQ_ASSERT(headers.has_value(), "{}", spec.headers);
  Request request;
  request.queue = Bytes(spec.queue);
  request.headers = std::move(*headers);
  request.payload = Bytes(fmt::format(R"(["run", {{"path": "sim", "callable": "job", "args": ["{}"]}}])", spec.id));
  return {Bytes(spec.id), std::move(request)};
}

LegacyClient::LegacyClient(World& world, Network& network, Jobs& jobs, std::string name)
    : Peer(world, std::move(name)),
      network_(network),
      jobs_(jobs),
      ids_(IdSource::from_small_seed(world.prng.next())) {}

void LegacyClient::on_start() {
  routing_id_ = ids_.next().str();
  link_ = network_.connect(*this, Side::kFrontend, Bytes(routing_id_), Network::kBrokerAddress);
}

void LegacyClient::on_end() {
  link_.reset();
  network_.peer_died(*this);
}

void LegacyClient::link_lost(const ConnectionPtr& lost) {
  if (lost == link_) link_ = network_.connect(*this, Side::kFrontend, Bytes(routing_id_), Network::kBrokerAddress);
}

void LegacyClient::submit() {
  enter([this] {
    world_.coverage.count(Covered::kJobSubmitted);
    network_.send(link_, job_message(jobs_.draw(name())));
  });
}

LegacyScheduler::LegacyScheduler(World& world, Network& network, Jobs& jobs, std::string name)
    : Peer(world, std::move(name)),
      network_(network),
      jobs_(jobs),
      ids_(IdSource::from_small_seed(world.prng.next())) {}

void LegacyScheduler::on_start() { begin_conversation(); }

void LegacyScheduler::on_end() {
  link_.reset();
  network_.peer_died(*this);
}

void LegacyScheduler::begin_conversation() {
  ++conversation_;
  informed_ = false;
  heard_ = world_.now();
  if (link_) network_.close(link_);
  routing_id_ = ids_.next().str();
  link_ = network_.connect(*this, Side::kFrontend, Bytes(routing_id_), Network::kBrokerAddress);
  Inform inform;
  inform.kind = PeerKind::kScheduler;
  send(std::move(inform));
  beat(conversation_);
}

void LegacyScheduler::beat(uint64_t conversation) {
  enter_after(kLegacyHeartbeat, [this, conversation] {
    if (conversation != conversation_) return;
    if (world_.now() - heard_ > kLegacySilence) return begin_conversation();
    send(Heartbeat{Bytes("1795354932.5")});
    if (informed_ && !paused_) {
      world_.coverage.count(Covered::kSchedulerRequest);
      JobSpec spec = jobs_.draw(name());
      spec.headers = "reply-requested";
      network_.send(link_, job_message(spec));
    }
    beat(conversation);
  });
}

void LegacyScheduler::receive(const ConnectionPtr& from, const Message& message) {
  if (from != link_) return;
  heard_ = world_.now();
  if (std::holds_alternative<Ack>(message.body)) informed_ = true;
  if (std::holds_alternative<Goodbye>(message.body)) return begin_conversation();
  if (std::holds_alternative<Schedule>(message.body)) world_.coverage.count(Covered::kScheduleForwarded);
}

void LegacyScheduler::link_lost(const ConnectionPtr& lost) {
  if (lost == link_) link_ = network_.connect(*this, Side::kFrontend, Bytes(routing_id_), Network::kBrokerAddress);
}

void LegacyScheduler::send(Body body) { network_.send(link_, Message{ids_.next(), std::move(body)}); }

}  // namespace eventmq::sim
