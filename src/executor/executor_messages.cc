#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "src/executor/executor_state.h"

namespace eventmq {
namespace {

constexpr size_t kReadBytesPerStep = 1024 * 1024;     // from one process
constexpr size_t kLastWordsBytes = 64 * 1024 * 1024;  // read at most from a process that has ended
constexpr size_t kPipeBytes = 128 * 1024;             // more than a pipe holds: everything printed before a result

JobVerdict death_verdict(const ExitStatus& status) {
  const std::string message = "the worker process " + status.text() + " while it ran the job";
  if (status.signalled) {
    const std::string details = fmt::format(R"({{"signal":"{}","number":{}}})", status.signal_name(), status.number);
    return {Outcome::kKilled, failure_payload("signal", message, details)};
  }
  return {Outcome::kKilled, failure_payload("exit", message, fmt::format(R"({{"status":{}}})", status.number))};
}

std::string speaker(const WorkerProcess& worker) {
  return worker.task ? "job " + worker.task->job.request_id.str() : worker.name();
}

}  // namespace

void Executor::State::on_event(uint64_t data, uint32_t events, Instant now) {
  const auto found = by_number.find(data >> kPartBits);
  if (found == by_number.end()) return;  // removed earlier in this step
  WorkerProcess& worker = *found->second;
  switch (data & ((1 << kPartBits) - 1)) {
    case kChannel:
      if (events & EPOLLOUT) worker.channel.flush();
      update_write_interest(worker);
      if (events & ~static_cast<uint32_t>(EPOLLOUT)) read_channel(worker, kReadBytesPerStep, now);
      return;
    case kOutput:
      return read_output(worker, kReadBytesPerStep);
    default:
      return on_exit(worker, now);
  }
}

void Executor::State::read_channel(WorkerProcess& worker, size_t budget, Instant now) {
  if (worker.channel_closed) return;
  worker.channel.receive(budget);
  std::string_view line;
  while (worker.channel.take_line(line)) on_line(worker, line, now);
  pass_on_report(worker);
  if (worker.channel.too_long()) {
    break_off(worker, "result-too-large",
              fmt::format("the worker process wrote a line of more than {} bytes", limits::kWorkerLineBytes));
  }
  if (!worker.channel.closed() && !worker.channel.too_long()) return;
  // Either the process is ending, which its exit will tell, or it can no longer be talked to and has to.
  unwatch(worker.child.channel());
  worker.channel_closed = true;
  if (!worker.killed) worker.terminate_at = std::min(worker.terminate_at, now + settings.terminate_grace);
}

void Executor::State::read_output(WorkerProcess& worker, size_t budget) {
  std::array<char, 64 * 1024> chunk;
  std::vector<std::string> lines;
  for (size_t total = 0; worker.child.output() >= 0 && total < budget;) {
    const ssize_t count = read(worker.child.output(), chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    if (count <= 0) {
      unwatch(worker.child.output());
      worker.child.close_output();
      break;
    }
    worker.output.add({chunk.data(), static_cast<size_t>(count)}, lines);
    total += static_cast<size_t>(count);
  }
  log_output(worker, lines);
}

void Executor::State::log_output(const WorkerProcess& worker, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) log(false, speaker(worker) + " printed: " + line);
}

void Executor::State::on_line(WorkerProcess& worker, std::string_view line, Instant now) {
  Result<WorkerMessage> message = parse_worker_line(line);
  if (!message) return break_off(worker, "bad-result", "the worker process wrote a bad line: " + message.error().text);
  std::visit([&](auto& each) { on_message(worker, each, now); }, *message);
}

void Executor::State::on_message(WorkerProcess& worker, WorkerReady& ready, Instant now) {
  if (ready.protocol != kWorkerProtocolVersion) {
    worker.failure = fmt::format("it speaks version {} of the worker protocol, this job manager speaks version {}",
                                 ready.protocol, kWorkerProtocolVersion);
    return terminate(worker, now);
  }
  if (worker.phase != WorkerProcess::Phase::kStarting || worker.killed) return;
  worker.phase = WorkerProcess::Phase::kIdle;
  worker.ready_by = Instant::never();
  ever_ready = true;
  if (is_trial(worker)) adopt_trial(now);
  if (names_logged || !ready.names) return;
  names_logged = true;
  if (ready.names->empty()) {
    return log(
        true,
        "the worker processes know no job, so every job will end as unknown-job; name a plug-in that has jobs with "
        "--load (setting load)");
  }
  log(false, fmt::format("worker processes are ready; their jobs: {}",
                         without_control_characters(fmt::format("{}", fmt::join(*ready.names, ", ")))));
}

void Executor::State::on_message(WorkerProcess& worker, WorkerResult& result, Instant now) {
  if (worker.verdict) return;  // already being stopped for a reason of ours: that reason stands
  if (!worker.task || worker.task->job.request_id != result.id) {
    return break_off(worker, "bad-result", "the worker process wrote a result of a job that it was not given");
  }
  read_output(worker, kPipeBytes);
  settle(worker, result.outcome, std::move(result.payload));
  release(worker, now);
}

void Executor::State::on_message(WorkerProcess& worker, WorkerProgress& progress, Instant) {
  if (!worker.task || worker.task->job.request_id != progress.id) return;  // of a thread that outlived its job
  progress.text.resize(std::min(progress.text.size(), limits::kProgressTextBytes));
  worker.report = JobReported{worker.task->job.request_id, progress.fraction, Bytes(progress.text)};
}

void Executor::State::on_message(WorkerProcess& worker, WorkerLog& line, Instant) {
  if (!worker.output.admit(line.text)) return;
  for (size_t at = 0; at <= line.text.size();) {
    const size_t end = std::min(line.text.find('\n', at), line.text.size());
    log(line.warning,
        speaker(worker) + ": " + without_control_characters(std::string_view(line.text).substr(at, end - at)));
    at = end + 1;
  }
}

void Executor::State::on_message(WorkerProcess& worker, WorkerFailed& failed_message, Instant) {
  worker.failure = without_control_characters(failed_message.message).substr(0, limits::kErrorTextBytes);
  worker.failure_is_final = failed_message.final;
}

// The process has broken the protocol: its job ends as an error, and it is replaced.
void Executor::State::break_off(WorkerProcess& worker, std::string_view type, const std::string& problem) {
  if (worker.ending()) return;
  if (worker.task) {
    worker.verdict = JobVerdict{Outcome::kError, failure_payload(type, problem)};
  } else {
    worker.failure = problem;
  }
  kill(worker);
}

void Executor::State::on_exit(WorkerProcess& worker, Instant now) {
  ExitStatus status;
  if (!worker.child.reap(status)) return;
  read_output(worker, kPipeBytes);
  read_channel(worker, kLastWordsBytes, now);
  const bool was_busy = worker.task.has_value();
  if (was_busy) {
    if (!worker.verdict) worker.verdict = death_verdict(status);
    settle(worker, worker.verdict->outcome, std::move(worker.verdict->payload));
  }
  std::vector<std::string> lines;
  worker.output.finish(lines);
  log_output(worker, lines);
  remove(worker, status, was_busy, now);
}

void Executor::State::remove(WorkerProcess& worker, const ExitStatus& status, bool was_busy, Instant now) {
  by_number.erase(worker.number);
  if (worker.child.output() >= 0) unwatch(worker.child.output());
  if (!worker.channel_closed) unwatch(worker.child.channel());
  unwatch(worker.child.exit_descriptor());
  const std::string reason =
      worker.failure.empty() ? worker.name() + " " + status.text() : worker.name() + " failed: " + worker.failure;
  if (is_trial(worker)) return refuse_trial(reason);
  ProcessSlot* slot = slot_of(worker);
  if (slot == nullptr) {
    std::erase_if(retired, [&](const auto& each) { return each.get() == &worker; });
    return;
  }
  if (worker.failure_is_final && !ever_ready) give_up(worker.failure);
  const bool failed_at_start = !was_busy && worker.jobs_done == 0 && !stopping;
  slot->worker.reset();
  slot->start_at = now;
  if (was_busy) slot->failures = 0;  // it had started
  if (failed_at_start) return on_start_failure(*slot, reason, now);
  if (!was_busy && !stopping) log(true, reason);
}

}  // namespace eventmq
