#include "sim/hostile_peer.h"

#include "sim/legacy_peers.h"

namespace eventmq::sim {
namespace {

constexpr size_t kRemembered = 50;

}  // namespace

HostilePeer::HostilePeer(World& world, Network& network, Jobs& jobs, std::string name, Side side)
    : Peer(world, std::move(name)),
      network_(network),
      jobs_(jobs),
      side_(side),
      ids_(IdSource::from_small_seed(world.prng.next())) {}

void HostilePeer::on_start() {
  connect();
  act_soon();
}

void HostilePeer::on_end() {
  seen_.clear();
  link_.reset();
  network_.peer_died(*this);
}

void HostilePeer::connect() {
  if (link_) network_.close(link_);
  link_ = network_.connect(*this, side_, ids_.next(), Network::kBrokerAddress);
}

void HostilePeer::act_soon() {
  enter_after(world_.between(milliseconds(1), seconds(1)), [this] {
    act();
    if (alive()) act_soon();
  });
}

void HostilePeer::receive(const ConnectionPtr& from, const Message& message) {
  if (from != link_) return;
  const auto* request = std::get_if<Request>(&message.body);
  if (!request) return;
  world_.coverage.count(Covered::kHostileJob);
  seen_.emplace_back(message.id.str(), request->attempt);
  if (seen_.size() > kRemembered) seen_.erase(seen_.begin());
}

void HostilePeer::link_lost(const ConnectionPtr& lost) {
  if (lost == link_) connect();
}

void HostilePeer::act() {
  world_.coverage.count(Covered::kHostileMessage);
  const int64_t draw = world_.between(0, 99);
  if (draw < 3) return connect();
  if (draw < 6) return send(Disconnect{});
  if (draw < 9) return send(Goodbye{});
  if (draw < 14) return malformed();
  if (draw < 20 && !sent_.empty()) return network_.send(link_, world_.pick(sent_));
  if (draw < 25) return send(Ack{ids_.next(), Bytes()});
  if (draw < 30) return send(Heartbeat{Bytes("now")});
  if (draw < 33) return send(StatusQuery{});
  if (draw < 36) return send(Query{Bytes("jobs"), Bytes("{}")});
  side_ == Side::kBackend || draw < 40 ? act_as_worker() : act_as_client();
}

void HostilePeer::act_as_worker() {
  switch (world_.prng.below(6)) {
    case 0:
      return send(draw_inform());
    case 1:
      return flood();
    case 2:
      return send(Ready{});
    case 3:
      return send(Progress{Bytes("no-such-job"), 0.5, Bytes("nearly")});
    default:
      return send(draw_reply());
  }
}

void HostilePeer::act_as_client() {
  const std::string any = jobs_.any_id();
  switch (world_.prng.below(5)) {
    case 0:
      if (!any.empty()) return send(Cancel{Bytes(any)});
      return;
    case 1:
      return send(Cancel{Bytes("no-such-job")});
    case 2: {
      Unschedule unschedule;
      unschedule.queue = Bytes("default");
      unschedule.interval = Bytes("-1");
      unschedule.cron = Bytes("* * * * *");
      return send(std::move(unschedule));
    }
    default:
      return send(job_message(jobs_.draw(name())));
  }
}

void HostilePeer::flood() {
  const int64_t count = world_.prng.chance(5) ? 12'000 : world_.between(2, 100);
  for (int64_t i = 0; i < count; ++i) network_.send(link_, Message{ids_.next(), Ready{}});
}

Inform HostilePeer::draw_inform() {
  Inform inform;
  inform.kind = world_.prng.chance(80)   ? PeerKind::kWorker
                : world_.prng.chance(50) ? PeerKind::kClient
                                         : PeerKind::kScheduler;
  if (inform.kind == PeerKind::kWorker) {
    const auto& queues = jobs_.queues();
    const uint64_t count = world_.prng.below(queues.size() + 1);
    for (uint64_t i = 0; i < count; ++i) {
      inform.queues.push_back({static_cast<uint32_t>(world_.prng.below(50)), Bytes(queues[i])});
    }
  }
  inform.has_capabilities = world_.prng.chance(70);
  if (!inform.has_capabilities) return inform;
  inform.capabilities.settle = world_.prng.chance(70);
  inform.capabilities.errors = world_.prng.chance(50);
  inform.capabilities.cancel = world_.prng.chance(50);
  inform.capabilities.resume = world_.prng.chance(50);
  if (inform.kind == PeerKind::kWorker && inform.capabilities.resume && world_.prng.chance(70)) {
    inform.previous_id = world_.prng.chance(50) ? link_->routing_id() : ids_.next();
    for (uint64_t i = world_.prng.below(5); i-- > 0;) {
      const std::string any = jobs_.any_id();
      if (!any.empty()) inform.held.push_back({Bytes(any), static_cast<uint32_t>(world_.between(1, 3))});
    }
    for (const auto& [id, attempt] : seen_) {
      if (attempt > 0 && world_.prng.chance(30)) inform.held.push_back({Bytes(id), attempt});
    }
  }
  return inform;
}

Reply HostilePeer::draw_reply() {
  Reply reply;
  reply.payload = Bytes(world_.prng.chance(50) ? R"({"value": "stolen"})" : "not JSON {");
  if (!seen_.empty() && world_.prng.chance(60)) {
    const auto& [id, attempt] = world_.pick(seen_);
    reply.request_id = Bytes(id);
    reply.attempt = attempt;
  } else {
    const std::string any = jobs_.any_id();
    reply.request_id = Bytes(any.empty() ? "no-such-job" : any);
    reply.attempt = static_cast<uint32_t>(world_.between(0, 3));
  }
  reply.has_outcome = reply.attempt > 0;
  if (reply.has_outcome) reply.outcome = static_cast<Outcome>(world_.prng.below(7));  // up to kReturned
  if (reply.has_outcome && world_.prng.chance(10)) reply.attempt += 1;
  return reply;
}

void HostilePeer::malformed() {
  Frames frames;
  const uint64_t kind = world_.prng.below(6);
  if (kind == 0) return network_.send_frames(link_, frames);  // no frame at all
  frames.push(Bytes());
  if (kind > 1) frames.push(Bytes::literal(kind == 2 ? "eMQP/2.0" : "eMQP/1.0"));
  if (kind > 2) frames.push(Bytes::literal(kind == 3 ? "DANCE" : "REQUEST"));
  if (kind > 3) frames.push(ids_.next());
  if (kind > 4) {
    frames.push(Bytes::literal("\xff\xfe"));
    frames.push(Bytes::literal("priority:77"));
    frames.push(Bytes::literal("x"));
  }
  network_.send_frames(link_, std::move(frames));
}

void HostilePeer::send(Body body) { send(Message{ids_.next(), std::move(body)}); }

void HostilePeer::send(Message message) {
  sent_.push_back(message);
  if (sent_.size() > kRemembered) sent_.erase(sent_.begin());
  network_.send(link_, message);
}

}  // namespace eventmq::sim
