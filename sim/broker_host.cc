#include "sim/broker_host.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/codec/codec.h"

namespace eventmq::sim {
namespace {

// The administrator that this host itself is; its messages do not pass the network.
const Bytes kOperator = Bytes::literal("operator");
// The status is JSON text and costs more than a step, so it is not asked for after each: sooner after steps that
// moved a job. (The broker's own check, after every step, has the conservation equation too.)
constexpr uint64_t kStatusDue = 16;
constexpr uint64_t kJobsMovedWeight = 5;

bool is_reply(const Send& send) {
  return send.side == Side::kFrontend && std::holds_alternative<Reply>(send.message.body);
}
// Of a request, not of INFORM.
bool is_ack(const Send& send) {
  const auto* ack = std::get_if<Ack>(&send.message.body);
  return send.side == Side::kFrontend && ack && ack->acknowledged.view().starts_with("client-");
}
bool is_request(const Send& send) { return std::holds_alternative<Request>(send.message.body); }

Event status_query() {
  return MessageArrived{
      Side::kAdministrative, kOperator, {Bytes::literal("operator-query"), Query{Bytes::literal("status"), Bytes()}}};
}

}  // namespace

BrokerHost::BrokerHost(World& world, Network& network, BrokerSettings settings, Duration slowest_commit)
    : Process(world, "broker"), network_(network), settings_(std::move(settings)), slowest_commit_(slowest_commit) {
  network.attach(*this);
}

BrokerHost::~BrokerHost() = default;

void BrokerHost::on_start() {
  stopping_ = false;
  network_.broker_started(life());
  broker_ = std::make_unique<Broker>(settings_, world_.prng.next(), fmt::format("instance-{}", life()), clock());
  model_ = std::make_unique<BrokerModel>(world_, settings_);
  model_->who_runs = [this](const std::string& id, uint32_t attempt) {
    return unrecorded_starts_.contains({id, attempt}) ? "" : who_runs(id, attempt);
  };
  book_ = std::make_unique<CommitBook>(world_);
  store_ = std::make_unique<VirtualStore>(
      world_, disk_, slowest_commit_,
      [this](Duration delay, std::function<void()> action) { enter_after(delay, std::move(action)); },
      [this] { store_committed(); });
  const bool opens_late = life() > 1 && world_.prng.chance(15);
  opens_late ? start_without_store() : recover();
  wake_at(broker_->next_wake());
}

// It cannot be opened yet.
void BrokerHost::start_without_store() {
  world_.coverage.count(Covered::kLateStore);
  note("cannot open its store");
  store_->set_available(false);
  book_->store_available = false;
  step_once(StoreChanged{false, "the disk is full", 0});
  enter_after(world_.between(milliseconds(10), seconds(20)), [this] {
    if (stopping_) return;
    recover();
    step_failures();
    if (alive()) store_->set_available(true);
  });
}

// What was promised is there: the job, or its end.
void BrokerHost::recover() {
  store_->set_retention({settings_.dedupe_window, settings_.dedupe_ids});
  ++fence_;
  StoredState state = store_->recover(clock()).value();
  std::set<std::string_view> known;
  for (const StoredJob& job : state.jobs) known.insert(job.accepted.id.view());
  for (const StoredEnd& end : state.ended) known.insert(end.id.view());
  const std::vector<StoredJob> backlog = disk_.backlog();
  for (const StoredJob& job : backlog) known.insert(job.accepted.id.view());
  for (const std::string& id : promised_) {
    if (!known.contains(id)) world_.violate("lost", fmt::format("{} was acknowledged and is not in the store", id));
  }
  check_results_after_restart();
  world_.coverage.count(Covered::kJobRecovered, state.jobs.size() + backlog.size());
  book_->restore(state, backlog);
  model_->backlog_before_start = backlog;
  step_once(StoreRecovered{std::move(state)});
}

void BrokerHost::on_end() {
  world_.coverage.count(Covered::kUncommittedLost, store_->submitted() - store_->committed());
  const std::vector<JobRecord> uncommitted = store_->uncommitted();
  for (const JobRecord& record : uncommitted) {
    const auto* started = std::get_if<AttemptStarted>(&record);
    if (started && !store_->available()) unrecorded_starts_.insert({started->id.str(), started->attempt});
  }
  if (!uncommitted.empty() && world_.prng.chance(80)) let_arrive_late(uncommitted);
  lines_.clear();
  failures_.clear();
  awaited_results_.clear();
  asking_for_result_ = false;
  network_.broker_died();
}

// The write that was under way goes on after its broker was taken for dead, perhaps when another one has the store.
void BrokerHost::let_arrive_late(const std::vector<JobRecord>& records) {
  world_.queue.after(world_.between(milliseconds(1), seconds(20)), [this, records, fence = fence_] {
    const bool fenced_off = fence_ != fence && !world_.sabotage_now(Sabotage::kNoFence);
    world_.coverage.count(fenced_off ? Covered::kFencedOff : Covered::kLateWrite);
    if (!fenced_off) disk_.apply(records);
  });
}

void BrokerHost::on_wake() { step(Tick{}); }

void BrokerHost::arrived(Side side, const Bytes& peer, Frames frames) {
  enter([this, side, peer, frames = std::move(frames)] {
    auto message = decode(frames);
    if (message) {
      world_.trace.message(world_.now(), fmt::format("broker({})", peer.view().substr(0, 8)), "<-", *message);
      return step(MessageArrived{side, peer, std::move(*message)});
    }
    world_.coverage.count(Covered::kBadMessage);
    note(fmt::format("refuses a message of {}: {}", peer.view(), message.error().error.text));
    const DecodeError& refused = message.error();
    step(BadMessageArrived{side, peer, refused.error, refused.offending_id, refused.understands_errors});
  });
}

void BrokerHost::change_settings(BrokerSettings settings) {
  settings_ = settings;
  enter([this, settings = std::move(settings)]() mutable { step(SettingsChanged{std::move(settings)}); });
}

// What is submitted meanwhile waits; when all of it is durable, the store is said to be back.
void BrokerHost::store_outage(Duration length) {
  enter([this, length] {
    if (stopping_ || !store_->available()) return;
    world_.coverage.count(Covered::kStoreOutage);
    store_->set_available(false);
    book_->store_available = false;
    step(StoreChanged{false, "the disk is full", store_->committed()});
    enter_after(length, [this] { store_->set_available(true); });
  });
}

// Its disk holds it up, so it is taken for dead, and another one started.
void BrokerHost::be_replaced() {
  enter([this] {
    if (stopping_ || !store_->available()) return;
    store_->stall(seconds(60));
    enter_after(world_.between(milliseconds(100), seconds(3)), [this] { crash(); });
  });
}

void BrokerHost::store_committed() {
  results_committed();
  flush();
  step_failures();
  for (BacklogClaimed& claimed : store_->take_claimed()) {
    if (claimed.claim.which == BacklogClaim::Which::kKeys) book_->claimed_by_keys(claimed.jobs);
    if (!alive() || stopping_ || world_.violation) return;
    step(std::move(claimed));
  }
  for (StoreAnswer& answer : store_->take_answers()) {
    if (!alive() || stopping_ || world_.violation) return;
    step(std::move(answer));
  }
  if (!alive() || stopping_) return;
  if (!book_->store_available && store_->committed() == store_->submitted() && store_->available()) {
    step(StoreChanged{true, ""});  // it may begin with work that was left, as with the store away
    book_->store_available = true;
    return;
  }
  wake_at(broker_->next_wake());
}

void BrokerHost::shut_down() {
  enter([this] {
    note("is told to shut down");
    if (world_.prng.chance(50)) return step(ShutdownRequested{});
    step(MessageArrived{Side::kAdministrative, kOperator, {Bytes::literal("operator-order"), Disconnect{}}});
  });
}

void BrokerHost::check_status() {
  if (!alive() || hung() || stopping_ || world_.violation) return;
  status_due_ = 0;
  // A step may begin with work that was left to it, and the answer is from its midst: ask until nothing moves.
  do {
    jobs_moved_ = false;
    step_once(status_query());
    if (!failures_.empty()) jobs_moved_ = true;
    step_failures();
  } while (jobs_moved_ && alive() && !stopping_ && !world_.violation);
  if (stopping_ || world_.violation) return;
  if (world_.sabotage_now(Sabotage::kCorruptStatus)) {
    const size_t at = answer_.find("\"accepted\":");
    if (at != std::string::npos) answer_.insert(at + 11, 1, '1');
  }
  model_->check_status(answer_);
  ask_for_result();
  wake_at(broker_->next_wake());
}

void BrokerHost::check_disk_is_empty() {
  const StoredState state = disk_.state(clock());
  for (const std::vector<StoredJob>& jobs : {state.jobs, disk_.backlog()}) {
    for (const StoredJob& job : jobs) {
      world_.violate("left", fmt::format("{} is in the store, and the broker holds nothing", job.accepted.id.view()));
    }
  }
}

void BrokerHost::step(const Event& event) {
  step_once(event);
  step_failures();
  if (!alive() || stopping_ || world_.violation) return;
  wake_at(broker_->next_wake());
  status_due_ += jobs_moved_ ? kJobsMovedWeight : 1;
  jobs_moved_ = false;
  if (status_due_ >= kStatusDue) check_status();
}

// What could not leave is the broker's next event, before anything else arrives.
void BrokerHost::step_failures() {
  while (!failures_.empty() && alive() && !world_.violation) {
    const SendFailed failure = std::move(failures_.front());
    failures_.pop_front();
    note(fmt::format("cannot send to {}: {}", failure.peer.view(), failure.unreachable ? "gone" : "it does not read"));
    step_once(failure);
  }
}

void BrokerHost::step_once(const Event& event) {
  if (world_.violation) return;
  world_.coverage.count(Covered::kBrokerStep);
  Effects effects;
  const Instant due = broker_->next_wake();
  broker_->step(event, clock(), effects);
  sabotage(effects.sends);
  model_->step(event, effects, clock(), due);
  note_results(effects);
  take_records(effects);
  take_claims(effects);
  for (const LogLine& line : effects.log) note(line.text);
  for (const PeerGone& gone : effects.gone) lines_.erase({gone.side, gone.peer.str()});
  for (Send& send : effects.sends) {
    jobs_moved_ |= std::holds_alternative<Request>(send.message.body) || send.side == Side::kFrontend;
    hold(std::move(send));
  }
  flush();
  broker_->check_invariants();
  if (effects.stop) stop_soon();
}

void BrokerHost::take_records(Effects& effects) {
  if ((effects.commit == 0) != effects.records.empty()) {
    world_.violate("commit-order", fmt::format("commit {} with {} records", effects.commit, effects.records.size()));
  }
  if (effects.commit == 0) return;
  if (world_.sabotage_now(Sabotage::kForgetRecord)) effects.records.pop_back();
  const auto is_result = [&](const JobRecord& record) {
    return std::holds_alternative<ResultKept>(record) && world_.sabotage_now(Sabotage::kForgetResult);
  };
  if (effects.records.size() > 1) std::erase_if(effects.records, is_result);
  for (const JobRecord& record : effects.records) book_->record(record, effects.commit);
  store_->submit(effects.commit, std::move(effects.records));
}

void BrokerHost::take_claims(Effects& effects) {
  for (BacklogClaim& claim : effects.claims) store_->claim(std::move(claim));
  for (StoreQuestion& question : effects.questions) store_->ask(std::move(question));
}

void BrokerHost::hold(Send send) {
  if (send.side == Side::kAdministrative && send.peer == kInquirer) return judge_result(send);
  if (send.side == Side::kAdministrative && send.peer == kOperator) {
    if (const auto* reply = std::get_if<Reply>(&send.message.body)) answer_ = reply->payload.str();
    return;
  }
  const CommitNumber needed = book_->needed(send);
  if (send.after > store_->committed()) world_.coverage.count(Covered::kSendHeldForCommit);
  if (send.after > store_->submitted())
    world_.violate("commit-order", fmt::format("{} waits for a commit that does not exist", describe(send.message)));
  Line& line = lines_[{send.side, send.peer.str()}];
  if (send.after == 0 || (line.empty() && may_leave(send))) return depart({std::move(send), needed});
  line.push_back({std::move(send), needed});
}

void BrokerHost::flush() {
  for (auto& [key, line] : lines_) {
    while (!line.empty() && may_leave(line.front().send)) {
      const Held held = std::move(line.front());
      line.pop_front();
      depart(held);
    }
  }
  std::erase_if(lines_, [](const auto& entry) { return entry.second.empty(); });
}

bool BrokerHost::may_leave(const Send& send) {
  return send.after <= store_->committed() || world_.sabotage_now(Sabotage::kIgnoreCommits);
}

void BrokerHost::depart(const Held& held) {
  const Send& send = held.send;
  if (held.needed > store_->committed()) {
    world_.violate("before-commit", fmt::format("{} leaves for {} before commit {} is durable", describe(send.message),
                                                send.peer.view(), held.needed));
  }
  if (const auto* ack = std::get_if<Ack>(&send.message.body); ack && book_->knows(ack->acknowledged.view())) {
    promised_.insert(ack->acknowledged.str());
  }
  world_.trace.message(world_.now(), fmt::format("broker({})", send.peer.view().substr(0, 8)), "->", send.message);
  if (vanishes(send)) return;
  const SendResult result = network_.send(send.side, send.peer, send.message);
  if (result == SendResult::kSent) return;
  world_.coverage.count(result == SendResult::kFull ? Covered::kSendFull : Covered::kSendUnreachable);
  failures_.push_back({send.side, send.peer, result == SendResult::kUnreachable, send.message});
}

// The shutdown is complete: what is left leaves, then the process ends.
void BrokerHost::stop_soon() {
  if (stopping_) return;
  stopping_ = true;
  enter_after(milliseconds(200), [this] {
    world_.coverage.count(Covered::kBrokerShutdown);
    exit();
  });
}

// Between the broker and the model: the model must object.
void BrokerHost::sabotage(std::vector<Send>& sends) {
  if (world_.sabotage_left == 0) return;
  const auto reply = std::find_if(sends.begin(), sends.end(), is_reply);
  if (reply != sends.end()) {
    if (world_.sabotage_now(Sabotage::kWrongOutcome)) std::get<Reply>(reply->message.body).outcome = Outcome::kReturned;
    if (world_.sabotage_now(Sabotage::kDoubleReply)) return sends.push_back(Send(*reply));
    if (world_.sabotage_now(Sabotage::kHideReply)) return void(sends.erase(reply));
  }
  const auto request = std::find_if(sends.begin(), sends.end(), is_request);
  if (request == sends.end()) return;
  if (world_.sabotage_now(Sabotage::kWrongWorker)) request->peer = Bytes::literal("somebody");
  if (world_.sabotage_now(Sabotage::kDoubleDispatch)) sends.push_back(Send(*request));
}

// Between the model and the network: the model saw it leave, and only its absence can tell.
bool BrokerHost::vanishes(const Send& send) {
  if (world_.sabotage_left == 0) return false;
  return (is_reply(send) && world_.sabotage_now(Sabotage::kDropReply)) ||
         (is_request(send) && world_.sabotage_now(Sabotage::kDropRequest)) ||
         (is_ack(send) && world_.sabotage_now(Sabotage::kDropAck));
}

}  // namespace eventmq::sim
