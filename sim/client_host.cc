#include "sim/client_host.h"

#include <fmt/format.h>

namespace eventmq::sim {

ClientHost::ClientHost(World& world, Network& network, Jobs& jobs, std::string name, ClientSessionSettings settings)
    : Peer(world, std::move(name)), network_(network), jobs_(jobs), settings_(std::move(settings)) {}

ClientHost::~ClientHost() = default;

void ClientHost::on_start() {
  closing_ = false;
  session_ = std::make_unique<ClientSession>(settings_, IdSource::from_small_seed(world_.prng.next()));
  step(ClientStarted{});
}

void ClientHost::on_end() {
  submissions_.clear();
  session_.reset();
  link_.reset();
  network_.peer_died(*this);
}

void ClientHost::on_wake() { step(SessionTick{}); }

void ClientHost::receive(const ConnectionPtr& from, const Message& message) {
  if (from != link_) return;
  if (const auto* error = std::get_if<ErrorMessage>(&message.body)) note_refusal(*error);
  step(FromBroker{message});
}

// It may be asked for again: the broker cannot tell now whether it has it.
void ClientHost::note_refusal(const ErrorMessage& error) {
  const auto found = submissions_.find(error.offending_id.str());
  if (found == submissions_.end() || error_class(error.error.code) != ErrorClass::kRetry) return;
  found->second.not_known_on = link_;
}

void ClientHost::link_lost(const ConnectionPtr& lost) {
  if (lost == link_) step(LinkLost{});
}

void ClientHost::step(ClientEvent event) {
  std::vector<ClientEffect> effects;
  session_->step(std::move(event), clock(), effects);
  for (ClientEffect& effect : effects) {
    if (!alive()) return;
    std::visit([this](auto& what) { carry_out(what); }, effect);
  }
  if (alive()) wake_at(session_->next_wake());
}

void ClientHost::submit_something() {
  enter([this] {
    if (closing_) return;
    const int64_t draw = world_.between(0, 99);
    if (draw < 6) return submit_cancel();
    if (draw < 9) return submit_schedule();
    if (draw < 11) return forget_one();
    submit_job();
  });
}

void ClientHost::submit(Message message, Submission submission) {
  const std::string id = message.id.str();
  std::optional<Instant> deadline;
  if (world_.prng.chance(8)) deadline = clock() + world_.between(milliseconds(1), seconds(60));
  submission.has_deadline = deadline.has_value();
  note(fmt::format("submits {}", describe(message)));
  submissions_[id] = submission;
  step(Submit{std::move(message), deadline});
}

void ClientHost::submit_job() {
  const JobSpec& spec = jobs_.draw(name());
  auto headers = parse_headers(Bytes(spec.headers));
  if (!headers) return world_.violate("simulator", headers.error().text);
  world_.coverage.count(Covered::kJobSubmitted);
  Submission submission;
  submission.request = true;
  submission.wants_reply = headers->reply_requested;
  submission.guaranteed = headers->guarantee;
  submission.unique = !headers->unique.empty();
  Request request;
  request.queue = Bytes(spec.queue);
  request.headers = std::move(*headers);
  request.payload = Bytes(fmt::format(R"(["run", {{"path": "sim", "callable": "job", "args": ["{}"]}}])", spec.id));
  submit({Bytes(spec.id), std::move(request)}, submission);
}

void ClientHost::submit_cancel() {
  if (submissions_.empty()) return;
  auto chosen = submissions_.begin();
  std::advance(chosen, world_.between(0, static_cast<int64_t>(submissions_.size()) - 1));
  if (!chosen->second.request) return;
  world_.coverage.count(Covered::kCancelSent);
  submit({Bytes(jobs_.new_id(name() + "-cancel")), Cancel{Bytes(chosen->first)}}, Submission());
}

void ClientHost::submit_schedule() {
  Schedule schedule;
  schedule.queue = Bytes("default");
  schedule.interval = Bytes("5");
  schedule.payload = Bytes(R"(["run", {"path": "sim", "callable": "tick"}])");
  submit({Bytes(jobs_.new_id(name() + "-schedule")), std::move(schedule)}, Submission());
}

void ClientHost::forget_one() {
  for (auto& [id, submission] : submissions_) {
    if (submission.ended || submission.forgotten) continue;
    submission.forgotten = true;
    note(fmt::format("forgets {}", id));
    return step(Forget{Bytes(id)});
  }
}

void ClientHost::close() {
  if (closing_) return;
  enter([this] {
    closing_ = true;
    world_.coverage.count(Covered::kClientClose);
    note("closes its session");
    step(CloseRequested{clock() + world_.between(milliseconds(10), seconds(20))});
  });
}

std::vector<std::string> ClientHost::unfinished() const {
  std::vector<std::string> open;
  for (const auto& [id, submission] : submissions_) {
    if (submission.ended || submission.forgotten) continue;
    open.push_back(
        fmt::format("{} of {} ({})", id, name(), submission.accepted ? "accepted, no reply" : "not accepted"));
  }
  return open;
}

void ClientHost::carry_out(Connect& effect) {
  if (link_) network_.close(link_);
  link_ = network_.connect(*this, Side::kFrontend, Bytes(effect.routing_id), effect.address);
}

void ClientHost::carry_out(ToBroker& effect) {
  if (!link_) return world_.violate("session", fmt::format("{} sends before it connects", name()));
  if (std::holds_alternative<Request>(effect.message.body)) {
    const auto found = submissions_.find(effect.message.id.str());
    if (found != submissions_.end()) check_request_sent(effect.message.id, found->second);
  }
  network_.send(link_, effect.message);
}

// What was accepted by a broker that is gone must not be handed to the next one, unless it is guaranteed.
void ClientHost::check_request_sent(const Bytes& id, Submission& submission) {
  if (submission.ended) world_.violate("resend", fmt::format("{} sends {} again after its end", name(), id.view()));
  const bool asks_again = submission.guaranteed && submission.not_known_on == link_;
  if (asks_again) world_.coverage.count(Covered::kAskedForAgain);
  if (submission.sent_on == link_ && !asks_again)
    world_.violate("resend", fmt::format("{} sends {} twice in one conversation", name(), id.view()));
  if (submission.sent_on) world_.coverage.count(Covered::kRequestResent);
  if (submission.accepted && !submission.guaranteed && submission.accepted_in != link_->broker_life()) {
    world_.violate("resend", fmt::format("{} sends {}, which another broker had accepted", name(), id.view()));
  }
  submission.sent_on = link_;
  submission.not_known_on = nullptr;
}

ClientHost::Submission* ClientHost::find(const Bytes& id, std::string_view what) {
  const auto found = submissions_.find(id.str());
  if (found == submissions_.end()) {
    world_.violate("client", fmt::format("{} is told {} of {}, which it never submitted", name(), what, id.view()));
    return nullptr;
  }
  Submission& submission = found->second;
  note(fmt::format("{} {}", id.view(), what));
  if (submission.ended)
    world_.violate("one-end", fmt::format("{} of {} comes after its end: {}", id.view(), name(), what));
  if (submission.forgotten)
    world_.violate("forget", fmt::format("{} of {} was forgotten: {}", id.view(), name(), what));
  return &submission;
}

void ClientHost::carry_out(Accepted& effect) {
  Submission* submission = find(effect.id, "accepted");
  if (!submission) return;
  if (submission->accepted && submission->accepted_in == link_->broker_life()) {
    world_.violate("one-ack", fmt::format("{} of {} is accepted twice", effect.id.view(), name()));
  }
  submission->accepted = true;
  submission->accepted_in = link_->broker_life();
  if (!submission->wants_reply) submission->ended = true;
}

void ClientHost::carry_out(Failed& effect) {
  Submission* submission = find(effect.id, error_word(effect.error.code));
  if (!submission) return;
  submission->ended = true;
  const ErrorCode code = effect.error.code;
  if ((code == ErrorCode::kTimedOut || code == ErrorCode::kUnreachable) && !submission->has_deadline && !closing_) {
    world_.violate("client", fmt::format("{} of {} failed for its deadline and has none", effect.id.view(), name()));
  }
  if (code == ErrorCode::kJobLost && submission->accepted && submission->accepted_in == link_->broker_life()) {
    world_.violate("lost", fmt::format("{} of {} is called lost while its broker lives", effect.id.view(), name()));
  }
}

void ClientHost::carry_out(Replied& effect) {
  Submission* submission = find(effect.id, outcome_word(effect.outcome));
  if (!submission) return;
  submission->ended = true;
  world_.coverage.count(Covered::kReplyDelivered);
  if (!submission->wants_reply) world_.violate("client", fmt::format("{} wanted no reply", effect.id.view()));
  if (effect.outcome == Outcome::kOk && !submission->unique) check_payload(effect);
  if (submission->accepted && submission->sent_on != link_) world_.coverage.count(Covered::kReplyAfterReconnect);
}

// What a handler returned names its job, unless it failed on an existing job manager or a hostile one made it up.
void ClientHost::check_payload(const Replied& effect) {
  const std::string payload = effect.payload.str();
  if (payload.starts_with(fmt::format(R"({{"value": "{} at )", effect.id.view()))) return;
  for (const char* known :
       {R"({"value": "no"})", R"({"value": "stolen"})", "not JSON {", R"({"value": "TimeoutError"})"}) {
    if (payload == known) return;
  }
  world_.violate("payload", fmt::format("{} gets for {} what is not its own: {}", name(), effect.id.view(), payload));
}

void ClientHost::carry_out(Progressed& effect) {
  world_.coverage.count(Covered::kProgress);
  note(fmt::format("{} progresses", effect.id.view()));
}

void ClientHost::carry_out(SessionEnded&) {
  if (!closing_) world_.violate("session", fmt::format("{} ends its session unasked", name()));
  network_.close(link_);
  link_.reset();
  exit();
}

void ClientHost::carry_out(SessionLog& effect) { note(effect.text); }

}  // namespace eventmq::sim
