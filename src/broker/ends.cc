// A client whose connection broke sends its requests again. Of a guaranteed job that ended longer ago than the broker
// remembers replies, the store knows the end.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "src/broker/core.h"

namespace eventmq {

void Broker::State::want_end(const MessageArrived& event) {
  if (wanted_ends_.size() >= limits::kWantedEnds) {
    return error(event, ErrorCode::kQueueFull, "too many requests came again whose jobs had ended");
  }
  wanted_ends_.push_back({event.side, Bytes(event.peer.view()), Bytes(event.message.id.view())});
}

// The store reads through its ends, so it is asked for many at once, and for the next ones when it has answered.
void Broker::State::ask_for_ends() {
  if (ends_asked_ > 0 || wanted_ends_.empty() || !store_available_) return;
  ends_asked_ = std::min(wanted_ends_.size(), limits::kEndsAsked);
  StoreQuestion question{.number = ++last_question_, .after = last_commit_, .now = now_, .visits = 0};
  for (size_t i = 0; i < ends_asked_; ++i) question.ends.push_back(wanted_ends_[i].request_id);
  asked_.emplace(question.number, Asker{.wants = Asker::Wants::kEnds, .side = Side::kFrontend});
  out_->questions.push_back(std::move(question));
}

void Broker::State::answer_ends(const StoreAnswer& answer) {
  std::map<std::string_view, const StoredEnd*> known;
  for (const StoredEnd& end : answer.ends) known.emplace(end.id.view(), &end);
  for (; ends_asked_ > 0; --ends_asked_) {
    const ReplyRoute route = std::move(wanted_ends_.front());
    wanted_ends_.pop_front();
    if (answer.error) {
      error(route.side, route.peer, answer.error->code, answer.error->text, route.request_id);
      continue;
    }
    const auto found = known.find(route.request_id.view());
    tell_end(route, found == known.end() ? nullptr : found->second);
  }
}

void Broker::State::tell_end(const ReplyRoute& route, const StoredEnd* end) {
  if (end && end->reply_wanted) {
    return send(route.side, route.peer, Reply{end->result, route.request_id, 0, true, end->outcome});
  }
  const std::string text = end ? fmt::format(
                                     "the job has ended, {}, and had not asked for a reply then, so that what "
                                     "it returned is not known",
                                     outcome_word(end->outcome))
                               : "the job has ended, and how is no longer known";
  error(route.side, route.peer, ErrorCode::kUnknownJob, text, route.request_id);
}

}  // namespace eventmq
