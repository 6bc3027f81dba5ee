// What a client has submitted and not yet seen the end of: found by id, sent in the order of submission,
// failed at its deadline. Every operation costs at most the logarithm of what is held, so that a hundred
// thousand outstanding submissions are no burden.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "src/base/time.h"
#include "src/wire/messages.h"

namespace eventmq {

struct Submission {
  enum class Place {
    kUnsent,    // waits for a broker, or for room in the window
    kInFlight,  // sent, not ACKed in this conversation
    kAtBroker,  // ACKed; its REPLY is awaited
    kPostponed  // refused, though a broker may have taken it before: to be sent again in a while
  };

  Message message;
  uint64_t sequence = 0;                    // the order of submission
  Instant deadline = Instant::never();      // for its end
  Instant ack_deadline = Instant::never();  // for its first ACK
  bool wants_reply = false;
  bool guaranteed = false;
  Place place = Place::kUnsent;
  bool accepted = false;   // ACKed once, perhaps by an earlier broker
  bool forgotten = false;  // nobody is told how it ends
  bool was_sent = false;   // in any conversation
  // To another life of the broker, or another one, which may have taken it.
  bool sent_before = false;

  Instant next_deadline() const { return accepted ? deadline : std::min(deadline, ack_deadline); }
};

class ClientOutbox {
 public:
  // False, and nothing is added, if the id is already here.
  bool add(Message message, Instant deadline, Instant ack_deadline);
  // Null if there is none. Pointers live until remove().
  Submission* find(std::string_view id);
  void remove(Submission& submission);

  // The first submission to be sent, now counted as in flight; null if there is none.
  Submission* take_unsent();
  // ACKed, or answered before its ACK. A submission that wants no reply should be removed instead.
  void accept(Submission& submission);
  // To be sent again, in its place in the order.
  void requeue(Submission& submission);
  // To be sent again, but not before one of the two below.
  void postpone(Submission& submission);
  Submission* requeue_first_postponed();  // null if there is none
  void requeue_postponed();
  // The submission whose deadline is the first to pass at or before `now`; null if there is none.
  Submission* overdue(Instant now);
  Instant first_deadline() const;
  // Visits all in the order of submission; `visit` may remove or requeue the one it is given.
  void for_each(const std::function<void(Submission&)>& visit);

  size_t size() const { return by_sequence_.size(); }
  size_t in_flight() const { return in_flight_; }
  size_t at_broker() const { return by_sequence_.size() - unsent_.size() - in_flight_ - postponed_.size(); }
  size_t postponed() const { return postponed_.size(); }
  // Never ACKed by any broker.
  size_t unaccepted() const { return unaccepted_; }

 private:
  void leave_place(Submission& submission);
  void watch_deadline(const Submission& submission);
  void unwatch_deadline(const Submission& submission);

  std::map<uint64_t, std::unique_ptr<Submission>> by_sequence_;
  std::unordered_map<std::string_view, Submission*> by_id_;  // the keys are the submissions' own ids
  std::map<uint64_t, Submission*> unsent_;
  std::map<uint64_t, Submission*> postponed_;
  std::set<std::pair<Instant, uint64_t>> deadlines_;
  size_t in_flight_ = 0;
  size_t unaccepted_ = 0;
  uint64_t next_sequence_ = 1;
};

}  // namespace eventmq
