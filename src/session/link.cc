#include "src/session/link.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/base/assert.h"

namespace eventmq {
namespace {

constexpr Duration kFirstWait = milliseconds(100);
constexpr Duration kSilence = seconds(1);  // the shortest that is told of
constexpr Duration kAnswerTime = milliseconds(200);

// Jitter needs no quality, only to differ between peers and to repeat in a simulation.
uint64_t seed_from(const Bytes& id) {
  uint64_t hash = 0xcbf29ce484222325ull;  // FNV-1a
  for (const char c : id.view()) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return hash;
}

}  // namespace

Link::Link(LinkSettings settings, IdSource& ids, LinkOwner& owner)
    : settings_(std::move(settings)),
      ids_(ids),
      owner_(owner),
      jitter_(seed_from(ids.next())),
      end_was_logged_(settings_.addresses.size(), false) {
  EMQ_ASSERT(!settings_.addresses.empty());
}

void Link::start(Instant now) {
  if (phase_ == Phase::kStopped) begin(now);
}

void Link::begin(Instant now) {
  routing_id_ = settings_.name.empty() ? ids_.next().str() : settings_.name;
  phase_ = Phase::kInforming;
  parting_ = goodbye_received_ = made_ = false;
  inform_deadline_ = now + settings_.reconnect_timeout;
  sent_at_ = now;  // no silence of the conversation before counts in this one
  owner_.emit(Connect{address(), routing_id_});
  inform_id_ = ids_.next();
  Inform inform = owner_.make_inform(established_id_);
  kind_ = inform.kind;
  send(Message{inform_id_, std::move(inform)}, now);
}

void Link::beat(Instant now) { send(Heartbeat{Bytes(std::to_string(now.us / 1'000'000))}, now); }

void Link::establish(const Ack& ack, Instant now) {
  phase_ = Phase::kEstablished;
  refusal_.clear();
  broker_capabilities_ = parse_capabilities(ack.capabilities);
  established_id_ = routing_id_;
  established_at_ = heard_at_ = now;
  end_was_logged_.assign(settings_.addresses.size(), false);
  name_was_doubted_ = false;
  log(false, "connected to the broker at " + address());
}

void Link::end(Next next, bool at_once_allowed, Instant now) {
  if (connected() && now - established_at_ >= settings_.reconnect_timeout) failures_ = 0;
  const auto address_count = static_cast<uint32_t>(settings_.addresses.size());
  if (!at_once_allowed) failures_ = std::max(failures_, address_count);
  if (next == Next::kOtherAddress) address_index_ = next_index();
  const Duration wait = wait_after_failures();
  ++failures_;
  phase_ = Phase::kWaiting;
  wait_until_ = now + wait;
  if (wait == Duration{}) begin(now);
}

Duration Link::wait_after_failures() {
  const size_t address_count = settings_.addresses.size();
  if (failures_ < address_count) return Duration{};
  const size_t doublings = std::min<size_t>(failures_ - address_count, 30);
  const Duration longest = std::max(settings_.reconnect_timeout, kFirstWait);
  const Duration wait = std::min(kFirstWait * (int64_t{1} << doublings), longest);
  return wait / 2 + microseconds(static_cast<int64_t>(jitter_.below(static_cast<uint64_t>(wait.us / 2 + 1))));
}

LinkChange Link::receive(const Message& message, Instant now) {
  if (!listening()) return LinkChange::kNone;
  heard_at_ = now;
  return phase_ == Phase::kInforming ? receive_while_informing(message, now) : receive_while_connected(message, now);
}

LinkChange Link::receive_while_informing(const Message& message, Instant now) {
  if (const Ack* ack = std::get_if<Ack>(&message.body)) {
    if (ack->acknowledged != inform_id_) return LinkChange::kNone;
    establish(*ack, now);
    return LinkChange::kEstablished;
  }
  if (const ErrorMessage* error = std::get_if<ErrorMessage>(&message.body)) {
    if (error->offending_id != inform_id_) return LinkChange::kNone;
    refusal_ = "the broker at " + address() + " refused INFORM: " + std::string(error_word(error->error.code)) + ": " +
               error->error.text;
    log(true, refusal_);
    end_was_logged_[address_index_] = true;
    end(Next::kOtherAddress, false, now);
    return LinkChange::kEnded;
  }
  const bool disconnect = std::holds_alternative<Disconnect>(message.body);
  if (disconnect) send(Goodbye{}, now);
  if (!disconnect && !std::holds_alternative<Goodbye>(message.body)) return LinkChange::kNone;
  refusal_ = "the broker at " + address() + " answers INFORM with " + std::string(command_word(message.body));
  end(Next::kOtherAddress, false, now);
  return LinkChange::kEnded;
}

LinkChange Link::receive_while_connected(const Message& message, Instant now) {
  if (std::holds_alternative<Disconnect>(message.body)) {
    if (leaving()) return LinkChange::kNone;
    log(false, "the broker at " + address() + " is shutting down");
    end_was_logged_[address_index_] = true;
    phase_ = Phase::kLeaving;
    return LinkChange::kLeaving;
  }
  if (std::holds_alternative<Goodbye>(message.body)) {
    goodbye_received_ = true;
    if (parting_) return LinkChange::kNone;
    log(!leaving(), told_goodbye(now));
    end_was_logged_[address_index_] = true;
    // One that does not stop wants a new conversation.
    end(leaving() ? Next::kOtherAddress : Next::kSameAddress, false, now);
    return LinkChange::kEnded;
  }
  return LinkChange::kNone;
}

// A broker that gave us up because it heard nothing says KBYE to what it hears next, and not why. A KBYE that answers
// nothing, as that of one that shuts down, has another cause. So has one after less than our heartbeats leave: the last
// job of a broker that shuts down may end after a while, and its result be followed by KBYE.
std::string Link::told_goodbye(Instant now) const {
  std::string line = "the broker at " + address() + " ended the conversation";
  const Duration told_from = settings_.heartbeats_enabled ? std::max(kSilence, settings_.heartbeat_interval) : kSilence;
  if (leaving() || silence_ < told_from || now - sent_at_ > kAnswerTime) return line;
  line += fmt::format(" after we had sent nothing for {} s; ", silence_.us / 1'000'000);
  return line + (settings_.heartbeats_enabled
                     ? "if its heartbeat_timeout is not longer than that, make heartbeat_interval shorter here"
                     : "it may want heartbeats, which are disabled here");
}

LinkChange Link::lost(const LinkLost& how, Instant now) {
  if (!listening()) return LinkChange::kNone;
  // Without a name it may be no broker that closes the connection so early.
  if (how.refused && !connected() && !settings_.name.empty()) refusal_ = told_refused();
  if (!end_was_logged_[address_index_]) {
    log(true, told_lost(how));
    end_was_logged_[address_index_] = true;
  }
  end(phase_ == Phase::kEstablished ? Next::kSameAddress : Next::kOtherAddress, !leaving() && !how.refused, now);
  return LinkChange::kEnded;
}

std::string Link::told_lost(const LinkLost& how) const {
  if (connected()) return "lost the connection to the broker at " + address();
  const std::string& other = settings_.addresses[next_index()];
  const std::string next = other == address() ? "; trying again" : "; trying " + other;
  if (!how.refused) return "no broker answers at " + address() + next;
  return told_refused() + next;
}

std::string Link::told_refused() const {
  return "the broker at " + address() + " refused the connection" + name_in_doubt();
}

std::string Link::name_in_doubt() const {
  if (settings_.name.empty()) return {};
  const bool is_client = kind_ == PeerKind::kClient;
  return fmt::format("; perhaps another {} named {} is connected: give each a name of its own{}, or none",
                     is_client ? "client" : "job manager", settings_.name, is_client ? "" : " (--name)");
}

LinkChange Link::tick(Instant now) {
  switch (phase_) {
    case Phase::kStopped:
      return LinkChange::kNone;
    case Phase::kWaiting:
      if (now >= wait_until_) begin(now);
      return LinkChange::kNone;
    case Phase::kInforming:
      return now >= inform_deadline_ ? give_up_informing(now) : LinkChange::kNone;
    case Phase::kEstablished:
    case Phase::kLeaving:
      return tick_while_connected(now);
  }
  return LinkChange::kNone;
}

// A broker on plain ZeroMQ ignores a connection whose routing id another one has, and tells neither of the two.
LinkChange Link::give_up_informing(Instant now) {
  if (made_ && !settings_.name.empty() && !name_was_doubted_) {
    log(true, "the broker at " + address() + " takes the connection but does not answer" + name_in_doubt() +
                  "; trying again");
    end_was_logged_[address_index_] = name_was_doubted_ = true;
  }
  return lost({}, now);
}

LinkChange Link::tick_while_connected(Instant now) {
  if (watches_silence() && now >= silent_at()) {
    log(true, "the broker at " + address() + " has been silent for too long");
    end_was_logged_[address_index_] = true;
    end(Next::kOtherAddress, true, now);
    return LinkChange::kEnded;
  }
  if (settings_.heartbeats_enabled && now >= sent_at_ + settings_.heartbeat_interval) {
    beat(now);
  }
  return LinkChange::kNone;
}

bool Link::watches_silence() const { return settings_.heartbeats_enabled && !parted(); }

Instant Link::silent_at() const {
  return heard_at_ + settings_.heartbeat_timeout * std::max<int64_t>(settings_.heartbeat_liveness, 1);
}

Instant Link::next_wake() const {
  switch (phase_) {
    case Phase::kStopped:
      return Instant::never();
    case Phase::kWaiting:
      return wait_until_;
    case Phase::kInforming:
      return inform_deadline_;
    case Phase::kEstablished:
    case Phase::kLeaving:
      break;
  }
  if (!settings_.heartbeats_enabled) return Instant::never();
  const Instant beat_at = sent_at_ + settings_.heartbeat_interval;
  return watches_silence() ? std::min(beat_at, silent_at()) : beat_at;
}

void Link::send(Message message, Instant now) {
  EMQ_ASSERT(listening());
  silence_ = now - sent_at_;
  sent_at_ = now;
  owner_.emit(ToBroker{std::move(message)});
}

void Link::send(Body body, Instant now) { send(Message{ids_.next(), std::move(body)}, now); }

void Link::part(Instant now) {
  parting_ = true;
  send(Disconnect{}, now);
}

void Link::leave(Instant now) {
  send(Goodbye{}, now);
  end(Next::kOtherAddress, false, now);
}

void Link::stop(Instant now) {
  if (listening()) send(Goodbye{}, now);
  phase_ = Phase::kStopped;
}

}  // namespace eventmq
