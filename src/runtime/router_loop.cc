#include "src/runtime/router_loop.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "src/base/assert.h"
#include "src/base/id_source.h"
#include "src/codec/codec.h"
#include "src/executor/file_limit.h"
#include "src/runtime/random.h"
#include "src/transport/address.h"
#include "src/wire/text.h"

namespace eventmq {
namespace {

constexpr uint32_t kLogLinesPerSecond = 50;
constexpr uint32_t kMessageLogLinesPerSecond = 5'000;  // asked for by the operator
constexpr Duration kFinishTime = seconds(5);           // for held sends, after the broker has shut down
constexpr Duration kLingerAtOnce = milliseconds(100);

std::string_view side_word(Side side) {
  switch (side) {
    case Side::kFrontend:
      return "frontend";
    case Side::kBackend:
      return "backend";
    case Side::kAdministrative:
      return "administrative";
  }
  return "";
}

// How many times the limits of what waits for the store must be reached before this socket is not read.
size_t share_of(Side side) {
  switch (side) {
    case Side::kFrontend:
      return 1;
    case Side::kBackend:
      return 2;
    case Side::kAdministrative:
      return 3;
  }
  return 1;
}

// Tells the broker about its store and sockets, which only the loop knows.
BrokerSettings completed(BrokerSettings settings, const Store& store, const SocketOptions& sockets) {
  settings.store_name = store.name();
  settings.store_durable = store.durable();
  settings.frame_bytes_max = sockets.frame_bytes_max;
  return settings;
}

Bytes new_instance_id() { return IdSource(random_seed()).next(); }

HubOptions hub_options() {
  raise_file_limit();
  return {.connections = connections_possible(), .gathers_sends = true};
}

// What a job manager is sent are jobs that it asked for, whose bytes the broker holds until they end: that they wait
// takes no more memory. By the limit for other peers, one that is given three of 30 MB at once would not read.
SocketOptions of_job_managers(SocketOptions options) {
  options.send_queue_bytes = limits::kUnsentBytes;
  return options;
}

// The operator gets in however many others there are.
SocketOptions administrative(SocketOptions options) {
  options.own_connections = limits::kAdministrativeConnections;
  return options;
}

void count(std::atomic<uint64_t>& counter) { counter.fetch_add(1, std::memory_order_relaxed); }

}  // namespace

RouterLoop::RouterLoop(RouterSettings settings, RouterParts parts)
    : live_(settings.live),
      settings_(std::move(settings)),
      parts_(std::move(parts)),
      now_(clock_.now()),
      log_(parts_.log, kLogLinesPerSecond),
      message_log_(parts_.log, kMessageLogLinesPerSecond),
      hub_(hub_options()),
      sockets_{RouterSocket(hub_, settings_.sockets), RouterSocket(hub_, of_job_managers(settings_.sockets)),
               RouterSocket(hub_, administrative(settings_.sockets))},
      broker_(completed(live_.broker, *parts_.store, settings_.sockets), random_number(), new_instance_id().str(),
              now_),
      held_(KeyedHash{random_number(), random_number()}) {}

// The store calls wake() from its thread.
RouterLoop::~RouterLoop() { parts_.store.reset(); }

Result<void> RouterLoop::listen(Side side, const std::string& address, std::string_view setting,
                                std::string& endpoint) {
  if (Result<void> bound = socket(side).bind(address); !bound) {
    return fail(bound.error().code, fmt::format("{} (setting {})", bound.error().text, setting));
  }
  endpoint = socket(side).endpoint();
  if (reachable_from_other_machines(address)) {
    log(LogLevel::kWarning,
        fmt::format(
            "listening on {} beyond this machine, without encryption or passwords: whoever reaches it can hand in "
            "and take jobs; set {} to an address on 127.0.0.1 unless the network is trusted",
            endpoint, setting));
  }
  return {};
}

Result<void> RouterLoop::open() {
  return recover()
      .and_then([&] {
        return listen(Side::kFrontend, settings_.frontend_address, "frontend_listen_addr", endpoints_.frontend);
      })
      .and_then(
          [&] { return listen(Side::kBackend, settings_.backend_address, "backend_listen_addr", endpoints_.backend); })
      .and_then([&] {
        return listen(Side::kAdministrative, settings_.administrative_address, "administrative_listen_addr",
                      endpoints_.administrative);
      })
      .map([&] {
        log(LogLevel::kInfo,
            fmt::format("listening on {} (clients), {} (job managers), {} (administration); store: {}",
                        endpoints_.frontend, endpoints_.backend, endpoints_.administrative, parts_.store->name()));
      });
}

Result<void> RouterLoop::recover() {
  parts_.store->call_on_change([this] { wake(); });
  set_retention();
  Result<StoredState> state = parts_.store->recover(now_);
  if (!state) return tl::unexpected(state.error());
  step(StoreRecovered{std::move(*state), parts_.store->fence()});
  return {};
}

void RouterLoop::set_retention() {
  const BrokerSettings& broker = live_.broker;
  parts_.store->set_retention({broker.dedupe_window, broker.dedupe_ids, broker.dead_window, broker.dead_letters,
                               broker.results, broker.result_bytes});
}

// One that could not be opened at the start.
void RouterLoop::take_up_opened_store() {
  std::optional<OpenedStore> opened = parts_.store->take_opened();
  if (!opened) return;
  parts_.store = std::move(opened->store);
  set_retention();
  step(StoreRecovered{std::move(opened->state), parts_.store->fence()});
}

void RouterLoop::watch_store() {
  take_up_opened_store();
  for (BacklogClaimed& claimed : parts_.store->take_claimed()) step(std::move(claimed));
  for (StoreAnswer& answer : parts_.store->take_answers()) step(std::move(answer));
  StoreHealth health = parts_.store->health();
  if (health == store_health_) return;
  store_health_ = std::move(health);
  step(StoreChanged{store_health_.available, store_health_.text, parts_.store->committed()});
}

void RouterLoop::run() {
  EMQ_ASSERT(!endpoints_.administrative.empty(), "run() before open()");
  while (!ended()) {
    wait();
    now_ = clock_.now();
    failures_this_turn_ = 0;
    if (poller_.ready(wakeup_token_)) wakeup_.clear();
    watch_store();
    take_requests();
    take_signals();
    release_held();
    report_failed_sends();
    excuse_unread();
    if (now_ >= broker_.next_wake()) step(Tick{});
    receive_turn();
    check_connections();
    submit_gathered();
    log_.summarise(now_);
    message_log_.summarise(now_);
  }
  close_sockets();
}

// --- Waiting, and what other threads and the operator ask for ---

void RouterLoop::wait() {
  poller_.clear();
  for (size_t i = 0; i < kSides; ++i) {
    watched_[i] = reads(static_cast<Side>(i));
    if (watched_[i]) tokens_[i] = poller_.watch(sockets_[i]);
  }
  poller_.watch(hub_);
  wakeup_token_ = poller_.watch_readable(wakeup_.fd());
  if (parts_.signals != nullptr) poller_.watch_readable(parts_.signals->fd());
  const bool busy = more_to_receive_ || !failed_.empty();
  const Instant now = clock_.now();
  const Instant until = next_wake();
  if (busy || until <= now) {
    poller_.wait(Duration{});
  } else {
    poller_.wait(until == Instant::never() ? Duration{-1} : until - now);
  }
}

// Too much waits for the store: clients then wait too, in their own queues. Job managers go on, and the operator longer
// still, so that neither waits for what others have sent; but whoever sends without end must wait. Nobody does while
// the store is away, when the broker refuses what needs it.
bool RouterLoop::store_is_behind(Side side) const {
  const size_t times = share_of(side);
  return store_health_.available &&
         (held_.size() >= times * limits::kHeldSends || uncommitted_.bytes() >= times * limits::kUncommittedBytes);
}

void RouterLoop::excuse_unread() {
  if (!store_is_behind(Side::kFrontend) || now_ < next_excuse_) return;
  next_excuse_ = now_ + live_.broker.heartbeat_timeout / 4;
  for (const Side side : {Side::kFrontend, Side::kBackend, Side::kAdministrative}) {
    if (store_is_behind(side)) step(PeersUnread{side});
  }
}

Instant RouterLoop::next_wake() const {
  const Instant logs = std::min(log_.next_summary(), message_log_.next_summary());
  return std::min({broker_.next_wake(), logs, finish_by_.value_or(Instant::never())});
}

bool RouterLoop::ended() const {
  if (stop_.load(std::memory_order_relaxed)) return true;
  return finish_by_ && (held_.size() == 0 || now_ >= *finish_by_);
}

void RouterLoop::take_requests() {
  std::optional<LiveRouterSettings> changed;
  {
    const std::lock_guard lock(mutex_);
    changed = std::exchange(new_settings_, std::nullopt);
  }
  if (changed) {
    live_ = std::move(*changed);
    settings_changed();
  }
  if (shutdown_requested_.exchange(false)) step(ShutdownRequested{});
}

void RouterLoop::take_signals() {
  if (parts_.signals == nullptr) return;
  for (int signal = parts_.signals->next(); signal != 0; signal = parts_.signals->next()) {
    if (signal == SIGHUP) {
      reload();
    } else if (signal == SIGTERM || signal == SIGINT) {
      if (shutdown_signalled_ && now_ - *shutdown_signalled_ < kSignalEcho) {
        continue;
      } else if (shutdown_signalled_) {
        log(LogLevel::kWarning, "asked to stop again: stopping at once");
        stop();
      } else {
        shutdown_signalled_ = now_;
        step(ShutdownRequested{});
      }
    }
  }
}

void RouterLoop::reload() {
  if (!parts_.reload) return;
  Result<std::optional<LiveRouterSettings>> read = parts_.reload();
  if (!read) {
    log(LogLevel::kWarning, fmt::format("the settings stay as they are: {}", read.error().text));
    return;
  }
  if (!*read) return;
  live_ = **std::move(read);
  settings_changed();
}

void RouterLoop::settings_changed() {
  set_retention();
  step(SettingsChanged{completed(live_.broker, *parts_.store, settings_.sockets)});
}

void RouterLoop::stop() {
  stop_.store(true, std::memory_order_relaxed);
  wakeup_.notify();
}

void RouterLoop::request_shutdown() {
  shutdown_requested_.store(true);
  wakeup_.notify();
}

void RouterLoop::change_settings(LiveRouterSettings settings) {
  {
    const std::lock_guard lock(mutex_);
    new_settings_ = std::move(settings);
  }
  wakeup_.notify();
}

RouterCounters RouterLoop::counters() const {
  const auto value = [](const std::atomic<uint64_t>& counter) { return counter.load(std::memory_order_relaxed); };
  return {value(counters_.received),        value(counters_.refused),           value(counters_.sent),
          value(counters_.unreachable),     value(counters_.peer_full),         value(counters_.dropped_at_stop),
          value(counters_.connections_cut), value(counters_.connections_faulty)};
}

// --- In ---

void RouterLoop::receive_turn() {
  more_to_receive_ = false;
  std::array<size_t, kSides> left;
  for (size_t i = 0; i < kSides; ++i) {
    left[i] = watched_[i] && poller_.ready(tokens_[i]) ? limits::kMessagesPerTurn : 0;
  }
  bool any = true;
  while (any) {
    any = false;
    for (size_t i = 0; i < kSides; ++i) {
      if (left[i] == 0) continue;
      if (!reads(static_cast<Side>(i)) || !receive_one(static_cast<Side>(i))) {
        left[i] = 0;
        continue;
      }
      any = true;
      if (--left[i] == 0) more_to_receive_ = true;
    }
  }
}

bool RouterLoop::receive_one(Side side) {
  Bytes peer;
  Frames frames;
  if (!socket(side).receive(peer, frames)) return false;
  tl::expected<Message, DecodeError> message = decode(frames);
  if (message) {
    count(counters_.received);
    if (live_.log_messages) log_message("from", side, peer, *message);
    step(MessageArrived{side, std::move(peer), std::move(*message)});
  } else {
    count(counters_.refused);
    DecodeError& refused = message.error();
    step(BadMessageArrived{side, std::move(peer), std::move(refused.error), std::move(refused.offending_id),
                           refused.understands_errors});
  }
  report_failed_sends();
  return true;
}

void RouterLoop::check_connections() {
  for (const FaultyConnection& found : hub_.take_faults()) {
    if (found.address.empty()) {
      log(LogLevel::kWarning, found.reason);
      continue;
    }
    const bool cut = found.fault == ConnectionFault::kUnfinished || found.fault == ConnectionFault::kUnread;
    count(cut ? counters_.connections_cut : counters_.connections_faulty);
    step(ConnectionFaulty{found.fault});
    if (found.reason.empty()) continue;
    log(LogLevel::kWarning, fmt::format("closed the connection of {}: {}", found.address, found.reason));
  }
}

// --- Out ---

void RouterLoop::step(Event event) {
  effects_.clear();
  broker_.step(std::move(event), now_, effects_);
  carry_out(effects_);
}

void RouterLoop::carry_out(Effects& effects) {
  for (const LogLine& line : effects.log) log(line.level, line.text);
  gather(effects);
  if (!effects.claims.empty() || !effects.questions.empty()) submit_gathered();
  for (BacklogClaim& claim : effects.claims) parts_.store->claim(std::move(claim));
  for (StoreQuestion& question : effects.questions) parts_.store->ask(std::move(question));
  for (const PeerGone& peer : effects.gone) held_.discard(peer.side, peer.peer);
  // What waited for this commit goes first, though nothing of it is to the peers of the new sends.
  if (held_.size() > 0) release_held();
  const CommitNumber committed = parts_.store->committed();
  for (Send& send : effects.sends) {
    if (!held_.hold(send, committed)) deliver(std::move(send));
  }
  if (effects.stop && !finish_by_) finish_by_ = now_ + kFinishTime;
}

// What the steps of a turn want durable goes to the store together: it makes fewer and larger commits so, each of which
// costs a sync. A store that keeps nothing has them at once, so that nothing waits for the end of the turn.
void RouterLoop::gather(Effects& effects) {
  if (effects.records.empty()) return;
  uncommitted_.submitted(effects.commit, effects.records);
  gathered_commit_ = effects.commit;
  std::move(effects.records.begin(), effects.records.end(), std::back_inserter(gathered_));
  if (gathered_.size() >= limits::kRecordsGathered || !parts_.store->durable()) submit_gathered();
}

void RouterLoop::submit_gathered() {
  if (gathered_.empty()) return;
  parts_.store->submit(gathered_commit_, std::exchange(gathered_, {}));
  gathered_.reserve(limits::kRecordsGathered);
  release_held();
}

void RouterLoop::release_held() {
  const CommitNumber committed = parts_.store->committed();
  uncommitted_.committed(committed);
  held_.release(committed, [&](Send&& send) { deliver(std::move(send)); });
}

void RouterLoop::deliver(Send&& send) {
  if (live_.log_messages) log_message("to", send.side, send.peer, send.message);
  const SendResult result = socket(send.side).send(send.peer, encode(send.message));
  if (result == SendResult::kSent) {
    count(counters_.sent);
    return;
  }
  const bool unreachable = result == SendResult::kUnreachable;
  count(unreachable ? counters_.unreachable : counters_.peer_full);
  failed_.push_back({send.side, std::move(send.peer), unreachable, std::move(send.message)});
}

// The broker may answer a failed send by another that fails, as when a job goes from one dead worker to the next.
// Whatever it does, a turn takes only so many of them.
void RouterLoop::report_failed_sends() {
  while (!failed_.empty() && failures_this_turn_ < limits::kMessagesPerTurn) {
    ++failures_this_turn_;
    SendFailed failure = std::move(failed_.front());
    failed_.pop_front();
    step(std::move(failure));
  }
}

void RouterLoop::close_sockets() {
  if (held_.size() > 0) {
    counters_.dropped_at_stop.store(held_.size(), std::memory_order_relaxed);
    log(LogLevel::kWarning, fmt::format("{} messages waited for the store and were not sent", held_.size()));
  }
  const Duration linger = settings_.sockets.linger;
  const bool at_once = stop_.load(std::memory_order_relaxed);
  const Instant until = clock_.now() + (at_once ? std::min(linger, kLingerAtOnce) : linger);
  for (RouterSocket& open_socket : sockets_) open_socket.close(until - clock_.now());
  log_.summarise(Instant::never());
  message_log_.summarise(Instant::never());
}

void RouterLoop::log_message(std::string_view direction, Side side, const Bytes& peer, const Message& message) {
  if (live_.hide_heartbeats && std::holds_alternative<Heartbeat>(message.body)) return;
  message_log_.write(LogLevel::kDebug,
                     fmt::format("{} {} {}: {} {}", direction, side_word(side), shown_id(peer.view()),
                                 command_word(message.body), message.id.view()),
                     now_);
}

}  // namespace eventmq
