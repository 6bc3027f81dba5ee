#include "sim/trace.h"

#include <fmt/format.h>

#include <cstdio>

namespace eventmq::sim {
namespace {

constexpr size_t kLinesKept = 60;
constexpr size_t kTextShown = 120;

std::string shortened(const Bytes& bytes) {
  const std::string_view text = bytes.view();
  return text.size() <= kTextShown ? std::string(text)
                                   : fmt::format("{}...({} bytes)", text.substr(0, kTextShown), text.size());
}

struct Describer {
  std::string operator()(const Ack& m) const {
    return fmt::format("of {}{}", m.acknowledged.view(),
                       m.capabilities.empty() ? "" : " capabilities=" + m.capabilities.str());
  }
  std::string operator()(const Request& m) const {
    return fmt::format("queue={} headers={} attempt={} payload={}", m.queue.view(), m.headers.text.view(), m.attempt,
                       shortened(m.payload));
  }
  std::string operator()(const Reply& m) const {
    return fmt::format("to {} attempt={} outcome={} payload={}", m.request_id.view(), m.attempt,
                       m.has_outcome ? outcome_word(m.outcome) : "-", shortened(m.payload));
  }
  std::string operator()(const ScheduleFields& m) const {
    return fmt::format("queue={} interval={}", m.queue.view(), m.interval.view());
  }
  std::string operator()(const Publish& m) const { return fmt::format("topic={}", m.topic.view()); }
  std::string operator()(const Inform& m) const {
    std::string text(peer_kind_word(m.kind));
    for (const auto& queue : m.queues) text += fmt::format(" {}*{}", queue.name.view(), queue.weight);
    if (m.has_capabilities) text += " capabilities=" + capabilities_text(m.capabilities);
    if (!m.previous_id.empty()) text += fmt::format(" previous={}", m.previous_id.view());
    for (const auto& held : m.held) text += fmt::format(" holds {}:{}", held.attempt, held.request_id.view());
    return text;
  }
  std::string operator()(const ErrorMessage& m) const {
    return fmt::format("{} about {}: {}", error_word(m.error.code), m.offending_id.view(), m.error.text);
  }
  std::string operator()(const Cancel& m) const { return m.request_id.str(); }
  std::string operator()(const Progress& m) const {
    return fmt::format("of {}: {} {}", m.request_id.view(), m.fraction, m.text.view());
  }
  std::string operator()(const Query& m) const { return fmt::format("{} {}", m.what.view(), m.arguments.view()); }
  template <class Other>
  std::string operator()(const Other&) const {
    return "";
  }
};

}  // namespace

std::string describe(const Message& message) {
  return fmt::format("{} {} {}", command_word(message.body), message.id.view(), std::visit(Describer(), message.body));
}

void Trace::message(Instant now, std::string_view who, std::string_view arrow, const Message& message) {
  mix(now, who);
  mix(now, message.id.view());
  if (mode_ != Mode::kOff) line(now, who, fmt::format("{} {}", arrow, describe(message)));
}

void Trace::note(Instant now, std::string_view who, std::string_view text) {
  mix(now, who);
  mix(now, text);
  if (mode_ != Mode::kOff) line(now, who, std::string(text));
}

void Trace::mix(Instant now, std::string_view text) {
  hash_ = (hash_ ^ static_cast<uint64_t>(now.us)) * 0x100000001b3ull;
  for (const char c : text) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
}

void Trace::line(Instant now, std::string_view who, const std::string& text) {
  std::string full = fmt::format("{:>12.6f} {:<12} {}", (now - start_).seconds(), who, text);
  if (mode_ == Mode::kPrint) {
    std::puts(full.c_str());
    return;
  }
  last_lines_.push_back(std::move(full));
  if (last_lines_.size() > kLinesKept) last_lines_.pop_front();
}

}  // namespace eventmq::sim
