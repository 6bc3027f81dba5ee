// For tests of sessions: steps one by hand, in manual time, and keeps what it said.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/base/assert.h"
#include "src/session/session.h"
#include "src/session/worker_session.h"

namespace eventmq {

// The capabilities of a broker that has all of them, in this life.
inline constexpr std::string_view kBroker = "settle,errors,cancel,progress,multi-ack,resume,instance:one";

// Of a worker with two slots for the default queue, at one broker.
inline WorkerSessionSettings two_slots() {
  WorkerSessionSettings settings;
  settings.link.addresses = {"tcp://a:1"};
  settings.queues = {{10, Bytes("default")}};
  settings.slots = 2;
  return settings;
}

// Plays the broker to a session. Times are milliseconds after the start of the test.
template <class Session, class Event, class Effect>
class TestConversation {
 public:
  explicit TestConversation(Session session) : session_(std::move(session)) {}

  void step(Event event) { session_.step(std::move(event), now_, effects_); }
  // Moves time and lets the session tick, once at each time it asks for on the way.
  void advance(Duration span) {
    const Instant end = now_ + span;
    for (Instant wake = session_.next_wake(); wake <= end; wake = session_.next_wake()) {
      const bool moved = wake > now_;
      now_ = std::max(now_, wake);
      step(SessionTick{});
      EMQ_ASSERT(moved || session_.next_wake() > now_, "the session asks to be woken in the past, for ever");
    }
    now_ = end;
    step(SessionTick{});
  }
  void hear(Body body, std::string_view id = "from-broker") { step(FromBroker{Message{Bytes(id), std::move(body)}}); }

  // Takes away all effects of one kind, in order.
  template <class Kind>
  std::vector<Kind> take() {
    std::vector<Kind> taken;
    std::vector<Effect> rest;
    for (Effect& effect : effects_) {
      if (Kind* kind = std::get_if<Kind>(&effect)) {
        taken.push_back(std::move(*kind));
      } else {
        rest.push_back(std::move(effect));
      }
    }
    effects_ = std::move(rest);
    return taken;
  }
  // Takes away all messages to the broker with a body of one kind.
  template <class Kind>
  std::vector<Kind> take_sent() {
    std::vector<Kind> taken;
    for (Message& message : take_messages<Kind>()) taken.push_back(std::move(std::get<Kind>(message.body)));
    return taken;
  }
  template <class Kind>
  std::vector<Message> take_messages() {
    std::vector<Message> taken;
    std::vector<Effect> rest;
    for (Effect& effect : effects_) {
      ToBroker* sent = std::get_if<ToBroker>(&effect);
      if (sent && std::holds_alternative<Kind>(sent->message.body)) {
        taken.push_back(std::move(sent->message));
      } else {
        rest.push_back(std::move(effect));
      }
    }
    effects_ = std::move(rest);
    return taken;
  }
  // Answers the last INFORM, which must be there, and takes it and the Connect away.
  Inform acknowledge_inform(std::string_view capabilities) {
    const std::vector<Message> informs = take_messages<Inform>();
    EMQ_ASSERT(!informs.empty());
    last_connect_ = take<Connect>().back();
    hear(Ack{informs.back().id, Bytes(capabilities)});
    return std::get<Inform>(informs.back().body);
  }

  bool ended() { return !take<SessionEnded>().empty(); }
  void clear() { effects_.clear(); }
  Session& session() { return session_; }
  const Connect& last_connect() const { return last_connect_; }
  const std::vector<Effect>& effects() const { return effects_; }
  Instant now() const { return now_; }

 private:
  Session session_;
  std::vector<Effect> effects_;
  Connect last_connect_;
  Instant now_{1'000'000'000'000};
};

}  // namespace eventmq
