#include "src/session/client_session.h"

#include <algorithm>
#include <utility>

#include "src/base/assert.h"
#include "src/session/client_outbox.h"
#include "src/session/link.h"
#include "src/wire/text.h"

namespace eventmq {
namespace {

constexpr Duration kPostponed = seconds(1);

}  // namespace

struct ClientSession::State final : LinkOwner {
  State(ClientSessionSettings given, IdSource id_source)
      : settings(std::move(given)), ids(id_source), link(settings.link, ids, *this) {
    EMQ_ASSERT(settings.window > 0);
  }

  void emit(Connect connect) override { out->push_back(std::move(connect)); }
  void emit(ToBroker message) override { out->push_back(std::move(message)); }
  void emit(SessionLog line) override { out->push_back(std::move(line)); }
  Inform make_inform(const std::string& previous_id) override;

  void handle(ClientStarted) { link.start(now); }
  void handle(FromBroker& event);
  void handle(const LinkLost& how) { link.lost(how, now); }
  void handle(SessionTick) { link.tick(now); }
  void handle(Submit& event);
  void handle(Forget& event);
  void handle(CloseRequested& event);

  void on_established();
  void on_ack(const Ack& ack);
  void on_reply(const Reply& reply);
  void on_error(const ErrorMessage& message);
  bool may_be_in_store(const Submission& submission, ErrorCode refused) const;
  void postpone(Submission& submission, const Error& why);
  void on_progress(const Progress& progress);

  void accept(Submission& submission);
  void fail(Submission& submission, ErrorCode code, std::string text);
  void refuse(Bytes id, ErrorCode code, std::string text) {
    out->push_back(Failed{std::move(id), Error{code, std::move(text)}});
  }

  // What is due after any event: deadlines, room in the window, the end of a conversation or of all.
  void follow_up();
  void fail_overdue();
  void send_postponed();
  void watch_postponed();
  std::string addresses() const;
  void watch_outage();
  void fail_accepted();
  void send_waiting();
  bool fits(Submission& submission);
  void leave_if_settled();
  void end_if_closed();

  const ClientSessionSettings settings;
  IdSource ids;
  Link link;
  ClientOutbox outbox;
  Bytes instance;  // of the broker of the last conversation; empty: it did not say
  bool closing = false;
  bool ended = false;
  Instant close_deadline = Instant::never();
  Instant outage_ends = Instant::never();  // while ACKed requests wait and no broker is reached
  Instant postponed_until = Instant::never();
  Bytes asking;                      // the id of the postponed one that was last sent again
  bool postponing_was_told = false;  // in this conversation

