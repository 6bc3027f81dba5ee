#include "testing/message_text.h"

#include <fmt/format.h>

#include <optional>
#include <type_traits>

namespace eventmq::testing {
namespace {

std::string seconds_text(const std::optional<Duration>& duration) {
  return duration ? fmt::format("{}us", duration->us) : "-";
}

std::string headers_text(const JobHeaders& h) {
  return fmt::format(
      "[{}] reply={:d} guarantee={:d} nohaste={:d} priority={} retries={} timeout={}us delay={}us expires={} "
      "backoff={} runs={} unique=[{}] trace=[{}]",
      h.text.view(), h.reply_requested, h.guarantee, h.nohaste, h.priority, h.retry_count, h.timeout.us, h.delay.us,
      seconds_text(h.expires), seconds_text(h.backoff), h.run_count ? std::to_string(*h.run_count) : "-",
      h.unique.view(), h.trace.view());
}

struct BodyText {
  std::string operator()(const Ack& m) const {
    return fmt::format("acknowledged=[{}] capabilities=[{}]", m.acknowledged.view(), m.capabilities.view());
  }
  std::string operator()(const Heartbeat& m) const { return fmt::format("time=[{}]", m.time.view()); }
  std::string operator()(const Request& m) const {
    return fmt::format("queue=[{}] headers={} payload=[{}] attempt={}", m.queue.view(), headers_text(m.headers),
                       m.payload.view(), m.attempt);
  }
  std::string operator()(const Reply& m) const {
    return fmt::format("payload=[{}] request=[{}] attempt={} outcome={}", m.payload.view(), m.request_id.view(),
                       m.attempt, m.has_outcome ? outcome_word(m.outcome) : "-");
  }
  std::string operator()(const ScheduleFields& m) const {
    return fmt::format("queue=[{}] headers={} interval=[{}] payload=[{}] cron={}[{}]", m.queue.view(),
                       headers_text(m.headers), m.interval.view(), m.payload.view(), m.has_cron ? "" : "absent",
                       m.cron.view());
  }
  std::string operator()(const Publish& m) const {
    return fmt::format("topic=[{}] headers={}[{}] payload=[{}]", m.topic.view(), m.has_headers ? "" : "absent",
                       m.headers.view(), m.payload.view());
  }
  std::string operator()(const Inform& m) const {
    std::string queues;
    for (const QueueWeight& queue : m.queues) queues += fmt::format("{}:[{}] ", queue.weight, queue.name.view());
    std::string held;
    for (const HeldJob& job : m.held) held += fmt::format(" {}:[{}]", job.attempt, job.request_id.view());
    return fmt::format("kind={} queues={}capabilities={}[{}] previous=[{}] held={}", peer_kind_word(m.kind), queues,
                       m.has_capabilities ? "" : "absent", capabilities_text(m.capabilities), m.previous_id.view(),
                       held);
  }
  std::string operator()(const ErrorMessage& m) const {
    return fmt::format("code={} text=[{}] offending=[{}]", error_word(m.error.code), m.error.text,
                       m.offending_id.view());
  }
  std::string operator()(const Cancel& m) const { return fmt::format("request=[{}]", m.request_id.view()); }
  std::string operator()(const Progress& m) const {
    return fmt::format("request=[{}] fraction={} text=[{}]", m.request_id.view(), m.fraction, m.text.view());
  }
  std::string operator()(const Query& m) const {
    return fmt::format("what=[{}] arguments=[{}]", m.what.view(), m.arguments.view());
  }
  template <class T>
  requires std::is_empty_v<T> std::string operator()(const T&) const { return ""; }
};

}  // namespace

std::string message_text(const Message& message) {
  return fmt::format("{} id=[{}] {}", command_word(message.body), message.id.view(),
                     std::visit(BodyText(), message.body));
}

}  // namespace eventmq::testing
