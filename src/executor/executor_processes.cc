#include <fmt/format.h>
#include <signal.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "src/base/assert.h"
#include "src/executor/executor_state.h"

namespace eventmq {
namespace {

constexpr uint32_t kStartFailuresMax = 5;  // in a row, before any process was ever ready
constexpr Duration kBackoffFirst = milliseconds(100);
constexpr Duration kBackoffMax = seconds(30);

Duration backoff(uint32_t failures) {
  const uint32_t doublings = std::min(failures - 1, 10u);
  return std::min(kBackoffFirst * (int64_t{1} << doublings), kBackoffMax);
}

}  // namespace

Executor::State::State(ExecutorSettings given)
    : settings(std::move(given)), epoll(epoll_create1(EPOLL_CLOEXEC)), slots(settings.processes) {
  EMQ_ASSERT(settings.processes > 0 && settings.processes <= limits::kSlots);
  EMQ_ASSERT(epoll.is_open(), "epoll_create1: errno {}", errno);
}

void Executor::State::start_missing(Instant now) {
  if (failed || stopping) return;
  for (ProcessSlot& slot : slots) {
    if (!slot.worker && slot.start_at <= now) start_process(slot, now);
  }
}

void Executor::State::start_process(ProcessSlot& slot, Instant now) {
  Result<ChildProcess> child = ChildProcess::start(settings.command);
  if (!child) return on_start_failure(slot, child.error().text, now);
  slot.worker = launch(settings, std::move(*child), now);
}

std::unique_ptr<WorkerProcess> Executor::State::launch(const ExecutorSettings& with, ChildProcess child, Instant now) {
  auto started = std::make_unique<WorkerProcess>(++last_number, std::move(child));
  WorkerProcess& worker = *started;
  by_number[worker.number] = &worker;
  worker.ready_by = now + with.start_timeout;
  watch(worker.child.channel(), worker, kChannel, EPOLLIN);
  watch(worker.child.output(), worker, kOutput, EPOLLIN);
  watch(worker.child.exit_descriptor(), worker, kExit, EPOLLIN);
  send(worker, hello_line(with.hooks));
  return started;
}

void Executor::State::watch(int descriptor, const WorkerProcess& worker, ProcessPart part, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = (worker.number << kPartBits) | part;
  const int result = epoll_ctl(epoll.get(), EPOLL_CTL_ADD, descriptor, &event);
  EMQ_ASSERT(result == 0, "epoll_ctl: errno {}", errno);
}

void Executor::State::unwatch(int descriptor) { epoll_ctl(epoll.get(), EPOLL_CTL_DEL, descriptor, nullptr); }

void Executor::State::send(WorkerProcess& worker, const std::string& line) {
  worker.channel.send(line);
  update_write_interest(worker);
}

void Executor::State::update_write_interest(WorkerProcess& worker) {
  const bool wanted = worker.channel.has_unsent();
  if (wanted == worker.channel_watched_for_writing || worker.channel_closed) return;
  worker.channel_watched_for_writing = wanted;
  epoll_event event{};
  event.events = wanted ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.u64 = (worker.number << kPartBits) | kChannel;
  epoll_ctl(epoll.get(), EPOLL_CTL_MOD, worker.child.channel(), &event);
}

void Executor::State::terminate(WorkerProcess& worker, Instant now) {
  worker.killed = true;
  worker.terminate_at = Instant::never();
  worker.kill_at = std::min(worker.kill_at, now + settings.terminate_grace);
  worker.child.signal_group(SIGTERM);
}

void Executor::State::kill(WorkerProcess& worker) {
  worker.killed = true;
  worker.terminate_at = worker.kill_at = Instant::never();
  worker.child.signal_group(SIGKILL);
}

// One that runs no job, and has no slot any more.
void Executor::State::retire(std::unique_ptr<WorkerProcess> worker, Instant now) {
  EMQ_ASSERT(worker->phase != WorkerProcess::Phase::kBusy);
  worker->retired = true;
  tell_to_stop(*worker, now);
  retired.push_back(std::move(worker));
}

void Executor::State::tell_to_stop(WorkerProcess& worker, Instant now) {
  worker.ready_by = Instant::never();
  if (worker.killed) return;
  send(worker, stop_line());
  worker.terminate_at = std::min(worker.terminate_at, now + settings.terminate_grace);
}

void Executor::State::on_start_failure(ProcessSlot& slot, const std::string& reason, Instant now) {
  if (failed) return;
  ++slot.failures;
  slot.start_at = now + backoff(slot.failures);
  if (!ever_ready && slot.failures >= kStartFailuresMax)
    return give_up(fmt::format("tried {} times, last: {}", slot.failures, reason));
  // As long as none is ready, all slots tell the same story.
  if (ever_ready || &slot == &slots.front())
    log(true, fmt::format("{}; the next one is started in {} s", reason, backoff(slot.failures).seconds()));
}

void Executor::State::give_up(const std::string& reason) {
  if (!std::exchange(failed, true)) {
    out.push_back(ExecutorFailed{Error{ErrorCode::kSystem, "no worker process can be started: " + reason}});
  }
}

ProcessSlot* Executor::State::slot_of(const WorkerProcess& worker) {
  for (ProcessSlot& slot : slots) {
    if (slot.worker.get() == &worker) return &slot;
  }
  return nullptr;
}

}  // namespace eventmq