  Instant now;
  std::vector<ClientEffect>* out = nullptr;
};

Inform ClientSession::State::make_inform(const std::string&) {
  Inform inform;
  inform.kind = PeerKind::kClient;
  inform.has_capabilities = true;
  inform.capabilities.errors = true;
  inform.capabilities.progress = true;
  inform.capabilities.multi_ack = true;
  return inform;
}

void ClientSession::State::handle(FromBroker& event) {
  const bool heard = link.listening();
  if (link.receive(event.message, now) == LinkChange::kEstablished) return on_established();
  if (!heard) return;
  if (const Ack* ack = std::get_if<Ack>(&event.message.body)) return on_ack(*ack);
  if (const Reply* reply = std::get_if<Reply>(&event.message.body)) return on_reply(*reply);
  if (const ErrorMessage* error = std::get_if<ErrorMessage>(&event.message.body)) return on_error(*error);
  if (const Progress* progress = std::get_if<Progress>(&event.message.body)) return on_progress(*progress);
}

void ClientSession::State::on_established() {
  const bool same_broker = !instance.empty() && instance == link.broker_capabilities().instance;
  instance = link.broker_capabilities().instance;
  outbox.for_each([&](Submission& submission) {
    const bool at_broker = submission.accepted;
    if (at_broker && !same_broker && !submission.guaranteed) {
      fail(submission, ErrorCode::kJobLost, "the broker that held the job is gone, and the job was not guaranteed");
    } else if (submission.was_sent) {
      submission.sent_before |= !same_broker;
      outbox.requeue(submission);
    }
  });
  postponing_was_told = false;
}

void ClientSession::State::on_ack(const Ack& ack) {
  CommaList ids_acknowledged(ack.acknowledged.view());
  for (std::string_view id; ids_acknowledged.next(id);) {
    if (Submission* submission = outbox.find(id)) accept(*submission);
  }
}

void ClientSession::State::accept(Submission& submission) {
  if (submission.guaranteed) outbox.requeue_postponed();
  if (!submission.accepted && !submission.forgotten) out->push_back(Accepted{submission.message.id});
  if (submission.wants_reply) {
    outbox.accept(submission);
  } else {
    outbox.remove(submission);
  }
}

void ClientSession::State::on_reply(const Reply& reply) {
  Submission* submission = outbox.find(reply.request_id.view());
  if (submission == nullptr || !submission->wants_reply) return;
  accept(*submission);  // a REPLY says more than the ACK that it overtook
  out->push_back(Replied{submission->message.id, reply.has_outcome ? reply.outcome : Outcome::kOk, reply.payload,
                         reply.has_outcome});
  outbox.remove(*submission);
}

void ClientSession::State::on_error(const ErrorMessage& message) {
  if (Submission* submission = outbox.find(message.offending_id.view())) {
    if (may_be_in_store(*submission, message.error.code)) return postpone(*submission, message.error);
    return fail(*submission, message.error.code, message.error.text);
  }
  if (!message.offending_id.empty()) return;  // of a submission that has already ended, or the INFORM's
  emit(SessionLog{true, "the broker says " + std::string(error_word(message.error.code)) + ": " + message.error.text});
}

// A broker that could not open its store when it started does not know what an earlier life of it has accepted.
bool ClientSession::State::may_be_in_store(const Submission& submission, ErrorCode refused) const {
  if (!submission.guaranteed || !submission.sent_before) return false;
  const bool is_there = submission.accepted && error_class(refused) == ErrorClass::kRetry;
  return is_there || refused == ErrorCode::kStoreUnavailable;
}

void ClientSession::State::postpone(Submission& submission, const Error& why) {
  if (!std::exchange(postponing_was_told, true)) {
    emit(SessionLog{true,
                    "jobs that were sent before may be in the broker's store, and are asked for again until it "
                    "is there: " +
                        why.text});
  }
  postponed_until = now + kPostponed;
  outbox.postpone(submission);
}

// One asks for all: once it is ACKed, the store is there.
void ClientSession::State::send_postponed() {
  if (now < postponed_until) return;
  postponed_until = Instant::never();
  if (const Submission* first = outbox.requeue_first_postponed()) asking = first->message.id;
}

// The one that asks may end and say nothing of the store: refused for another reason, at its deadline, forgotten. Then
// the next one asks.
void ClientSession::State::watch_postponed() {
  if (outbox.postponed() == 0 || postponed_until != Instant::never()) return;
  const Submission* submission = outbox.find(asking.view());
  const bool under_way = submission != nullptr && (submission->place == Submission::Place::kUnsent ||
                                                   submission->place == Submission::Place::kInFlight);
  if (!under_way) postponed_until = now + kPostponed;
}

void ClientSession::State::on_progress(const Progress& progress) {
  Submission* submission = outbox.find(progress.request_id.view());
  if (submission == nullptr || !submission->wants_reply) return;
  out->push_back(Progressed{submission->message.id, progress.fraction, progress.text});
}

void ClientSession::State::fail(Submission& submission, ErrorCode code, std::string text) {
  if (!submission.forgotten) refuse(submission.message.id, code, std::move(text));
  outbox.remove(submission);
}

void ClientSession::State::handle(Submit& event) {
  const Bytes id = event.message.id;
  if (closing || ended) return refuse(id, ErrorCode::kClosed, "the client is closed");
  const Instant deadline = event.deadline.value_or(Instant::never());
  if (!outbox.add(std::move(event.message), deadline, event.ack_deadline.value_or(Instant::never()))) {
    refuse(id, ErrorCode::kBadValue, "the id " + id.str() + " is already under way");
  }
}

void ClientSession::State::handle(Forget& event) {
  Submission* submission = outbox.find(event.id.view());
  if (submission == nullptr) return;
  if (submission->accepted) return outbox.remove(*submission);
  submission->forgotten = true;
  submission->wants_reply = false;
}

void ClientSession::State::handle(CloseRequested& event) {
  close_deadline = closing ? std::min(close_deadline, event.deadline) : event.deadline;
  closing = true;
}

void ClientSession::State::follow_up() {
  if (ended) return;
  fail_overdue();
  watch_outage();
  send_postponed();
  send_waiting();
  watch_postponed();
  leave_if_settled();
  end_if_closed();
}

void ClientSession::State::fail_overdue() {
  while (Submission* submission = outbox.overdue(now)) {
    if (!link.ever_established()) {
      fail(*submission, ErrorCode::kUnreachable,
           link.refusal().empty() ? "no broker answers at " + addresses() : link.refusal());
    } else if (submission->accepted) {
      fail(*submission, ErrorCode::kTimedOut, "the broker has the job, but no result came within the time given");
    } else {
      fail(*submission, ErrorCode::kTimedOut, "the broker did not acknowledge within the time given");
    }
  }
}

std::string ClientSession::State::addresses() const {
  std::string text;
  for (const std::string& address : settings.link.addresses) text += (text.empty() ? "" : " or ") + address;
  return text;
}

void ClientSession::State::watch_outage() {
  const bool anything_waits = outbox.size() > outbox.unaccepted();
  if (link.connected() || !anything_waits || settings.outage_timeout == Duration{}) {
    outage_ends = Instant::never();
  } else if (outage_ends == Instant::never()) {
    outage_ends = now + settings.outage_timeout;
  } else if (now >= outage_ends) {
    outage_ends = Instant::never();
    fail_accepted();
  }
}

void ClientSession::State::fail_accepted() {
  outbox.for_each([this](Submission& submission) {
    if (!submission.accepted) return;
    fail(submission, ErrorCode::kUnreachable, "the broker took the job, but was not reached again to tell its result");
  });
}

void ClientSession::State::send_waiting() {
  if (!link.connected() || link.leaving()) return;
  while (outbox.in_flight() < settings.window) {
    Submission* submission = outbox.take_unsent();
    if (submission == nullptr) return;
    if (fits(*submission)) link.send(submission->message, now);
  }
}

// A message with a frame that the broker does not take would cost us the connection, again and again. It is not sent.
bool ClientSession::State::fits(Submission& submission) {
  const uint64_t most = link.broker_capabilities().frame_bytes_max;
  const uint64_t largest = largest_frame_bytes(submission.message.body);
  if (most == 0 || largest <= most) return true;
  const std::string sizes = std::to_string(largest) + " bytes, and the broker takes at most " + std::to_string(most) +
                            " (its setting max_message_size)";
  if (submission.accepted) {
    fail(submission, ErrorCode::kJobLost,
         "the job's outcome cannot be asked for again: a frame of its message has " + sizes);
  } else {
    fail(submission, ErrorCode::kTooLarge, "a frame of the message has " + sizes);
  }
  return false;
}

// A broker that shuts down still lets jobs end and tells; what it was not sent waits for the next broker. Who closes
// waits for no end, but for somebody to take what was submitted.
void ClientSession::State::leave_if_settled() {
  if (!link.leaving() || outbox.in_flight() > 0) return;
  if (closing ? outbox.unaccepted() > 0 : outbox.at_broker() == 0) link.leave(now);
}

void ClientSession::State::end_if_closed() {
  if (!closing || (outbox.unaccepted() > 0 && now < close_deadline)) return;
  outbox.for_each([this](Submission& submission) {
    fail(submission, ErrorCode::kClosed,
         submission.accepted ? "the client was closed before the result came; the job goes on"
                             : "the client was closed before the broker acknowledged");
  });
  link.stop(now);
  out->push_back(SessionEnded{});
  ended = true;
}

ClientSession::ClientSession(ClientSessionSettings settings, IdSource ids)
    : state_(std::make_unique<State>(std::move(settings), ids)) {}

ClientSession::~ClientSession() = default;
ClientSession::ClientSession(ClientSession&&) noexcept = default;
ClientSession& ClientSession::operator=(ClientSession&&) noexcept = default;

void ClientSession::step(ClientEvent event, Instant now, std::vector<ClientEffect>& out) {
  State& state = *state_;
  if (state.ended && !std::holds_alternative<Submit>(event)) return;
  state.now = now;
  state.out = &out;
  std::visit([&state](auto& each) { state.handle(each); }, event);
  state.follow_up();
}

Instant ClientSession::next_wake() const {
  const State& state = *state_;
  if (state.ended) return Instant::never();
  const Instant wake =
      std::min({state.link.next_wake(), state.outbox.first_deadline(), state.outage_ends, state.postponed_until});
  return state.closing ? std::min(wake, state.close_deadline) : wake;
}

bool ClientSession::connected() const { return state_->link.connected(); }

}  // namespace eventmq
