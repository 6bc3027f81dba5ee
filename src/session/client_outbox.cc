#include "src/session/client_outbox.h"

#include "src/base/assert.h"

namespace eventmq {

bool ClientOutbox::add(Message message, Instant deadline, Instant ack_deadline) {
  if (by_id_.contains(message.id.view())) return false;
  auto submission = std::make_unique<Submission>();
  submission->message = std::move(message);
  submission->sequence = next_sequence_++;
  submission->deadline = deadline;
  submission->ack_deadline = ack_deadline;
  if (const Request* request = std::get_if<Request>(&submission->message.body)) {
    submission->wants_reply = request->headers.reply_requested;
    submission->guaranteed = request->headers.guarantee;
  }
  if (std::holds_alternative<Query>(submission->message.body)) submission->wants_reply = true;
  watch_deadline(*submission);
  by_id_.emplace(submission->message.id.view(), submission.get());
  unsent_.emplace_hint(unsent_.end(), submission->sequence, submission.get());
  ++unaccepted_;
  by_sequence_.emplace_hint(by_sequence_.end(), submission->sequence, std::move(submission));
  return true;
}

Submission* ClientOutbox::find(std::string_view id) {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

void ClientOutbox::leave_place(Submission& submission) {
  if (submission.place == Submission::Place::kUnsent) unsent_.erase(submission.sequence);
  if (submission.place == Submission::Place::kInFlight) --in_flight_;
  if (submission.place == Submission::Place::kPostponed) postponed_.erase(submission.sequence);
}

void ClientOutbox::watch_deadline(const Submission& submission) {
  const Instant deadline = submission.next_deadline();
  if (deadline != Instant::never()) deadlines_.emplace(deadline, submission.sequence);
}

void ClientOutbox::unwatch_deadline(const Submission& submission) {
  const Instant deadline = submission.next_deadline();
  if (deadline != Instant::never()) deadlines_.erase({deadline, submission.sequence});
}

void ClientOutbox::remove(Submission& submission) {
  leave_place(submission);
  if (!submission.accepted) --unaccepted_;
  unwatch_deadline(submission);
  by_id_.erase(submission.message.id.view());
  by_sequence_.erase(submission.sequence);
}

Submission* ClientOutbox::take_unsent() {
  if (unsent_.empty()) return nullptr;
  Submission* submission = unsent_.begin()->second;
  leave_place(*submission);
  submission->place = Submission::Place::kInFlight;
  submission->was_sent = true;
  ++in_flight_;
  return submission;
}

void ClientOutbox::accept(Submission& submission) {
  leave_place(submission);
  submission.place = Submission::Place::kAtBroker;
  if (submission.accepted) return;
  --unaccepted_;
  unwatch_deadline(submission);
  submission.accepted = true;
  watch_deadline(submission);
}

void ClientOutbox::requeue(Submission& submission) {
  leave_place(submission);
  submission.place = Submission::Place::kUnsent;
  unsent_.emplace(submission.sequence, &submission);
}

void ClientOutbox::postpone(Submission& submission) {
  leave_place(submission);
  submission.place = Submission::Place::kPostponed;
  postponed_.emplace(submission.sequence, &submission);
}

Submission* ClientOutbox::requeue_first_postponed() {
  if (postponed_.empty()) return nullptr;
  Submission* first = postponed_.begin()->second;
  requeue(*first);
  return first;
}

void ClientOutbox::requeue_postponed() {
  while (!postponed_.empty()) requeue_first_postponed();
}

Submission* ClientOutbox::overdue(Instant now) {
  if (deadlines_.empty() || deadlines_.begin()->first > now) return nullptr;
  const auto found = by_sequence_.find(deadlines_.begin()->second);
  EMQ_ASSERT(found != by_sequence_.end());
  return found->second.get();
}

Instant ClientOutbox::first_deadline() const {
  return deadlines_.empty() ? Instant::never() : deadlines_.begin()->first;
}

void ClientOutbox::for_each(const std::function<void(Submission&)>& visit) {
  for (auto entry = by_sequence_.begin(); entry != by_sequence_.end();) {
    Submission& submission = *entry->second;
    ++entry;  // the visit may remove it
    visit(submission);
  }
}

}  // namespace eventmq
