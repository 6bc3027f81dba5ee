#include "src/session/worker_session.h"

#include <algorithm>
#include <deque>
#include <map>

#include "src/base/assert.h"
#include "src/session/held_job.h"
#include "src/session/link.h"
#include "src/wire/limits.h"
#include "src/wire/text.h"

namespace eventmq {
namespace {

constexpr std::string_view kNoValue = R"({"value": null})";

// The resume frame is a list with commas, of UTF-8, whose items lose the blanks around them.
bool can_stand_in_resume(std::string_view routing_id) {
  return is_utf8(routing_id) && routing_id.find(',') == std::string_view::npos && trimmed(routing_id) == routing_id;
}

// An ending that says why, in a text without characters that JSON quotes.
JobResult too_large(Outcome outcome, const std::string& type, const std::string& text) {
  return {outcome, Bytes(R"({"value": ")" + text + R"(", "error": {"type": ")" + type + R"(", "message": ")" + text +
                         R"(", "details": null}})")};
}

using RunningJobs = std::map<std::string, RunningJob, std::less<>>;  // ordered, so that a run repeats exactly

}  // namespace

// `credits` counts the READYs that the broker has not used yet. Credits and held jobs together never pass the
// slots; whenever they are fewer, and the broker may send more, READY makes up the difference.
struct WorkerSession::State final : LinkOwner {
  State(WorkerSessionSettings given, IdSource id_source)
      : settings(std::move(given)), ids(id_source), link(settings.link, ids, *this) {
    EMQ_ASSERT(settings.slots > 0);
  }

  void emit(Connect connect) override { out->push_back(std::move(connect)); }
  void emit(ToBroker message) override { out->push_back(std::move(message)); }
  void emit(SessionLog line) override { out->push_back(std::move(line)); }
  Inform make_inform(const std::string& previous_id) override;

  void handle(WorkerStarted) { link.start(now); }
  void handle(FromBroker& event);
  void handle(LinkMade) { link.made(); }
  void handle(const LinkLost& how) { link.lost(how, now); }
  void handle(SessionTick);
  void handle(JobFinished& event);
  void handle(JobProgressed& event);
  void handle(DrainRequested) { draining = true; }
  void handle(LeaveRequested) { away = true; }
  void handle(ReturnRequested) { away = false; }

  void warn_of_name(std::string_view name);
  void on_established();
  void on_request(Message& message);
  void on_cancel(const Cancel& cancel);
  void start_job(Bytes id, Request& request);
  void refuse_too_large(const Bytes& id, size_t bytes);
  void keep_result(RunningJobs::iterator held, JobResult result);
  void give_back(const Bytes& id, uint32_t attempt);
  void settle(const std::string& id, RunningJob& job);
  JobResult as_broker_takes_it(const std::string& id, const JobResult& result);
  void send_results();
  void send_progress(RunningJob& job);

  // What is due after any event: waiting requests into free slots, READY, the end of a conversation or of all.
  void follow_up();
  void fill_slots();
  void announce_free_slots();
  void part_when_told();
  void leave_or_return();
  void end_if_drained();
  bool may_end();
  void end();

  bool takes_work() const { return link.connected() && !link.leaving() && !link.parting() && !draining && !away; }
  bool broker_settles() const { return link.broker_capabilities().settle; }
  bool anything_runs() const;
  void log(bool warning, std::string text) { emit(SessionLog{warning, std::move(text)}); }

  const WorkerSessionSettings settings;
  IdSource ids;
  Link link;
  RunningJobs jobs;             // by request id
  std::deque<Message> waiting;  // REQUESTs beyond the slots that could not be handed back
  uint32_t credits = 0;
  bool draining = false;
  bool away = false;  // told to leave, and not to return
  bool left = false;  // and it is done
  bool ended = false;
  bool name_was_blamed = false;  // that it cannot be named in a resume frame, once
  Instant progress_due = Instant::never();
  bool part_answered = false;  // or the wait for the KBYE that answers our DISCONNECT is over
  Instant part_deadline = Instant::never();
  Instant give_up_at = Instant::never();  // draining, and results that no broker takes

