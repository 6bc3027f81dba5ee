// The virtual network between one broker and its peers, with the semantics of ZeroMQ over TCP: in a live
// connection messages arrive in order, once; but a connection can break at any point and takes with it
// whatever was on its way, and it can be dead for long without either end being told.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim/process.h"
#include "src/broker/broker.h"
#include "src/wire/frames.h"
#include "src/wire/messages.h"

namespace eventmq::sim {

class Connection;
using ConnectionPtr = std::shared_ptr<Connection>;

// A process at the far end of the broker's sockets.
class Peer : public Process {
 public:
  using Process::Process;

  virtual void receive(const ConnectionPtr& from, const Message& message) = 0;
  virtual void link_lost(const ConnectionPtr& lost) = 0;
  // False: what is sent to it piles up.
  virtual bool reads() const { return true; }
};

// What the network needs of the broker's process.
class BrokerEnd {
 public:
  virtual ~BrokerEnd() = default;
  virtual bool listening() const = 0;
  virtual void arrived(Side side, const Bytes& peer, Frames frames) = 0;
};

class Connection {
 public:
  Connection(Peer& peer, Side side, Bytes routing_id) : peer_(peer), side_(side), routing_id_(std::move(routing_id)) {}

  Side side() const { return side_; }
  const Bytes& routing_id() const { return routing_id_; }
  Peer& peer() const { return peer_; }
  bool open() const { return state_ == State::kOpen; }
  bool dead() const { return state_ == State::kDead; }
  // The start of the broker that this connection reached; 0 before it is open.
  uint64_t broker_life() const { return broker_life_; }

 private:
  friend class Network;
  enum class State : uint8_t { kConnecting, kOpen, kClosing, kDead };
  struct ToBroker {
    Instant ready;
    Frames frames;
  };
  struct ToPeer {
    Instant ready;
    Frames frames;
  };

  Peer& peer_;
  Side side_;
  Bytes routing_id_;
  State state_ = State::kConnecting;
  uint64_t peer_life_ = 0;
  uint64_t broker_life_ = 0;
  Instant stalled_until_;
  std::deque<ToBroker> to_broker_;
  std::deque<ToPeer> to_peer_;
  size_t handed_to_peer_ = 0;  // in the peer's process, not yet handled
};

struct NetworkSettings {
  Duration delay_low = microseconds(50);
  Duration delay_high = microseconds(800);
  size_t send_queue_messages = 1000;  // towards one peer; beyond: the send fails
};

enum class SendResult { kSent, kUnreachable, kFull };

class Network {
 public:
  explicit Network(World& world) : world_(world) {}
  void attach(BrokerEnd& broker) { broker_ = &broker; }
  NetworkSettings& settings() { return settings_; }

  // --- For peers ---
  // Begins to connect; messages sent meanwhile wait. An address other than kBrokerAddress is never answered.
  static constexpr std::string_view kBrokerAddress = "sim://broker";
  ConnectionPtr connect(Peer& peer, Side side, Bytes routing_id, std::string_view address);
  void send(const ConnectionPtr& connection, const Message& message);
  void send_frames(const ConnectionPtr& connection, Frames frames);
  // The peer closes its end. What it sent may still arrive.
  void close(const ConnectionPtr& connection);
  // The peer's process is gone.
  void peer_died(Peer& peer);

  // --- For the broker ---
  SendResult send(Side side, const Bytes& routing_id, const Message& message);
  void broker_started(uint64_t life) { broker_life_ = life; }
  void broker_died();

  // --- Faults ---
  std::vector<ConnectionPtr> open_connections() const;
  // Both ends are told soon.
  void reset(const ConnectionPtr& connection);
  // Nothing passes any more, and nobody is told for minutes.
  void partition(const ConnectionPtr& connection);
  // Nothing passes for so long; then everything does.
  void stall(const ConnectionPtr& connection, Duration duration);

 private:
  using Key = std::pair<Side, std::string>;

  void establish(const ConnectionPtr& connection);
  void kill(const ConnectionPtr& connection);
  void tell_peer(const ConnectionPtr& connection, Duration delay);
  void tell_broker(const ConnectionPtr& connection, Duration delay);
  void forget(const ConnectionPtr& connection);
  void push_to_broker(const ConnectionPtr& connection, Frames frames);
  void pump_to_broker(const ConnectionPtr& connection);
  void pump_to_peer(const ConnectionPtr& connection);
  void hand_to_peer(const ConnectionPtr& connection, const Frames& frames);
  Instant arrival(Instant last) const;

  World& world_;
  BrokerEnd* broker_ = nullptr;
  uint64_t broker_life_ = 0;
  NetworkSettings settings_;
  std::map<Key, ConnectionPtr> routes_;  // what the broker's sockets know
};

}  // namespace eventmq::sim
