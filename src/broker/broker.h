// The whole broker as a function of what happened and when: an event and the time in, effects out. It has no
// socket, file, thread, clock or randomness of its own, so the same events give the same effects, and a
// simulator can run it through a day in a second.
//
// The driving loop (src/runtime/router_loop.cc):
//
//   broker.step(StoreRecovered{...}, now, effects);   // first of all, if the store has anything
//
//   Effects effects;
//   broker.step(event, now, effects);        // now never goes back
//   store what effects.records says, as commit effects.commit, then ask it effects.claims and effects.questions; its
//   answers are events throw away what is held for those of effects.gone send effects.sends, each once the commit it
//   waits for is durable after broker.next_wake(): step(Tick{}, now, effects)
//
// Not thread-safe: one thread owns a Broker.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "src/base/time.h"
#include "src/broker/settings.h"
#include "src/wire/connection_fault.h"
#include "src/wire/job_record.h"
#include "src/wire/messages.h"
#include "src/wire/store_question.h"

namespace eventmq {

// The socket a peer is connected to. A peer is named by its socket and its routing id.
enum class Side : uint8_t { kFrontend, kBackend, kAdministrative };

// --- Events ---
struct MessageArrived {
  Side side;
  Bytes peer;  // routing id
  Message message;
};
// A message that the codec refused.
struct BadMessageArrived {
  Side side;
  Bytes peer;
  Error error;
  Bytes offending_id;               // empty: could not be read
  bool understands_errors = false;  // an INFORM that says so
};
// A send of ours did not leave: the peer has gone, or has not read for so long that its queue is full.
struct SendFailed {
  Side side;
  Bytes peer;
  bool unreachable;  // false: its queue is full
  Message message;
};
// What an earlier life of this broker left in its store. The first event, if there is one; or, when the store could not
// be opened at the start, once it is: until then it must be told to be away, by StoreChanged, and what it holds is not
// known. May come twice, if the first is empty and without a fence.
struct StoreRecovered {
  StoredState state;
  uint64_t fence = 0;  // Store::fence(), for people
};
// The store cannot make anything durable now, or can again.
struct StoreChanged {
  bool available;
  std::string text;            // when not: what is wrong, for a person
  CommitNumber committed = 0;  // when not: the last durable commit, and it stays that until the store is back
};
// A connection that the sockets did not get, or keep; told to be counted.
struct ConnectionFaulty {
  ConnectionFault fault;
};
// The loop has not read this socket, so that nobody there was heard is not their silence.
struct PeersUnread {
  Side side;
};
// The store answers a claim with BacklogClaimed (src/wire/job_record.h) and a question with StoreAnswer
// (src/wire/store_question.h).
struct Tick {};
// The operator's signal, or DISCONNECT on the administrative socket (which the broker turns into this itself).
struct ShutdownRequested {};
struct SettingsChanged {
  BrokerSettings settings;
};
using Event = std::variant<MessageArrived, BadMessageArrived, SendFailed, Tick, ShutdownRequested, SettingsChanged,
                           StoreRecovered, StoreChanged, BacklogClaimed, StoreAnswer, ConnectionFaulty, PeersUnread>;

// --- Effects ---
struct Send {
  Side side;
  Bytes peer;
  Message message;
  CommitNumber after = 0;  // may leave once this commit is durable; 0: at once
};
enum class LogLevel : uint8_t { kDebug, kInfo, kWarning };
struct LogLine {
  LogLevel level;
  std::string text;
};
// A peer that is gone: what is still held for it is void. Its routing id may come back, as another.
struct PeerGone {
  Side side;
  Bytes peer;
};
struct Effects {
  std::vector<JobRecord> records;    // to be made durable together, as commit `commit`
  CommitNumber commit = 0;           // 0: no records
  std::vector<BacklogClaim> claims;  // to be asked of the store after them
  std::vector<StoreQuestion> questions;
  std::vector<PeerGone> gone;  // before the sends, which may be to its successor
  // In this order. A send that waits for nothing passes those that wait; of the others a peer sees none out of turn.
  std::vector<Send> sends;
  std::vector<LogLine> log;
  bool stop = false;  // the shutdown is complete: send what is left and end

  void clear();
};

struct AdminViews;

class Broker {
 public:
  // `seed` feeds the jitter of retries and the ids of the broker's own messages; `instance` is announced to
  // peers (wire/capabilities.h).
  Broker(BrokerSettings settings, uint64_t seed, std::string instance, Instant now);
  ~Broker();
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  // Appends to `out`.
  void step(Event event, Instant now, Effects& out);
  // When to step(Tick) at the latest; Instant::never() if nothing is timed.
  Instant next_wake() const;
  // What the jobs cost, as counted against memory_limit.
  uint64_t memory_bytes() const;

  // Recomputes every counter and list from the jobs and asserts that they agree. Costs time in proportion to
  // everything held: for tests and the simulator.
  void check_invariants() const;

 private:
  friend struct AdminViews;  // admin_views.h: reads the state for people
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace eventmq
