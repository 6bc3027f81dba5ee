#include "src/client/publish_link.h"

#include <algorithm>

#include "src/codec/codec.h"
#include "src/wire/text.h"

namespace eventmq {
namespace {

constexpr Duration kRetryWaitFirst = milliseconds(50);
constexpr Duration kRetryWaitLongest = seconds(2);

}  // namespace

PublishLink::PublishLink(ZmqContext& context, std::string address, IdSource ids)
    : address_(std::move(address)), ids_(ids), socket_(context, SocketOptions{}), retry_wait_(kRetryWaitFirst) {}

void PublishLink::publish(Message message, Instant deadline, Done done, Instant now) {
  const uint64_t number = next_number_++;
  numbers_.emplace(message.id.str(), number);
  deadlines_.emplace(deadline, number);
  Pending& pending = pending_[number];
  pending = Pending{std::move(message), deadline, std::move(done)};
  if (phase_ == Phase::kConnected) return send(pending);
  if (phase_ == Phase::kClosed && now >= retry_at_) connect(now);
}

void PublishLink::connect(Instant now) {
  phase_ = Phase::kConnecting;
  if (!socket_.connect(address_, ids_.next().str())) on_lost(now);
}

void PublishLink::turn(Instant now) {
  for (size_t taken = 0; taken < limits::kMessagesPerTurn; ++taken) {
    Frames frames;
    const DealerInput input = socket_.receive(frames);
    if (input == DealerInput::kNothing) break;
    if (input == DealerInput::kConnected) on_connected();
    if (input == DealerInput::kLost) on_lost(now);
    if (input != DealerInput::kMessage) continue;
    if (const auto message = decode(frames)) on_message(*message);
  }
  fail_overdue(now);
  if (phase_ == Phase::kClosed && !pending_.empty() && now >= retry_at_) connect(now);
}

void PublishLink::on_connected() {
  phase_ = Phase::kConnected;
  retry_wait_ = kRetryWaitFirst;
  for (auto& [number, pending] : pending_) {
    if (!pending.sent) send(pending);
  }
}

void PublishLink::send(Pending& pending) {
  // A full queue leaves the message for the next connection, or for its deadline.
  pending.sent = socket_.send(encode(pending.message));
}

void PublishLink::on_lost(Instant now) {
  phase_ = Phase::kClosed;
  retry_at_ = now + retry_wait_;
  retry_wait_ = std::min(retry_wait_ * 2, kRetryWaitLongest);
  for (auto entry = pending_.begin(); entry != pending_.end();) {
    const auto lost = entry++;
    if (!lost->second.sent) continue;
    finish(lost,
           fail(ErrorCode::kUnreachable, "the connection to " + address_ +
                                             " broke before the ACK; whether the message was published is unknown"));
  }
}

void PublishLink::on_message(const Message& message) {
  if (const Ack* ack = std::get_if<Ack>(&message.body)) {
    CommaList ids(ack->acknowledged.view());
    for (std::string_view id; ids.next(id);) finish_id(id, {});
  } else if (const ErrorMessage* error = std::get_if<ErrorMessage>(&message.body)) {
    finish_id(error->offending_id.view(), tl::unexpected<Error>(error->error));
  }
}

void PublishLink::finish_id(std::string_view id, Result<void> result) {
  const auto number = numbers_.find(std::string(id));
  if (number != numbers_.end()) finish(pending_.find(number->second), std::move(result));
}

void PublishLink::finish(PendingMap::iterator entry, Result<void> result) {
  Pending pending = std::move(entry->second);
  const auto [first, last] = deadlines_.equal_range(pending.deadline);
  deadlines_.erase(std::find_if(first, last, [&](const auto& due) { return due.second == entry->first; }));
  numbers_.erase(pending.message.id.str());
  pending_.erase(entry);
  pending.done(std::move(result));
}

void PublishLink::fail_overdue(Instant now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const auto entry = pending_.find(deadlines_.begin()->second);
    if (entry->second.sent) {
      finish(entry, fail(ErrorCode::kTimedOut, "no ACK came from " + address_ + " within the time given"));
    } else {
      finish(entry, fail(ErrorCode::kUnreachable, "nobody answers at " + address_));
    }
  }
}

Instant PublishLink::next_wake() const {
  if (pending_.empty()) return Instant::never();
  const Instant deadline = deadlines_.begin()->first;
  return phase_ == Phase::kClosed ? std::min(deadline, retry_at_) : deadline;
}

void PublishLink::close(Duration linger) {
  while (!pending_.empty()) {
    finish(pending_.begin(), fail(ErrorCode::kClosed, "the client was closed before the ACK came"));
  }
  socket_.close(phase_ == Phase::kConnected ? linger : Duration{});
  phase_ = Phase::kClosed;
}

}  // namespace eventmq
