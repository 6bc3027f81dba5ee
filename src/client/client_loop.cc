#include "src/client/client_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>

#include "src/base/assert.h"
#include "src/base/signals_blocked.h"
#include "src/codec/codec.h"

namespace eventmq {
namespace {

constexpr Duration kSocketLinger = seconds(1);

// The loop whose thread this is.
thread_local const ClientLoop* own_loop = nullptr;

std::array<uint64_t, 4> random_seed() {
  std::random_device device;
  std::array<uint64_t, 4> seed{};
  for (uint64_t& word : seed) word = (uint64_t{device()} << 32) | device();
  seed[0] |= 1;  // never all zero
  return seed;
}

}  // namespace

ClientLoop::ClientLoop(ClientLoopSettings settings, std::shared_ptr<ZmqContext> context)
    : settings_(std::move(settings)),
      context_(std::move(context)),
      ids_(random_seed()),
      now_(clock_.now()),
      session_(settings_.session, IdSource(random_seed())),
      socket_(*context_, SocketOptions{}),
      publisher_(*context_, settings_.publish_address, IdSource(random_seed())),
      thread_(thread_without_signals([this] { live(); })) {}

ClientLoop::~ClientLoop() {
  if (thread_.joinable()) thread_.join();
}

bool ClientLoop::is_own_thread() const { return own_loop == this; }

Bytes ClientLoop::next_id() {
  const std::lock_guard lock(mutex_);
  return ids_.next();
}

bool ClientLoop::hand_over(Command command) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    if (std::holds_alternative<Close>(command)) closed_ = true;
    first = commands_.empty();
    commands_.push_back(std::move(command));
  }
  if (first) wakeup_.notify();
  return true;
}

// Room for one more submission that waits for its ACK.
Result<void> ClientLoop::reserve() {
  const std::lock_guard lock(mutex_);
  if (closed_) return fail(ErrorCode::kClosed, "the client is closed");
  if (unacknowledged_ >= settings_.unacknowledged_max) {
    return fail(ErrorCode::kQueueFull, fmt::format("{} submissions wait for their ACK already (unacknowledged_max)",
                                                   settings_.unacknowledged_max));
  }
  ++unacknowledged_;
  return {};
}

Result<void> ClientLoop::submit(Submit submit, Watcher watcher) {
  if (Result<void> reserved = reserve(); !reserved) return reserved;
  if (hand_over(Submission{std::move(submit), std::move(watcher)})) return {};
  return fail(ErrorCode::kClosed, "the client is closed");
}

Result<void> ClientLoop::publish(Message message, Instant deadline, PublishLink::Done done) {
  if (Result<void> reserved = reserve(); !reserved) return reserved;
  if (hand_over(Publication{std::move(message), deadline, std::move(done)})) return {};
  return fail(ErrorCode::kClosed, "the client is closed");
}

bool ClientLoop::flush(std::function<void()> done) { return hand_over(Flush{std::move(done)}); }

void ClientLoop::close(Instant deadline) {
  hand_over(Close{deadline});
  if (is_own_thread()) return;
  const std::lock_guard lock(joining_);
  if (thread_.joinable()) thread_.join();
}

void ClientLoop::end(std::unique_ptr<ClientLoop> loop, Instant deadline) {
  loop->close(deadline);
  if (loop->is_own_thread()) loop.release()->owns_itself_ = true;
}

void ClientLoop::live() {
  own_loop = this;
  run();
  if (!owns_itself_) return;
  thread_.detach();
  delete this;
}

void ClientLoop::run() {
  step(ClientStarted{});
  while (!ended()) {
    wait();
    now_ = clock_.now();
    take_commands();
    receive();
    publisher_.turn(now_);
    if (std::exchange(link_lost_, false)) step(LinkLost{});
    if (now_ >= session_.next_wake()) step(SessionTick{});
  }
  publisher_.close(kSocketLinger);
  socket_.close(link_is_up_ ? kSocketLinger : Duration{});
  EMQ_ASSERT(open_.empty(), "{} submissions were never told how they ended", open_.size());
}

bool ClientLoop::ended() const {
  if (!session_ended_) return false;
  return publisher_.pending() == 0 || now_ >= *close_deadline_;
}

void ClientLoop::wait() {
  Instant wake = std::min(session_.next_wake(), publisher_.next_wake());
  if (session_ended_) wake = std::min(wake, *close_deadline_);
  poller_.clear();
  poller_.watch_readable(wakeup_.fd());
  poller_.watch(socket_);
  poller_.watch(publisher_.socket());
  const Duration longest = seconds(3600);
  const Instant now = clock_.now();
  const Duration wait = wake > now ? std::min(wake - now, longest) : Duration{};
  poller_.wait(link_lost_ || more_to_receive_ ? Duration{} : wait);
}

void ClientLoop::take_commands() {
  wakeup_.clear();
  std::vector<Command> taken;
  {
    const std::lock_guard lock(mutex_);
    taken.swap(commands_);
  }
  for (Command& command : taken) {
    std::visit([this](auto& each) { carry_out(each); }, command);
  }
}