  Instant now;
  std::vector<WorkerEffect>* out = nullptr;
};

Inform WorkerSession::State::make_inform(const std::string& previous_id) {
  credits = 0;
  Inform inform;
  inform.kind = PeerKind::kWorker;
  inform.queues = settings.queues;
  inform.has_capabilities = true;
  inform.capabilities.settle = true;
  inform.capabilities.errors = true;
  inform.capabilities.cancel = true;
  inform.capabilities.progress = true;
  inform.capabilities.resume = true;
  if (jobs.empty()) return inform;
  if (!can_stand_in_resume(previous_id)) {
    warn_of_name(previous_id);
    return inform;
  }
  inform.previous_id = Bytes(previous_id);
  for (const auto& [id, job] : jobs) {
    if (inform.held.size() == limits::kResumedJobsPerInform) break;
    inform.held.push_back({Bytes(id), job.attempt});
  }
  return inform;
}

// The broker would refuse the INFORM, again and again.
void WorkerSession::State::warn_of_name(std::string_view name) {
  if (std::exchange(name_was_blamed, true)) return;
  log(true, "the jobs that run here cannot be resumed after a lost connection, because the name " + in_quotes(name) +
                " has a comma or a blank at an end, or is not UTF-8: give the job manager another name (--name), or "
                "none");
}

void WorkerSession::State::handle(FromBroker& event) {
  const bool heard = link.listening();
  if (link.receive(event.message, now) == LinkChange::kEstablished) on_established();
  if (!heard || !link.connected()) return;
  if (std::holds_alternative<Request>(event.message.body)) {
    on_request(event.message);
  } else if (const Cancel* cancel = std::get_if<Cancel>(&event.message.body)) {
    on_cancel(*cancel);
  } else if (const ErrorMessage* error = std::get_if<ErrorMessage>(&event.message.body)) {
    log(true, "the broker says " + std::string(error_word(error->error.code)) + ": " + error->error.text);
  }
}

void WorkerSession::State::on_established() {
  credits = 0;
  give_up_at = Instant::never();
  if (!broker_settles()) log(false, "the broker does not know `settle`: speaking the published protocol");
  send_results();
  for (auto& [id, job] : jobs) {
    if (job.progress_pending) send_progress(job);
  }
}

void WorkerSession::State::on_request(Message& message) {
  Request& request = std::get<Request>(message.body);
  const uint32_t attempt = std::max(request.attempt, 1u);
  if (credits > 0) --credits;
  if (const auto held = jobs.find(message.id.view()); held != jobs.end()) {
    // We still run it for an earlier broker, or for this one, which took it for lost: its result is the answer, and the
    // newest REQUEST says under which number the broker expects it.
    held->second.attempt = attempt;
    return;
  }
  const bool has_slot = jobs.size() + waiting.size() < settings.slots;
  if (broker_settles() && (!has_slot || !takes_work())) return give_back(message.id, attempt);
  if (!has_slot) {
    waiting.push_back(std::move(message));
    return;
  }
  start_job(message.id, request);
}

void WorkerSession::State::start_job(Bytes id, Request& request) {
  RunningJob& job = jobs[id.str()];
  job.started_attempt = job.attempt = std::max(request.attempt, 1u);
  job.reply_requested = request.headers.reply_requested;
  if (request.payload.size() > settings.payload_bytes_max) return refuse_too_large(id, request.payload.size());
  out->push_back(StartJob{std::move(id), job.attempt, std::move(request.queue), std::move(request.headers),
                          std::move(request.payload)});
}

void WorkerSession::State::refuse_too_large(const Bytes& id, size_t bytes) {
  const std::string text = "the job has " + std::to_string(bytes) + " bytes, and its job manager takes at most " +
                           std::to_string(settings.payload_bytes_max) + " (its setting max_message_size)";
  log(true, "job " + id.str() + ": " + text);
  keep_result(jobs.find(id.view()), too_large(Outcome::kError, "job-too-large", text));
}

