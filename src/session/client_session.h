// The client's end: hands in work and follows it to its ACK and, if asked for, its REPLY.
//
// Life: Connect, INFORM (type client; errors, progress, multi-ack), ACK, then what was submitted, in order.
// What was not ACKed when a conversation ended is sent again under the same id in the next one; the broker
// takes it once. A request that was ACKed and still waits for its REPLY is sent again too if the broker is the
// same instance as before (which then routes the reply here), or if it is guaranteed; else the broker that
// held it is gone and it fails with kJobLost. If no broker is reached for `outage_timeout`, it fails with
// kUnreachable: nobody knows how it ended. What is larger than the broker says it takes is not sent and fails with
// kTooLarge.
#pragma once

#include <memory>
#include <optional>

#include "src/base/id_source.h"
#include "src/session/session.h"

namespace eventmq {

struct ClientSessionSettings {
  LinkSettings link;
  // Submissions not yet ACKed that are on their way at once; more wait inside the session.
  uint32_t window = 1000;
  // How long an ACKed request waits for its REPLY while no broker is reached. Zero: for ever.
  Duration outage_timeout{};
};

// --- Events ---
struct ClientStarted {};
// REQUEST, SCHEDULE, UNSCHEDULE, PUBLISH, CANCEL or QUERY. `message.id` is chosen by the caller and must be unique.
// A REQUEST with reply-requested stays until its REPLY, and so does a QUERY, anything else until its ACK.
struct Submit {
  Message message;
  std::optional<Instant> deadline;      // then it fails with kTimedOut (kUnreachable if no broker was ever met)
  std::optional<Instant> ack_deadline;  // the same, but only if it has not been ACKed by then
};
// No one waits for this submission any more: its later ACK or REPLY is dropped.
struct Forget {
  Bytes id;
};
// End once everything submitted has been ACKed or failed, or at `deadline`.
struct CloseRequested {
  Instant deadline;
};
using ClientEvent = std::variant<ClientStarted, FromBroker, LinkLost, SessionTick, Submit, Forget, CloseRequested>;

// --- Effects ---
// The broker has taken responsibility.
struct Accepted {
  Bytes id;
};
// The submission ended without success at the broker or on the way to it. Nothing more follows for this id.
struct Failed {
  Bytes id;
  Error error;
};
// The job has ended, or the QUERY is answered. Nothing more follows for this id.
struct Replied {
  Bytes id;
  Outcome outcome;  // kOk if the broker did not say
  Bytes payload;
  bool has_outcome;
};
struct Progressed {
  Bytes id;
  double fraction;
  Bytes text;
};
using ClientEffect = std::variant<Connect, ToBroker, Accepted, Failed, Replied, Progressed, SessionEnded, SessionLog>;

class ClientSession {
 public:
  ClientSession(ClientSessionSettings settings, IdSource ids);
  ~ClientSession();
  ClientSession(ClientSession&&) noexcept;
  ClientSession& operator=(ClientSession&&) noexcept;

  void step(ClientEvent event, Instant now, std::vector<ClientEffect>& out);
  Instant next_wake() const;
  bool connected() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace eventmq