void ClientLoop::receive() {
  more_to_receive_ = false;
  for (size_t taken = 0; taken < limits::kMessagesPerTurn; ++taken) {
    Frames frames;
    const DealerInput input = socket_.receive(frames);
    if (input == DealerInput::kNothing) return;
    if (input == DealerInput::kConnected) link_is_up_ = true;
    if (input == DealerInput::kLost) step(LinkLost{socket_.refused()});
    if (input != DealerInput::kMessage) continue;
    auto message = decode(frames);
    if (message) {
      step(FromBroker{std::move(*message)});
    } else {
      log(true, "a message of the broker was dropped: " + message.error().error.text);
    }
  }
  more_to_receive_ = true;
}

void ClientLoop::step(ClientEvent event) {
  session_.step(std::move(event), now_, effects_);
  for (ClientEffect& effect : effects_) {
    std::visit([this](auto& each) { carry_out(each); }, effect);
  }
  effects_.clear();
}

void ClientLoop::carry_out(Submission& command) {
  const uint64_t number = next_number_++;
  const auto [entry, is_new] = open_.try_emplace(command.submit.message.id.str());
  if (!is_new) {
    return tell_failed({std::move(command.watcher), number},
                       {ErrorCode::kBadValue, "the id " + entry->first + " is already under way"});
  }
  entry->second = Open{std::move(command.watcher), number};
  unacknowledged_numbers_.insert(number);
  step(std::move(command.submit));
}

void ClientLoop::carry_out(Publication& command) {
  const uint64_t number = next_number_++;
  unacknowledged_numbers_.insert(number);
  const auto done = [this, number, tell = std::move(command.done)](Result<void> result) {
    tell(std::move(result));
    release_number(number);
  };
  publisher_.publish(std::move(command.message), command.deadline, done, now_);
}

void ClientLoop::carry_out(Flush& command) {
  if (unacknowledged_numbers_.empty()) return command.done();
  flushes_.emplace_back(next_number_, std::move(command.done));
}

void ClientLoop::carry_out(Close& command) {
  close_deadline_ = command.deadline;
  step(CloseRequested{command.deadline});
}

void ClientLoop::carry_out(Connect& effect) {
  link_is_up_ = false;
  const Result<void> connected = socket_.connect(effect.address, effect.routing_id);
  if (connected) return;
  log(true, connected.error().text);
  link_lost_ = true;
}

void ClientLoop::carry_out(ToBroker& effect) {
  // A queue that is full, of a window so small, belongs to a connection that takes nothing more.
  if (!socket_.send(encode(effect.message))) link_lost_ = true;
}

void ClientLoop::carry_out(Accepted& effect) {
  const auto entry = open_.find(effect.id.str());
  EMQ_ASSERT(entry != open_.end(), "accepted {}", effect.id.view());
  Open& open = entry->second;
  open.acknowledged = true;
  const uint64_t number = open.number;
  if (open.watcher.acknowledged) open.watcher.acknowledged({});
  if (!open.watcher.ended) open_.erase(entry);
  release_number(number);
}

void ClientLoop::carry_out(Failed& effect) {
  const auto entry = open_.find(effect.id.str());
  EMQ_ASSERT(entry != open_.end(), "failed {}", effect.id.view());
  const Open open = std::move(entry->second);
  open_.erase(entry);
  tell_failed(open, effect.error);
}

void ClientLoop::carry_out(Replied& effect) {
  const auto entry = open_.find(effect.id.str());
  EMQ_ASSERT(entry != open_.end(), "replied {}", effect.id.view());
  const Open open = std::move(entry->second);
  open_.erase(entry);
  if (open.watcher.ended) open.watcher.ended(JobEnd{effect.outcome, std::move(effect.payload), effect.has_outcome});
}

void ClientLoop::carry_out(Progressed& effect) {
  const auto entry = open_.find(effect.id.str());
  if (entry == open_.end() || !entry->second.watcher.progressed) return;
  try {
    entry->second.watcher.progressed(effect.fraction, effect.text.str());
  } catch (...) {
    log(true, "on_progress of job " + entry->first + " threw an exception, which was dropped");
  }
}

void ClientLoop::carry_out(SessionEnded&) { session_ended_ = true; }

void ClientLoop::carry_out(SessionLog& effect) { log(effect.warning, effect.text); }

void ClientLoop::tell_failed(const Open& open, const Error& error) {
  if (!open.acknowledged && open.watcher.acknowledged) open.watcher.acknowledged(tl::unexpected<Error>(error));
  if (open.watcher.ended) open.watcher.ended(tl::unexpected<Error>(error));
  if (!open.acknowledged) release_number(open.number);
}

// To be called after the watcher has been told, so that whoever flushed finds every future ready.
void ClientLoop::release_number(uint64_t number) {
  {
    const std::lock_guard lock(mutex_);
    --unacknowledged_;
  }
  unacknowledged_numbers_.erase(number);
  const uint64_t first = unacknowledged_numbers_.empty() ? next_number_ : *unacknowledged_numbers_.begin();
  while (!flushes_.empty() && flushes_.front().first <= first) {
    flushes_.front().second();
    flushes_.pop_front();
  }
}

void ClientLoop::log(bool warning, const std::string& text) {
  if (!settings_.log) return;
  try {
    settings_.log(warning, text);
  } catch (...) {
    // What a log callback throws is its own affair; the loop goes on.
  }
}

}  // namespace eventmq
