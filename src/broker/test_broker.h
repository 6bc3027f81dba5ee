// A broker in manual time for tests, with one verb for each thing that a peer can say. After every step the
// invariants are checked. What the broker sent is read as one line of text for each message:
//
//   TestBroker broker;
//   broker.worker("w1");
//   broker.ready("w1");
//   broker.request("c1", "j1", "reply-requested");
//   EXPECT_THAT(broker.sent(), ElementsAre("w1 ACK", "c1 ACK j1", "w1 REQUEST j1 #1"));
//
// Peers whose names begin with c are at the frontend, those with a at the administrative socket, others (w, s)
// at the backend. While time passes, all who sent INFORM send heartbeats, unless they are silenced.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "src/broker/broker.h"

namespace eventmq {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

using TestQueues = std::vector<std::pair<uint32_t, std::string>>;

inline BrokerSettings test_settings(void (*change)(BrokerSettings&) = [](BrokerSettings&) {}) {
  BrokerSettings settings;
  change(settings);
  return settings;
}

// What a message says beside its command.
struct SentText {
  const Message& message;

  std::string operator()(const Ack& m) const {
    if (!m.capabilities.empty()) return m.capabilities.str();
    return m.acknowledged.view().starts_with("inform-") ? "" : m.acknowledged.str();
  }
  std::string operator()(const Request& m) const {
    const std::string headers = fmt::format("[{}]", m.headers.text.view());
    return message.id.str() + " " + (m.attempt > 0 ? fmt::format("#{}", m.attempt) : headers);
  }
  std::string operator()(const Reply& m) const {
    const std::string outcome = m.has_outcome ? std::string(outcome_word(m.outcome)) + " " : "";
    return m.request_id.str() + (m.request_id.empty() ? "" : " ") + outcome + m.payload.str();
  }
  std::string operator()(const ErrorMessage& m) const {
    return std::string(error_word(m.error.code)) + (m.offending_id.empty() ? "" : " ") + m.offending_id.str();
  }
  std::string operator()(const Cancel& m) const { return m.request_id.str(); }
  std::string operator()(const Progress& m) const {
    return fmt::format("{} {} {}", m.request_id.view(), m.fraction, m.text.view());
  }
  std::string operator()(const ScheduleFields& m) const {
    return fmt::format("{} [{}]", message.id.view(), m.headers.text.view());
  }
  std::string operator()(const Heartbeat&) const { return ""; }
  std::string operator()(const Goodbye&) const { return ""; }
  template <class T>
  requires(!std::is_base_of_v<ScheduleFields, T>) std::string operator()(const T&) const {
    return "(the broker never says this)";
  }
};

// One sent message as text: to whom, which command, what about.
inline std::string text_of(const Send& send) {
  const std::string text = std::visit(SentText{send.message}, send.message.body);
  return fmt::format("{} {}{}{}", send.peer.view(), command_word(send.message.body), text.empty() ? "" : " ", text);
}

class TestBroker {
 public:
  static constexpr std::string_view kAll = "settle,errors,cancel,progress,resume";