void WorkerSession::State::give_back(const Bytes& id, uint32_t attempt) {
  link.send(Reply{Bytes::literal(kNoValue), id, attempt, true, Outcome::kReturned}, now);
}

void WorkerSession::State::on_cancel(const Cancel& cancel) {
  const auto held = jobs.find(cancel.request_id.view());
  if (held != jobs.end() && !held->second.result) out->push_back(CancelJob{cancel.request_id});
}

void WorkerSession::State::handle(JobFinished& event) {
  const auto held = jobs.find(event.request_id.view());
  if (held == jobs.end() || held->second.started_attempt != event.attempt || held->second.result) {
    log(true, "a result of job " + event.request_id.str() + " came, but it is not running");
    return;
  }
  keep_result(held, JobResult{event.outcome, std::move(event.payload)});
}

// Until the broker can be told.
void WorkerSession::State::keep_result(RunningJobs::iterator held, JobResult result) {
  held->second.result = std::move(result);
  if (!link.connected()) return;
  settle(held->first, held->second);
  jobs.erase(held);
}

void WorkerSession::State::send_results() {
  for (auto held = jobs.begin(); held != jobs.end();) {
    if (!held->second.result) {
      ++held;
      continue;
    }
    settle(held->first, held->second);
    held = jobs.erase(held);
  }
}

void WorkerSession::State::settle(const std::string& id, RunningJob& job) {
  if (job.progress_pending) send_progress(job);  // its last word, which came within the interval
  const JobResult result = as_broker_takes_it(id, *job.result);
  if (broker_settles()) {
    link.send(Reply{result.payload, Bytes(id), job.attempt, true, result.outcome}, now);
    if (result.outcome != Outcome::kReturned) ++credits;  // the settling REPLY is also READY
  } else if (result.outcome == Outcome::kReturned) {
    log(true, "job " + id + " was not run, and this broker cannot take it back");
  } else if (job.reply_requested) {
    link.send(Reply{result.payload, Bytes(id)}, now);
  }
}

// A result with a frame that the broker does not take would cost us the connection, again and again.
JobResult WorkerSession::State::as_broker_takes_it(const std::string& id, const JobResult& result) {
  const uint64_t most = link.broker_capabilities().frame_bytes_max;
  if (most == 0 || result.payload.size() <= most) return result;
  const std::string text = "the job's result has " + std::to_string(result.payload.size()) +
                           " bytes, and the broker takes at most " + std::to_string(most) +
                           " (its setting max_message_size)";
  log(true, "job " + id + ": " + text);
  return too_large(result.outcome == Outcome::kOk ? Outcome::kError : result.outcome, "result-too-large", text);
}

void WorkerSession::State::handle(JobProgressed& event) {
  const auto held = jobs.find(event.request_id.view());
  if (held == jobs.end() || held->second.result) return;
  RunningJob& job = held->second;
  job.progress_pending = bounded_progress(event.request_id, event.fraction, event.text);
  const Instant due = job.progress_sent_at ? *job.progress_sent_at + kProgressInterval : now;
  if (now >= due) return send_progress(job);
  progress_due = std::min(progress_due, due);
}

// Without a conversation it waits for the next one.
void WorkerSession::State::send_progress(RunningJob& job) {
  if (!link.connected()) return;
  if (link.broker_capabilities().progress) link.send(std::move(*job.progress_pending), now);
  job.progress_pending.reset();
  job.progress_sent_at = now;
}

void WorkerSession::State::handle(SessionTick) {
  link.tick(now);
  if (now < progress_due) return;
  progress_due = Instant::never();
  for (auto& [id, job] : jobs) {
    if (!job.progress_pending) continue;
    const Instant due = job.progress_sent_at ? *job.progress_sent_at + kProgressInterval : now;
    if (now >= due) {
      send_progress(job);
    } else {
      progress_due = std::min(progress_due, due);
    }
  }
}

