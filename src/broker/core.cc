#include "src/broker/core.h"

#include <fmt/format.h>

#include "src/base/siphash.h"
#include "src/wire/text.h"

namespace eventmq {
namespace {

// A number for one purpose, which tells nothing of the seed or of the others: peers see the messages' ids, and
// must not learn the keys of the tables from them.
uint64_t derived(uint64_t seed, std::string_view purpose) { return siphash(seed, ~seed, purpose); }

KeyedHash keyed_hash(uint64_t seed) { return {derived(seed, "first key"), derived(seed, "second key")}; }

}  // namespace

void Effects::clear() {
  records.clear();
  commit = 0;
  claims.clear();
  questions.clear();
  gone.clear();
  sends.clear();
  log.clear();
  stop = false;
}

Broker::Broker(BrokerSettings settings, uint64_t seed, std::string instance, Instant now)
    : state_(std::make_unique<State>(std::move(settings), seed, std::move(instance), now)) {}
Broker::~Broker() = default;
void Broker::step(Event event, Instant now, Effects& out) { state_->step(event, now, out); }
Instant Broker::next_wake() const { return state_->next_wake(); }
uint64_t Broker::memory_bytes() const { return state_->jobs_.memory_bytes(); }
void Broker::check_invariants() const { state_->check_invariants(); }

Broker::State::State(BrokerSettings broker_settings, uint64_t seed, std::string broker_instance, Instant now)
    : settings_(std::move(broker_settings)),
      instance_(std::move(broker_instance)),
      started_at_(now),
      prng_(derived(seed, "jitter")),
      ids_(IdSource::from_small_seed(derived(seed, "message ids"))),
      jobs_(keyed_hash(seed)),
      dedupe_(derived(seed, "ended jobs"), settings_.dedupe_window, settings_.dedupe_ids),
      recent_replies_(keyed_hash(seed)),
      results_(keyed_hash(seed)),
      unique_jobs_(0, keyed_hash(seed)),
      followed_jobs_(0, keyed_hash(seed)),
      rerouted_(0, keyed_hash(seed)),
      peers_(keyed_hash(seed)),
      now_(now) {
  set_result_limits();
}

void Broker::State::step(Event& event, Instant now, Effects& out) {
  EMQ_ASSERT(now >= now_, "time went back by {} us", now_.us - now.us);
  now_ = now;
  out_ = &out;
  if (!stopped_) {
    if (!std::holds_alternative<SendFailed>(event)) {
      drop_doomed();
      match_placed();  // before the event: a READY takes what waits, whoever else would be better for it
    }
    std::visit([this](auto& specific) { on_event(specific); }, event);
    match_placed();
    claim_for_touched();
    ask_for_ends();
    if (draining_ && drained()) finish_drain();
  }
  planned_wake_ = next_wake();
  out_ = nullptr;
}

// A worker that could not be reached speaks as if nothing had been: it must begin with INFORM.
bool Broker::State::came_back_silently(const Peer& peer, const Body& body) {
  if (peer.kind != PeerKind::kWorker || !static_cast<const Worker&>(peer).unreachable) return false;
  return std::holds_alternative<Ready>(body) || std::holds_alternative<Heartbeat>(body);
}

void Broker::State::on_event(MessageArrived& event) {
  if (Peer* peer = peers_.find(event.side, event.peer.view())) {
    if (came_back_silently(*peer, event.message.body)) {
      drop(*peer, LossCause::kUnreachable);
    } else {
      peers_.heard(*peer, now_);
      if (peer->kind == PeerKind::kWorker) static_cast<Worker*>(peer)->spoke = true;
    }
  }
  std::visit([&](auto& body) { on_message(event, body); }, event.message.body);
}

void Broker::State::on_event(BadMessageArrived& event) {
  ++counters_.bad_messages;
  if (Peer* speaker = peers_.find(event.side, event.peer.view())) peers_.heard(*speaker, now_);
  log(LogLevel::kWarning, fmt::format("refused a message of {}: {}", shown_id(event.peer.view()), event.error.text));
  if (event.understands_errors) {
    return tell_error(event.side, event.peer, event.error.code, event.error.text, event.offending_id);
  }
  // Not to strangers at the backend, which may be workers of the published protocol.
  if (event.side == Side::kBackend && !peers_.find(event.side, event.peer.view())) return;
  error(event.side, event.peer, event.error.code, event.error.text, event.offending_id);
}

void Broker::State::on_event(SendFailed& event) {
  ++(event.unreachable ? counters_.undeliverable : counters_.unread);
  Peer* peer = peers_.find(event.side, event.peer.view());
  if (!peer) return;
  if (peer->kind == PeerKind::kWorker) {
    return worker_unreachable(static_cast<Worker&>(*peer), !event.unreachable,
                              std::get_if<Request>(&event.message.body), event.message.id);
  }
  // One that lives and only did not read has missed something: its next HEARTBEAT is a stranger's, so it begins a new
  // conversation and asks for what it still waits for.
  drop(*peer, LossCause::kUnreachable);
}

void Broker::State::on_event(Tick&) {
  forgive_own_absence();
  drop_silent_peers();
  run_due_jobs();
  touch_due_backlogs();
  send_heartbeats();
}

void Broker::State::on_event(ConnectionFaulty& event) {
  switch (event.fault) {
    case ConnectionFault::kUnfinished:
    case ConnectionFault::kUnread:
      ++counters_.connections_cut;
      break;
    case ConnectionFault::kHandshake:
      ++counters_.handshakes_failed;
      break;
    case ConnectionFault::kTaken:
      ++counters_.routing_ids_taken;
      break;
    case ConnectionFault::kShed:
      ++counters_.connections_shed;
      break;
  }
}

void Broker::State::on_event(ShutdownRequested&) { start_drain(); }

void Broker::State::on_event(SettingsChanged& event) {
  const bool heartbeats_begin = event.settings.heartbeats_enabled && !settings_.heartbeats_enabled;
  settings_ = std::move(event.settings);
  if (heartbeats_begin) hear_everyone();  // nobody had to speak until now
  dedupe_.set_limits(settings_.dedupe_window, settings_.dedupe_ids);
  set_result_limits();
  log(LogLevel::kInfo, "settings changed");
}

void Broker::State::send(Side side, const Bytes& peer, Body body, CommitNumber after) {
  out_->sends.push_back({side, peer, {ids_.next(), std::move(body)}, after});
}

void Broker::State::send(Peer& peer, Body body) {
  peers_.sent(peer, now_);
  send(peer.side, peer.routing_id, std::move(body));
}

void Broker::State::ack(const MessageArrived& event, CommitNumber after) {
  send(event.side, event.peer, Ack{event.message.id, Bytes()}, after);
}

void Broker::State::error(Side side, const Bytes& peer, ErrorCode code, std::string text, const Bytes& offending_id) {
  // A worker or scheduler that did not say that it understands ERROR does not.
  const Peer* known = peers_.find(side, peer.view());
  if (known && known->kind != PeerKind::kClient && !known->capabilities.errors) return;
  tell_error(side, peer, code, std::move(text), offending_id);
}

void Broker::State::tell_error(Side side, const Bytes& peer, ErrorCode code, std::string text,
                               const Bytes& offending_id) {
  text.resize(utf8_prefix(text, limits::kErrorTextBytes).size());
  send(side, peer, ErrorMessage{{code, std::move(text)}, offending_id});
}

void Broker::State::error(const MessageArrived& event, ErrorCode code, std::string text) {
  error(event.side, event.peer, code, std::move(text), event.message.id);
}

void Broker::State::error(const Asker& asker, ErrorCode code, std::string text) {
  error(asker.side, asker.peer, code, std::move(text), asker.message_id);
}

Error Broker::State::store_is_away() const {
  return {ErrorCode::kStoreUnavailable, "the store cannot be asked: " + store_fault_};
}

void Broker::State::log(LogLevel level, std::string text) { out_->log.push_back({level, std::move(text)}); }

}  // namespace eventmq
