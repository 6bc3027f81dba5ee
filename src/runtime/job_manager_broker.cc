// The broker's side of the job manager: when there is a conversation, and what is carried to and from it.
#include <fmt/format.h>

#include <utility>

#include "src/codec/codec.h"
#include "src/runtime/job_manager_loop.h"

namespace eventmq {
namespace {

// A `timeout:0` that was said is an order, that none was said is not.
bool says_timeout(std::string_view headers) {
  for (size_t at = headers.find("timeout:"); at != std::string_view::npos; at = headers.find("timeout:", at + 1)) {
    const std::string_view before = headers.substr(0, at);
    const size_t last = before.find_last_not_of(' ');
    if (last == std::string_view::npos || before[last] == ',') return true;
  }
  return false;
}

std::optional<Duration> timeout_of(const JobHeaders& headers) {
  if (headers.timeout == Duration{} && !says_timeout(headers.text.view())) return std::nullopt;
  return headers.timeout;
}

}  // namespace

// Jobs are asked for when there is a process to run them. What is held while no broker is there is kept.
void JobManagerLoop::start_session_when_ready() {
  if (session_started_ || draining_ || !executor_.ready()) return;
  session_started_ = true;
  step_session(WorkerStarted{});
}

void JobManagerLoop::leave_or_return() {
  if (!session_started_) return;
  const bool serving = executor_.serves();
  const bool may_leave = !serving && !draining_ && session_.takes_back() && executor_.start_failed();
  switch (process_watch_.look(serving, may_leave, now_)) {
    case ProcessWatch::Advice::kNone:
      return;
    case ProcessWatch::Advice::kLeave:
      return leave_broker();
    case ProcessWatch::Advice::kComeBack:
      if (draining_) return;
      log(LogLevel::kInfo, "a worker process is ready again: back to the broker");
      return step_session(ReturnRequested{});
  }
}

void JobManagerLoop::leave_broker() {
  log(LogLevel::kWarning,
      fmt::format(
          "no worker process can be started: leaving the broker until one is ready; {} jobs that have not begun "
          "are handed back",
          executor_.waiting_jobs()));
  step_session(LeaveRequested{});
  executor_.hand_back_waiting();
}

void JobManagerLoop::finish_when_session_ended() {
  if (draining_ && !session_started_) session_ended_ = true;
  if (session_ended_) executor_.stop(now_);
}

void JobManagerLoop::receive_turn() {
  more_to_receive_ = true;
  for (size_t count = 0; count < limits::kMessagesPerTurn; ++count) {
    Frames frames;
    switch (socket_.receive(frames)) {
      case DealerInput::kNothing:
        more_to_receive_ = false;
        return;
      case DealerInput::kMessage:
        receive_message(frames);
        break;
      case DealerInput::kConnected:
        step_session(LinkMade{});
        break;
      case DealerInput::kLost:
        log(LogLevel::kDebug, "the connection to the broker is gone: " + socket_.lost_reason());
        link_lost_ = true;
        refused_ = socket_.refused();
        more_to_receive_ = false;
        return;
    }
  }
}

void JobManagerLoop::receive_message(const Frames& frames) {
  auto message = decode(frames);
  if (!message) {
    return log(LogLevel::kWarning, "a message of the broker was dropped: " + message.error().error.text);
  }
  step_session(FromBroker{std::move(*message)});
}

void JobManagerLoop::step_session(WorkerEvent event) {
  if (!session_started_ || session_ended_) return;
  std::vector<WorkerEffect> effects;
  session_.step(std::move(event), now_, effects);
  for (WorkerEffect& effect : effects) {
    std::visit([this](auto& each) { on_effect(each); }, effect);
  }
}

void JobManagerLoop::on_effect(Connect& effect) {
  link_lost_ = refused_ = false;  // of the connection before
  if (auto connected = socket_.connect(effect.address, effect.routing_id); !connected) {
    log(LogLevel::kWarning, "cannot connect to " + effect.address + ": " + connected.error().text);
    link_lost_ = true;
  }
}

// A broker that has not read for so long is given up: it learns what we hold in the next conversation, and that the job
// of a result that did not leave is held no more.
void JobManagerLoop::on_effect(ToBroker& effect) {
  if (link_lost_ || socket_.send(encode(effect.message))) return;
  log(LogLevel::kWarning, "the broker does not read; beginning a new conversation");
  link_lost_ = true;
}

void JobManagerLoop::on_effect(StartJob& effect) {
  executor_.run({std::move(effect.request_id), effect.attempt, std::move(effect.queue), std::move(effect.payload),
                 timeout_of(effect.headers)},
                now_);
}

void JobManagerLoop::on_effect(CancelJob& effect) { executor_.cancel(effect.request_id, now_); }

// So that the broker has forgotten this connection, and its name, when the next one is made.
void JobManagerLoop::on_effect(SessionAway&) {
  socket_.close(options_.sockets.linger);
  link_lost_ = false;
}

void JobManagerLoop::on_effect(SessionEnded&) { session_ended_ = true; }

void JobManagerLoop::on_effect(SessionLog& effect) {
  log(effect.warning ? LogLevel::kWarning : LogLevel::kInfo, effect.text);
}

}  // namespace eventmq
