// The router: joins the broker to its sockets, its store, the clock and the operator's signals. All decisions
// are the broker's (src/broker/broker.h); the loop obeys.
//
// One turn: wait; take up to limits::kMessagesPerTurn messages from each socket, one from each in turn; decode;
// step the broker; send what waits for no commit, and release what waited; hand the turn's records to the store.
//
//   RouterLoop loop(settings, {.store = std::make_unique<MemoryStore>()});
//   if (auto opened = loop.open(); !opened) return opened.error();
//   loop.run();                       // until it is told to stop
//
// One thread calls open() and then run(). What other threads may call says so.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "src/broker/broker.h"
#include "src/runtime/clock.h"
#include "src/runtime/held_sends.h"
#include "src/runtime/log.h"
#include "src/runtime/signals.h"
#include "src/runtime/uncommitted.h"
#include "src/store/store.h"
#include "src/transport/connection_hub.h"
#include "src/transport/poller.h"
#include "src/transport/router_socket.h"
#include "src/transport/wakeup.h"

namespace eventmq {

// What can change while the router runs.
struct LiveRouterSettings {
  BrokerSettings broker;
  bool log_messages = false;    // every message in and out, as debug lines
  bool hide_heartbeats = true;  // but for heartbeats
};

struct RouterSettings {
  std::string frontend_address = "tcp://127.0.0.1:47291";        // setting frontend_listen_addr
  std::string backend_address = "tcp://127.0.0.1:47290";         // setting backend_listen_addr
  std::string administrative_address = "tcp://127.0.0.1:47293";  // setting administrative_listen_addr
  SocketOptions sockets;
  LiveRouterSettings live;
};

// Where it listens, with the ports that the system chose.
struct RouterEndpoints {
  std::string frontend;
  std::string backend;
  std::string administrative;
};

// Since the start. A message is counted in exactly one of each line's numbers.
struct RouterCounters {
  uint64_t received = 0, refused = 0;                 // understood; not understood, told to the broker
  uint64_t sent = 0, unreachable = 0, peer_full = 0;  // left; dropped, told to the broker
  uint64_t dropped_at_stop = 0;                       // waited for a commit that did not come in time
  uint64_t connections_cut = 0;                       // their messages had no end (connection_hub.h)
  uint64_t connections_faulty = 0;                    // others that were not had or kept (connection_fault.h)
};

// What the loop is given. A store that cannot be opened yet is a LateStore. `signals` and whatever `reload` refers to
// must outlive it.
struct RouterParts {
  std::unique_ptr<Store> store;
  LogSink log = spdlog_sink();
  // TERM and INT ask for an orderly shutdown, and stop at once when they come again; HUP calls `reload`.
  SignalCatcher* signals = nullptr;
  // Reads the settings again; nothing if they are as they were. An error is logged and changes nothing.
  std::function<Result<std::optional<LiveRouterSettings>>()> reload = nullptr;
};

class RouterLoop {
 public:
  RouterLoop(RouterSettings settings, RouterParts parts);
  ~RouterLoop();
  RouterLoop(const RouterLoop&) = delete;
  RouterLoop& operator=(const RouterLoop&) = delete;

  // Takes up what the store holds, and listens on the three addresses; warns of each that other machines can reach.
  // What a LateStore holds is taken up in run(), once it is open.
  // Errors: of Store::recover and RouterSocket::bind.
  Result<void> open();
  // Valid after open().
  const RouterEndpoints& endpoints() const { return endpoints_; }
  // Runs until the broker has shut down or stop() was called, then closes the sockets.
  void run();

  // From any thread: end now, without the orderly shutdown.
  void stop();
  // From any thread: the broker takes no new work, finishes what it has, and run() ends.
  void request_shutdown();
  // From any thread.
  void change_settings(LiveRouterSettings settings);
  // From any thread: look at the store.
  void wake() { wakeup_.notify(); }
  // From any thread.
  RouterCounters counters() const;

 private:
  static constexpr size_t kSides = 3;
  struct Counters {
    std::atomic<uint64_t> received{0}, refused{0}, sent{0}, unreachable{0}, peer_full{0}, dropped_at_stop{0},
        connections_cut{0}, connections_faulty{0};
  };

  RouterSocket& socket(Side side) { return sockets_[static_cast<size_t>(side)]; }
  Result<void> listen(Side side, const std::string& address, std::string_view setting, std::string& endpoint);

  Result<void> recover();
  void set_retention();
  void watch_store();
  void take_up_opened_store();

  void wait();
  Instant next_wake() const;
  bool store_is_behind(Side side) const;
  bool reads(Side side) const { return !finish_by_ && !store_is_behind(side); }
  void excuse_unread();
  bool ended() const;
  void take_requests();
  void take_signals();
  void reload();
  void settings_changed();

  void receive_turn();
  bool receive_one(Side side);
  void step(Event event);
  void carry_out(Effects& effects);
  void gather(Effects& effects);
  void submit_gathered();
  void release_held();
  void deliver(Send&& send);
  void report_failed_sends();
  void check_connections();
  void close_sockets();

  void log(LogLevel level, std::string_view text) { log_.write(level, text, now_); }
  void log_message(std::string_view direction, Side side, const Bytes& peer, const Message& message);

  LiveRouterSettings live_;
  RouterSettings settings_;
  RouterParts parts_;
  Clock clock_;
  Instant now_;
  LimitedLog log_;
  LimitedLog message_log_;
  ConnectionHub hub_;
  std::array<RouterSocket, kSides> sockets_;  // by Side
  std::array<Poller::Token, kSides> tokens_{};
  std::array<bool, kSides> watched_{};
  Poller::Token wakeup_token_ = 0;
  RouterEndpoints endpoints_;
  Poller poller_;
  Wakeup wakeup_;
  Broker broker_;
  Effects effects_;
  StoreHealth store_health_;
  HeldSends held_;
  Uncommitted uncommitted_;
  std::vector<JobRecord> gathered_;  // in this turn, to be handed to the store
  CommitNumber gathered_commit_ = 0;
  Instant next_excuse_;  // of the peers that are not read
  std::deque<SendFailed> failed_;
  size_t failures_this_turn_ = 0;
  bool more_to_receive_ = false;
  std::optional<Instant> shutdown_signalled_;  // first
  std::optional<Instant> finish_by_;           // set when the broker has shut down: what is held may leave until then
  Counters counters_;

  std::atomic<bool> stop_{false};
  std::atomic<bool> shutdown_requested_{false};
  std::mutex mutex_;
  std::optional<LiveRouterSettings> new_settings_;  // guarded by mutex_
};

}  // namespace eventmq
