// A session's link to the broker, the same at both ends: whom to connect to, INFORM and its ACK, heartbeats
// both ways, and a new conversation when the old one ends.
//
//   kWaiting ──wait over──▶ kInforming ──ACK──▶ kEstablished ──DISCONNECT──▶ kLeaving
//      ▲                        │ no ACK, lost      │ lost, silent, KBYE         │ the same, or leave()
//      └────────────────────────┴───────────────────┴───────────────────────────┘
//
// The first conversation after a good one begins at once, and each address is tried once without waiting;
// from then on waits double from 100 ms to the reconnect timeout, with jitter so that many peers of a
// restarted broker do not arrive in one moment. A conversation that did not last as long as the reconnect
// timeout counts as a failure, so that a broker that accepts and breaks off cannot make a peer spin.
#pragma once

#include "src/base/id_source.h"
#include "src/base/prng.h"
#include "src/session/session.h"

namespace eventmq {

// What a link needs of the session that owns it.
class LinkOwner {
 public:
  virtual void emit(Connect connect) = 0;
  virtual void emit(ToBroker message) = 0;
  virtual void emit(SessionLog line) = 0;
  // What the INFORM of a new conversation says. `previous_id` is the routing id of the last conversation that
  // was established; empty if there was none.
  virtual Inform make_inform(const std::string& previous_id) = 0;

 protected:
  ~LinkOwner() = default;
};

// What an event did to the conversation, for the session to act on.
enum class LinkChange {
  kNone,
  kEstablished,
  kLeaving,  // the broker is shutting down: settle what is under way here, start nothing new, then leave()
  kEnded,    // the next conversation has begun or will
};

class Link {
 public:
  // `ids` and `owner` must outlive the link. There must be at least one address.
  Link(LinkSettings settings, IdSource& ids, LinkOwner& owner);

  void start(Instant now);
  // Every message of the current connection goes through here first.
  LinkChange receive(const Message& message, Instant now);
  LinkChange lost(const LinkLost& how, Instant now);
  // The connection is made. A session whose name others might have too says so: the link then tells a broker that does
  // not answer from one that is not there.
  void made() { made_ = true; }
  LinkChange tick(Instant now);
  Instant next_wake() const;

  // Sends in the present conversation; only while connected() or informing.
  void send(Message message, Instant now);
  void send(Body body, Instant now);
  // Says DISCONNECT: we take no new work. The broker's KBYE is then an answer and does not end the
  // conversation; nor does its silence from then on.
  void part(Instant now);
  // Says KBYE and begins the next conversation after a wait.
  void leave(Instant now);
  // Says KBYE, if there is anyone to say it to, and is silent until start().
  void stop(Instant now);

  // Between the ACK of INFORM and the end of that conversation.
  bool connected() const { return phase_ == Phase::kEstablished || phase_ == Phase::kLeaving; }
  bool leaving() const { return phase_ == Phase::kLeaving; }
  // True if messages that arrive now belong to a conversation.
  bool listening() const { return connected() || phase_ == Phase::kInforming; }
  // DISCONNECT was said in this conversation, and answered.
  bool parted() const { return parting_ && goodbye_received_; }
  bool parting() const { return parting_; }
  // Of the last ACK of an INFORM. Empty words from a broker of the published protocol.
  const Capabilities& broker_capabilities() const { return broker_capabilities_; }
  bool ever_established() const { return !established_id_.empty(); }
  // How a broker last refused to begin a conversation, as a sentence with its address; empty if none has since the last
  // conversation began.
  const std::string& refusal() const { return refusal_; }

 private:
  enum class Phase { kStopped, kWaiting, kInforming, kEstablished, kLeaving };
  enum class Next { kSameAddress, kOtherAddress };

  void begin(Instant now);
  void beat(Instant now);
  void end(Next next, bool at_once_allowed, Instant now);
  void establish(const Ack& ack, Instant now);
  Duration wait_after_failures();
  LinkChange receive_while_informing(const Message& message, Instant now);
  LinkChange receive_while_connected(const Message& message, Instant now);
  LinkChange tick_while_connected(Instant now);
  LinkChange give_up_informing(Instant now);
  std::string told_goodbye(Instant now) const;
  std::string told_lost(const LinkLost& how) const;
  std::string told_refused() const;
  std::string name_in_doubt() const;
  bool watches_silence() const;
  Instant silent_at() const;
  void log(bool warning, std::string text) { owner_.emit(SessionLog{warning, std::move(text)}); }
  const std::string& address() const { return settings_.addresses[address_index_]; }
  size_t next_index() const { return (address_index_ + 1) % settings_.addresses.size(); }

  const LinkSettings settings_;
  IdSource& ids_;
  LinkOwner& owner_;
  Prng jitter_;

  Phase phase_ = Phase::kStopped;
  size_t address_index_ = 0;
  uint32_t failures_ = 0;  // conversations that ended too early, in a row
  std::string routing_id_;
  std::string established_id_;  // routing id of the last established conversation
  Bytes inform_id_;
  PeerKind kind_ = PeerKind::kWorker;  // as its INFORM says
  Capabilities broker_capabilities_;
  bool parting_ = false;
  bool goodbye_received_ = false;
  bool made_ = false;  // of the present connection
  std::string refusal_;
  std::vector<bool> end_was_logged_;  // by address: one warning of each for an outage, not one for each try
  bool name_was_doubted_ = false;     // the same of the warning that the name may be taken

  Instant wait_until_;
  Instant inform_deadline_;
  Instant established_at_;
  Instant heard_at_;
  Instant sent_at_;
  Duration silence_{};  // before what was sent last
};

}  // namespace eventmq
