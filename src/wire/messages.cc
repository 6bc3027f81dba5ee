#include "src/wire/messages.h"

#include <algorithm>
#include <array>

namespace eventmq {
namespace {

// In the order of the enumerations and of Body's alternatives.
constexpr std::array<std::string_view, 9> kOutcomeWords = {
    "ok", "error", "timeout", "killed", "unknown-job", "cancelled", "returned", "lost", "expired",
};
static_assert(kOutcomeWords.size() == static_cast<size_t>(Outcome::kExpired) + 1);

constexpr std::array<std::string_view, 3> kPeerKindWords = {"client", "worker", "scheduler"};
static_assert(kPeerKindWords.size() == static_cast<size_t>(PeerKind::kScheduler) + 1);

template <class T>
constexpr std::string_view kWord = "";
template <>
constexpr std::string_view kWord<Ack> = "ACK";
template <>
constexpr std::string_view kWord<Heartbeat> = "HEARTBEAT";
template <>
constexpr std::string_view kWord<Disconnect> = "DISCONNECT";
template <>
constexpr std::string_view kWord<Goodbye> = "KBYE";
template <>
constexpr std::string_view kWord<Request> = "REQUEST";
template <>
constexpr std::string_view kWord<Reply> = "REPLY";
template <>
constexpr std::string_view kWord<Schedule> = "SCHEDULE";
template <>
constexpr std::string_view kWord<Unschedule> = "UNSCHEDULE";
template <>
constexpr std::string_view kWord<Publish> = "PUBLISH";
template <>
constexpr std::string_view kWord<Inform> = "INFORM";
template <>
constexpr std::string_view kWord<Ready> = "READY";
template <>
constexpr std::string_view kWord<ErrorMessage> = "ERROR";
template <>
constexpr std::string_view kWord<Cancel> = "CANCEL";
template <>
constexpr std::string_view kWord<Progress> = "PROGRESS";
template <>
constexpr std::string_view kWord<Hello> = "HELLO";
template <>
constexpr std::string_view kWord<StatusQuery> = "STATUS";
template <>
constexpr std::string_view kWord<ShowWorkers> = "ROUTER_SHOW_WORKERS";
template <>
constexpr std::string_view kWord<ShowSchedulers> = "ROUTER_SHOW_SCHEDULERS";
template <>
constexpr std::string_view kWord<Query> = "QUERY";

}  // namespace

std::string_view outcome_word(Outcome outcome) { return kOutcomeWords[static_cast<size_t>(outcome)]; }

bool outcome_from_word(std::string_view word, Outcome& outcome) {
  for (size_t index = 0; index < kOutcomeWords.size(); ++index) {
    if (kOutcomeWords[index] != word) continue;
    outcome = static_cast<Outcome>(index);
    return true;
  }
  return false;
}

bool is_dead(Outcome outcome) {
  return outcome != Outcome::kOk && outcome != Outcome::kExpired && outcome != Outcome::kCancelled &&
         outcome != Outcome::kReturned;
}

std::string_view peer_kind_word(PeerKind kind) { return kPeerKindWords[static_cast<size_t>(kind)]; }

std::string_view command_word(const Body& body) {
  return std::visit(
      []<class T>(const T&) {
        static_assert(!kWord<T>.empty(), "every command has a word");
        return kWord<T>;
      },
      body);
}

namespace {

struct LargestFrame {
  size_t operator()(const Request& request) const {
    return std::max(request.payload.size(), request.headers.text.size());
  }
  size_t operator()(const ScheduleFields& schedule) const {
    return std::max(schedule.payload.size(), schedule.headers.text.size());
  }
  size_t operator()(const Publish& publish) const { return std::max(publish.payload.size(), publish.headers.size()); }
  size_t operator()(const Reply& reply) const { return reply.payload.size(); }
  template <class Small>
  size_t operator()(const Small&) const {
    return 0;
  }
};

}  // namespace

size_t largest_frame_bytes(const Body& body) {
  return std::visit(
      [](const auto& each) {
        if constexpr (std::is_base_of_v<ScheduleFields, std::decay_t<decltype(each)>>) {
          return LargestFrame()(static_cast<const ScheduleFields&>(each));
        } else {
          return LargestFrame()(each);
        }
      },
      body);
}

}  // namespace eventmq