void WorkerSession::State::follow_up() {
  fill_slots();
  part_when_told();
  leave_or_return();
  if (link.leaving() && jobs.empty() && waiting.empty() && !draining) link.leave(now);
  announce_free_slots();
  end_if_drained();
}

void WorkerSession::State::fill_slots() {
  while (!waiting.empty() && jobs.size() < settings.slots) {
    Message message = std::move(waiting.front());
    waiting.pop_front();
    if (!jobs.contains(message.id.view())) start_job(message.id, std::get<Request>(message.body));
  }
}

void WorkerSession::State::announce_free_slots() {
  if (!takes_work()) return;
  for (; credits + jobs.size() + waiting.size() < settings.slots; ++credits) link.send(Ready{}, now);
}

void WorkerSession::State::part_when_told() {
  // A broker of the published protocol may take DISCONNECT as an order to stop: it hears KBYE at the end.
  const bool told = draining || away || link.parting();
  if (!told || !link.connected() || link.leaving() || !broker_settles()) return;
  if (!link.parting()) {
    link.part(now);
    part_deadline = now + settings.link.reconnect_timeout;
    part_answered = false;
  }
  if (!link.parted() && now < part_deadline) return;
  part_answered = true;
  part_deadline = Instant::never();
}

// DISCONNECT cannot be taken back: who is told to return while it leaves does so in a new conversation.
void WorkerSession::State::leave_or_return() {
  if (draining) return;
  const bool leaves = away || (link.connected() && link.parting());
  if (leaves && !left && jobs.empty() && waiting.empty() && may_end()) {
    link.stop(now);
    left = true;
    out->push_back(SessionAway{});
  }
  if (!left || away) return;
  left = false;
  link.start(now);
}

bool WorkerSession::State::anything_runs() const {
  if (!waiting.empty()) return true;
  return std::any_of(jobs.begin(), jobs.end(), [](const auto& entry) { return !entry.second.result; });
}

void WorkerSession::State::end_if_drained() {
  if (draining && !anything_runs() && may_end()) end();
}

// Jobs that the broker sent before it knew that we leave are on their way until its KBYE arrives.
bool WorkerSession::State::may_end() {
  if (link.connected()) return part_answered || link.leaving() || !broker_settles();
  if (jobs.empty()) return true;
  if (give_up_at == Instant::never()) {
    give_up_at = now + settings.link.reconnect_timeout * static_cast<int64_t>(settings.link.addresses.size() + 1);
  }
  return now >= give_up_at;
}

void WorkerSession::State::end() {
  if (!jobs.empty()) log(true, std::to_string(jobs.size()) + " results were dropped: no broker could be reached");
  link.stop(now);
  out->push_back(SessionEnded{});
  ended = true;
}

WorkerSession::WorkerSession(WorkerSessionSettings settings, IdSource ids)
    : state_(std::make_unique<State>(std::move(settings), ids)) {}

WorkerSession::~WorkerSession() = default;
WorkerSession::WorkerSession(WorkerSession&&) noexcept = default;
WorkerSession& WorkerSession::operator=(WorkerSession&&) noexcept = default;

void WorkerSession::step(WorkerEvent event, Instant now, std::vector<WorkerEffect>& out) {
  if (state_->ended) return;
  state_->now = now;
  state_->out = &out;
  std::visit([this](auto& each) { state_->handle(each); }, event);
  state_->follow_up();
}

Instant WorkerSession::next_wake() const {
  const State& state = *state_;
  if (state.ended) return Instant::never();
  Instant wake = std::min(state.link.next_wake(), state.progress_due);
  if (state.link.connected() && state.link.parting()) wake = std::min(wake, state.part_deadline);
  if (state.draining) wake = std::min(wake, state.give_up_at);
  return wake;
}

bool WorkerSession::connected() const { return state_->link.connected(); }
bool WorkerSession::takes_back() const { return state_->broker_settles(); }

}  // namespace eventmq
