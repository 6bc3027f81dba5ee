#include "src/executor/handler_context.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "src/executor/json_text.h"

namespace eventmq {
namespace {

constexpr auto kProgressInterval = std::chrono::milliseconds(20);

std::string_view level_word(JobLogLevel level) {
  switch (level) {
    case JobLogLevel::kDebug:
      return "debug";
    case JobLogLevel::kInfo:
      return "info";
    case JobLogLevel::kWarning:
      return "warning";
    case JobLogLevel::kError:
      return "error";
  }
  return "info";
}

}  // namespace

bool HandlerContext::cancelled() {
  std::string line;
  while (!cancelled_ && channel_.poll_line(line)) {
    const Json message = Json::parse(line, nullptr, false);
    const std::string type = message.is_object() ? message.value("type", "") : "";
    if (type == "stop") stop_requested_ = true;
    if (type == "cancel" && message.value("id", "") == info_.id) cancelled_ = true;
  }
  return cancelled_;
}

void HandlerContext::progress(double fraction, std::string_view text) {
  const double within = std::isfinite(fraction) ? std::clamp(fraction, 0.0, 1.0) : 0.0;
  const std::lock_guard lock(progress_mutex_);
  held_progress_ = fmt::format(R"({{"type":"progress","id":{},"fraction":{},"text":{}}})", json_quoted(info_.id),
                               within, json_quoted(text));
  if (Clock::now() - progress_sent_at_ >= kProgressInterval) send_held_progress();
}

void HandlerContext::flush_progress() {
  const std::lock_guard lock(progress_mutex_);
  if (!held_progress_.empty()) send_held_progress();
}

void HandlerContext::send_held_progress() {
  channel_.write_line(held_progress_);
  held_progress_.clear();
  progress_sent_at_ = Clock::now();
}

void HandlerContext::log(JobLogLevel level, std::string_view text) {
  channel_.write_line(fmt::format(R"({{"type":"log","level":"{}","text":{}}})", level_word(level), json_quoted(text)));
}

}  // namespace eventmq