  static constexpr Instant kStart{1'000'000'000'000'000};

  explicit TestBroker(BrokerSettings settings = {}, uint64_t seed = 1, Instant start = kStart)
      : settings_(settings), now_(start), broker_(std::move(settings), seed, "instance-1", now_) {}

  // --- What workers say ---
  void worker(const std::string& name, const TestQueues& queues = {{10, "default"}}, std::string_view words = kAll) {
    inform(name, PeerKind::kWorker, queues, words);
  }
  void published_worker(const std::string& name, const TestQueues& queues = {{10, "default"}}) {
    inform(name, PeerKind::kWorker, queues, "");
  }
  // A worker in a new conversation, that still runs {id, attempt}, … of the old one.
  void resume(const std::string& name, const std::string& previous,
              const std::vector<std::pair<std::string, uint32_t>>& held, std::string_view words = kAll) {
    Inform inform = make_inform(PeerKind::kWorker, {{10, "default"}}, words);
    inform.previous_id = Bytes(previous);
    for (const auto& [id, attempt] : held) inform.held.push_back({Bytes(id), attempt});
    alive_.insert(name);
    say(name, std::move(inform), "inform-" + name);
  }
  void ready(const std::string& name, int count = 1) {
    for (int i = 0; i < count; ++i) say(name, Ready{});
  }
  void settle(const std::string& name, const std::string& id, uint32_t attempt, Outcome outcome = Outcome::kOk,
              std::string_view payload = R"({"value": 1})") {
    say(name, Reply{Bytes(payload), Bytes(id), attempt, true, outcome});
  }
  // The REPLY and the READY of a worker of the published protocol.
  void published_reply(const std::string& name, const std::string& id, std::string_view payload = R"({"value": 1})") {
    say(name, Reply{Bytes(payload), Bytes(id)});
    ready(name);
  }

  // --- What clients and schedulers say ---
  void client(const std::string& name, std::string_view words = "errors,progress") {
    inform(name, PeerKind::kClient, {}, words);
  }
  void scheduler(const std::string& name, std::string_view words = "") {
    inform(name, PeerKind::kScheduler, {}, words);
  }
  void request(const std::string& name, const std::string& id, std::string_view headers = "",
               std::string_view queue = "default", std::string_view payload = R"(["run", {}])") {
    Request request;
    request.queue = Bytes(queue);
    request.headers = parse_headers(Bytes(headers)).value();
    request.payload = Bytes(payload);
    say(name, std::move(request), id);
  }
  void cancel(const std::string& name, const std::string& id) { say(name, Cancel{Bytes(id)}, "cancel-" + id); }
  void query(const std::string& what, std::string_view arguments = "") {
    say("admin", Query{Bytes(what), Bytes(arguments)}, "query");
  }

  void say(const std::string& name, Body body, const std::string& id = "m") {
    step(MessageArrived{side_of(name), Bytes(name), {Bytes(id), std::move(body)}});
  }
  void inform(const std::string& name, PeerKind kind, const TestQueues& queues, std::string_view words) {
    alive_.insert(name);
    say(name, make_inform(kind, queues, words), "inform-" + name);
  }

  // --- What happens to peers and to time ---
  void silence(const std::string& name) { alive_.erase(name); }
  // Silent for so long that the broker gives it up.
  void lose(const std::string& name) {
    silence(name);
    wait(settings_.heartbeat_timeout);
  }
  // A send that the transport could not deliver; nothing is heard of that peer any more either.
  void send_failed(const std::string& name, Message message, bool unreachable = true) {
    silence(name);
    step(SendFailed{side_of(name), Bytes(name), unreachable, std::move(message)});
  }
  // Lets time pass as a driving loop does, with a tick whenever the broker asked for one.
  void wait(Duration span) {
    const Instant until = now_ + span;
    while (now_ < until) {
      const Instant beat = now_ + seconds(1);
      now_ = std::min({until, beat, std::max(broker_.next_wake(), now_)});
      if (now_ == beat || now_ == until) {
        for (const std::string& name : alive_) say(name, Heartbeat{});
      }
      if (broker_.next_wake() <= now_) step(Tick{});
    }
  }
  // Time passes, and nobody wakes the broker.
  void oversleep(Duration span) { now_ = now_ + span; }
  void shut_down() { step(ShutdownRequested{}); }
  void change_settings(BrokerSettings settings) {
    settings_ = settings;
    step(SettingsChanged{std::move(settings)});
  }

  void step(Event event) {
    effects_.clear();
    broker_.step(std::move(event), now_, effects_);
    broker_.check_invariants();
    for (Send& send : effects_.sends) sends_.push_back(std::move(send));
    for (JobRecord& record : effects_.records) records_.push_back(std::move(record));
    if (effects_.commit) commits_.push_back(effects_.commit);
    for (BacklogClaim& claim : effects_.claims) claims_.push_back(std::move(claim));
    for (StoreQuestion& question : effects_.questions) questions_.push_back(std::move(question));
    stopped_ = stopped_ || effects_.stop;
  }

  // --- What came out since these were last asked ---
  // All but heartbeats.
  std::vector<std::string> sent() {
    std::vector<std::string> texts;
    for (const Send& send : std::exchange(sends_, {})) {
      if (!std::holds_alternative<Heartbeat>(send.message.body)) texts.push_back(text_of(send));
    }
    return texts;
  }
  // Those to one peer, with its heartbeats.
  std::vector<std::string> sent_to(const std::string& name) {
    std::vector<std::string> texts;
    for (const Send& send : std::exchange(sends_, {})) {
      if (send.peer == name) texts.push_back(text_of(send));
    }
    return texts;
  }
  std::vector<Send> sends() { return std::exchange(sends_, {}); }
  std::vector<JobRecord> records() { return std::exchange(records_, {}); }
  std::vector<CommitNumber> commits() { return std::exchange(commits_, {}); }
  std::vector<BacklogClaim> claims() { return std::exchange(claims_, {}); }
  std::vector<StoreQuestion> questions() { return std::exchange(questions_, {}); }
  void forget() { sends_.clear(); }
  // The text of the ERROR that was sent first, and all are taken.
  std::string error_text() { return std::get<ErrorMessage>(sends().at(0).message.body).error.text; }
  // The JSON that answers a view of QUERY; the error's word if it is refused.
  std::string view(const std::string& what, std::string_view arguments = "") {
    forget();
    query(what, arguments);
    const std::vector<Send> answer = sends();
    EXPECT_EQ(answer.size(), 1u);
    if (const auto* reply = std::get_if<Reply>(&answer.at(0).message.body)) return reply->payload.str();
    return std::string(error_word(std::get<ErrorMessage>(answer.at(0).message.body).error.code));
  }

  bool stopped() const { return stopped_; }
  Instant now() const { return now_; }
  Instant next_wake() const { return broker_.next_wake(); }
  const BrokerSettings& settings() const { return settings_; }

 private:
  static Side side_of(const std::string& name) {
    return name[0] == 'c' ? Side::kFrontend : name[0] == 'a' ? Side::kAdministrative : Side::kBackend;
  }
  static Inform make_inform(PeerKind kind, const TestQueues& queues, std::string_view words) {
    Inform inform;
    inform.kind = kind;
    for (const auto& [weight, queue] : queues) inform.queues.push_back({weight, Bytes(queue)});
    inform.has_capabilities = !words.empty();
    inform.capabilities = parse_capabilities(Bytes(words));
    return inform;
  }

  BrokerSettings settings_;
  Instant now_;
  Broker broker_;
  Effects effects_;
  std::set<std::string> alive_;
  std::vector<Send> sends_;
  std::vector<JobRecord> records_;
  std::vector<CommitNumber> commits_;
  std::vector<BacklogClaim> claims_;
  std::vector<StoreQuestion> questions_;
  bool stopped_ = false;
};

}  // namespace eventmq
