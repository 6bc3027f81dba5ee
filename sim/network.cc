#include "sim/network.h"

#include <algorithm>

#include "src/codec/codec.h"

namespace eventmq::sim {

ConnectionPtr Network::connect(Peer& peer, Side side, Bytes routing_id, std::string_view address) {
  auto connection = std::make_shared<Connection>(peer, side, std::move(routing_id));
  connection->peer_life_ = peer.life();
  if (address != kBrokerAddress) {
    world_.coverage.count(Covered::kConnectRefused);
    if (world_.prng.chance(70)) tell_peer(connection, world_.between(milliseconds(1), milliseconds(20)));
    return connection;
  }
  world_.queue.after(world_.between(settings_.delay_low, settings_.delay_high),
                     [this, connection] { establish(connection); });
  return connection;
}

void Network::establish(const ConnectionPtr& connection) {
  if (connection->state_ != Connection::State::kConnecting || connection->peer_life_ != connection->peer_.life())
    return;
  if (!broker_->listening()) {
    world_.coverage.count(Covered::kConnectRefused);
    if (world_.prng.chance(50)) return tell_peer(connection, milliseconds(1));
    world_.queue.after(milliseconds(100), [this, connection] { establish(connection); });
    return;
  }
  const Key key{connection->side_, connection->routing_id_.str()};
  if (const auto old = routes_.find(key); old != routes_.end()) kill(old->second);
  routes_[key] = connection;
  connection->state_ = Connection::State::kOpen;
  connection->broker_life_ = broker_life_;
  pump_to_broker(connection);
}

void Network::send(const ConnectionPtr& connection, const Message& message) {
  world_.trace.message(world_.now(), connection->peer_.name(), "->", message);
  send_frames(connection, encode(message));
}

void Network::send_frames(const ConnectionPtr& connection, Frames frames) {
  if (connection->state_ == Connection::State::kDead || connection->state_ == Connection::State::kClosing) {
    world_.coverage.count(Covered::kMessageLost);
    return;
  }
  push_to_broker(connection, std::move(frames));
}

Instant Network::arrival(Instant last) const {
  return std::max(last, world_.now() + world_.between(settings_.delay_low, settings_.delay_high));
}

void Network::push_to_broker(const ConnectionPtr& connection, Frames frames) {
  auto& line = connection->to_broker_;
  const Instant ready = arrival(line.empty() ? world_.now() : line.back().ready);
  line.push_back({ready, std::move(frames)});
  world_.queue.at(ready, [this, connection] { pump_to_broker(connection); });
}

void Network::pump_to_broker(const ConnectionPtr& connection) {
  using State = Connection::State;
  auto& line = connection->to_broker_;
  while ((connection->state_ == State::kOpen || connection->state_ == State::kClosing) && !line.empty() &&
         line.front().ready <= world_.now() && connection->stalled_until_ <= world_.now()) {
    const Frames frames = std::move(line.front().frames);
    line.pop_front();
    broker_->arrived(connection->side_, connection->routing_id_, frames);
  }
  if (connection->state_ == State::kClosing && line.empty()) kill(connection);
}

SendResult Network::send(Side side, const Bytes& routing_id, const Message& message) {
  const auto route = routes_.find(Key{side, routing_id.str()});
  if (route == routes_.end()) return SendResult::kUnreachable;
  const ConnectionPtr connection = route->second;
  if (!connection->open()) {
    world_.coverage.count(Covered::kMessageLost);
    return SendResult::kSent;
  }
  if (connection->to_peer_.size() + connection->handed_to_peer_ >= settings_.send_queue_messages)
    return SendResult::kFull;
  auto& line = connection->to_peer_;
  const Instant ready = arrival(line.empty() ? world_.now() : line.back().ready);
  line.push_back({ready, encode(message)});
  world_.queue.at(ready, [this, connection] { pump_to_peer(connection); });
  return SendResult::kSent;
}

void Network::pump_to_peer(const ConnectionPtr& connection) {
  auto& line = connection->to_peer_;
  while (connection->open() && connection->peer_.reads() && !line.empty() && line.front().ready <= world_.now() &&
         connection->stalled_until_ <= world_.now()) {
    const Frames frames = std::move(line.front().frames);
    line.pop_front();
    hand_to_peer(connection, frames);
  }
}

void Network::hand_to_peer(const ConnectionPtr& connection, const Frames& frames) {
  auto message = decode(frames);
  if (!message) {
    world_.violate("codec", fmt::format("the broker sent {} what the codec refuses: {}", connection->peer_.name(),
                                        message.error().error.text));
    return;
  }
  ++connection->handed_to_peer_;
  connection->peer_.enter([this, connection, message = std::move(*message)] {
    --connection->handed_to_peer_;
    world_.trace.message(world_.now(), connection->peer_.name(), "<-", message);
    connection->peer_.receive(connection, message);
  });
}

void Network::close(const ConnectionPtr& connection) {
  if (connection->open() && world_.prng.chance(70)) {
    world_.coverage.count(Covered::kMessageLost, connection->to_peer_.size());
    connection->to_peer_.clear();
    connection->state_ = Connection::State::kClosing;
    pump_to_broker(connection);
    return;
  }
  kill(connection);
}

void Network::kill(const ConnectionPtr& connection) {
  if (connection->dead()) return;
  world_.coverage.count(Covered::kMessageLost, connection->to_broker_.size() + connection->to_peer_.size());
  connection->to_broker_.clear();
  connection->to_peer_.clear();
  connection->state_ = Connection::State::kDead;
  tell_broker(connection, world_.between(milliseconds(0), milliseconds(5)));
}

void Network::tell_peer(const ConnectionPtr& connection, Duration delay) {
  world_.queue.after(delay, [connection] {
    if (connection->peer_life_ != connection->peer_.life()) return;
    connection->peer_.enter([connection] { connection->peer_.link_lost(connection); });
  });
}

void Network::tell_broker(const ConnectionPtr& connection, Duration delay) {
  world_.queue.after(delay, [this, connection] { forget(connection); });
}

void Network::forget(const ConnectionPtr& connection) {
  const auto route = routes_.find(Key{connection->side_, connection->routing_id_.str()});
  if (route != routes_.end() && route->second == connection) routes_.erase(route);
}

void Network::reset(const ConnectionPtr& connection) {
  if (!connection->open()) return;
  world_.coverage.count(Covered::kConnectionBroken);
  world_.note("network",
              fmt::format("connection {} of {} breaks", connection->routing_id_.view(), connection->peer_.name()));
  kill(connection);
  tell_peer(connection, world_.between(milliseconds(0), milliseconds(20)));
}

void Network::partition(const ConnectionPtr& connection) {
  if (!connection->open()) return;
  world_.coverage.count(Covered::kPartition);
  world_.note("network", fmt::format("connection {} of {} is silently dead", connection->routing_id_.view(),
                                     connection->peer_.name()));
  world_.coverage.count(Covered::kMessageLost, connection->to_broker_.size() + connection->to_peer_.size());
  connection->to_broker_.clear();
  connection->to_peer_.clear();
  connection->state_ = Connection::State::kDead;
  tell_peer(connection, world_.between(seconds(60), seconds(120)));
  tell_broker(connection, world_.between(seconds(60), seconds(120)));
}

void Network::stall(const ConnectionPtr& connection, Duration duration) {
  if (!connection->open()) return;
  world_.coverage.count(Covered::kSlowNetwork);
  world_.note("network", fmt::format("connection {} of {} stalls for {:.3f} s", connection->routing_id_.view(),
                                     connection->peer_.name(), duration.seconds()));
  connection->stalled_until_ = std::max(connection->stalled_until_, world_.now() + duration);
  world_.queue.at(connection->stalled_until_, [this, connection] {
    pump_to_broker(connection);
    pump_to_peer(connection);
  });
}

std::vector<ConnectionPtr> Network::open_connections() const {
  std::vector<ConnectionPtr> open;
  for (const auto& [key, connection] : routes_) {
    if (connection->open()) open.push_back(connection);
  }
  return open;
}

void Network::peer_died(Peer& peer) {
  for (const auto& connection : open_connections()) {
    if (&connection->peer_ != &peer) continue;
    // A dead process is noticed by its host's FIN; a dead host is not.
    world_.prng.chance(80) ? kill(connection) : partition(connection);
  }
}

void Network::broker_died() {
  const auto routes = std::exchange(routes_, {});
  for (const auto& [key, connection] : routes) {
    if (connection->dead()) continue;
    kill(connection);
    tell_peer(connection, world_.between(milliseconds(0), milliseconds(50)));
  }
}

}  // namespace eventmq::sim
