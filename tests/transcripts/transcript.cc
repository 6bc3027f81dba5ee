#include "tests/transcripts/transcript.h"

#include <fmt/format.h>

#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "src/broker/broker.h"
#include "src/codec/codec.h"
#include "src/wire/text.h"
#include "testing/frames_text.h"

namespace eventmq::transcripts {
namespace {

constexpr std::string_view kIndent = "    ";
constexpr Instant kStart{1'000'000'000'000'000};

Side side_of(std::string_view peer) {
  return peer[0] == 'c' ? Side::kFrontend : peer[0] == 'a' ? Side::kAdministrative : Side::kBackend;
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

Duration duration_of(std::string_view text) {
  Duration duration;
  const bool whole = text.ends_with('s') &&
                     parse_seconds(text.substr(0, text.size() - 1), seconds(1'000'000), duration) == NumberFault::kNone;
  if (!whole) throw std::runtime_error(fmt::format("{} is no time such as 1.5s", text));
  return duration;
}

uint64_t number_of(const std::string& text) { return std::stoull(text); }

void change(BrokerSettings& settings, const std::string& name, const std::string& value) {
  using Change = std::function<void(BrokerSettings&, const std::string&)>;
  static const std::map<std::string, Change> changes = {
      {"heartbeats", [](auto& s, auto& v) { s.heartbeats_enabled = v == "on"; }},
      {"hwm", [](auto& s, auto& v) { s.jobs_per_queue = number_of(v); }},
      {"memory_limit", [](auto& s, auto& v) { s.memory_bytes = number_of(v); }},
      {"dedupe_window", [](auto& s, auto& v) { s.dedupe_window = duration_of(v); }},
      {"drain_timeout", [](auto& s, auto& v) { s.drain_timeout = duration_of(v); }},
      {"max_deliveries", [](auto& s, auto& v) { s.max_deliveries = static_cast<uint32_t>(number_of(v)); }},
      {"pick_policy",
       [](auto& s, auto& v) { s.pick_policy = v == "strict" ? PickPolicy::kStrict : PickPolicy::kWeighted; }},
      {"unknown_queue",
       [](auto& s, auto& v) {
         s.unknown_queue = v == "reject"    ? UnknownQueue::kReject
                           : v == "default" ? UnknownQueue::kDefault
                                            : UnknownQueue::kHold;
       }},
  };
  const auto found = changes.find(name);
  if (found == changes.end()) throw std::runtime_error("no transcript sets " + name);
  found->second(settings, value);
}

std::string record_text(const JobRecord& record) {
  struct Text {
    std::string operator()(const JobAccepted& r) const { return fmt::format("accepted {}", r.id.view()); }
    std::string operator()(const AttemptStarted& r) const {
      return fmt::format("started {} {}", r.id.view(), r.attempt);
    }
    std::string operator()(const JobRequeued& r) const { return fmt::format("requeued {}", r.id.view()); }
    std::string operator()(const IdRemembered& r) const { return fmt::format("remembered {}", r.id.view()); }
    std::string operator()(const JobEnded& r) const {
      return fmt::format("ended {} {}", r.id.view(), outcome_word(r.outcome));
    }
    std::string operator()(const DeadLetterRemoved& r) const { return fmt::format("letter {} removed", r.key); }
    std::string operator()(const ResultKept& r) const {
      return fmt::format("result {} {}", r.id.view(), outcome_word(r.outcome));
    }
    std::string operator()(const ResultRemoved& r) const { return fmt::format("result {} removed", r.id.view()); }
  };
  return std::visit(Text{}, record);
}

// A REQUEST or schedule that is passed on keeps its sender's id; any other message has one that the broker made.
bool has_own_id(const Body& body) {
  return std::holds_alternative<Request>(body) || std::holds_alternative<Schedule>(body) ||
         std::holds_alternative<Unschedule>(body);
}

std::string send_text(const Send& send) {
  const Frames frames = encode(send.message);
  if (!decode(frames))
    throw std::runtime_error("the broker sent what our own codec refuses: " + testing::frames_text(frames));
  Frames shown;
  for (size_t i = 2; i < frames.size(); ++i) {
    shown.push(i == 3 && !has_own_id(send.message.body) ? Bytes("*") : frames[i]);
  }
  const std::string after = send.after > 0 ? fmt::format(" {{after {}}}", send.after) : "";
  return fmt::format("{} < {}{}", send.peer.view(), testing::frames_text(shown), after);
}

class Runner {
 public:
  Runner() { settings_.heartbeats_enabled = false; }

  std::string run(std::string_view script) {
    std::istringstream lines{std::string(script)};
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(kIndent)) continue;
      out_ += line + "\n";
      if (!line.empty() && line[0] != '#') obey(line);
    }
    return out_;
  }

 private:
  void obey(const std::string& line) {
    const std::vector<std::string> words = words_of(line);
    if (words.size() >= 3 && (words[1] == ">" || words[1] == ">>")) {
      return say(words[0], line.substr(line.find(words[1]) + words[1].size() + 1), words[1] == ">>");
    }
    static const std::map<std::string, void (Runner::*)(const std::vector<std::string>&)> verbs = {
        {"tick", &Runner::tick},         {"alive", &Runner::alive},       {"silent", &Runner::silent},
        {"lost", &Runner::lost},         {"stuck", &Runner::stuck},       {"undelivered", &Runner::undelivered},
        {"shutdown", &Runner::shutdown}, {"settings", &Runner::settings},
    };
    const auto verb = verbs.find(words[0]);
    if (verb == verbs.end()) throw std::runtime_error("not a line of a transcript: " + line);
    (this->*verb->second)({words.begin() + 1, words.end()});
  }

  void say(const std::string& peer, const std::string& text, bool raw) {
    Frames frames;
    if (!raw) {
      frames.push(Bytes());
      frames.push(Bytes("eMQP/1.0"));
    }
    for (const Bytes& frame : testing::frames_from_text(text)) {
      if (frames.full()) {
        frames.mark_overflow();
      } else {
        frames.push(frame);
      }
    }
    auto message = decode(frames);
    if (message) return step(MessageArrived{side_of(peer), Bytes(peer), std::move(*message)});
    show(fmt::format("refused: {}", message.error().error.text));
    const DecodeError& refused = message.error();
    step(
        BadMessageArrived{side_of(peer), Bytes(peer), refused.error, refused.offending_id, refused.understands_errors});
  }

  void tick(const std::vector<std::string>& words) {
    const Instant until = now_ + duration_of(words.at(0));
    while (now_ < until) {
      const Instant beat = now_ + seconds(1);
      now_ = std::min({until, beat, std::max(broker().next_wake(), now_)});
      moment_ = fmt::format("at {}s", (now_ - kStart).seconds());
      if (now_ == beat || now_ == until) {
        for (const std::string& peer : alive_)
          step(MessageArrived{side_of(peer), Bytes(peer), {Bytes("beat"), Heartbeat{}}});
      }
      if (broker().next_wake() <= now_) step(Tick{});
    }
    moment_.clear();
  }
  void alive(const std::vector<std::string>& words) { alive_.insert(words.begin(), words.end()); }
  void silent(const std::vector<std::string>& words) {
    for (const std::string& word : words) alive_.erase(word);
  }
  void lost(const std::vector<std::string>& words) { fail_send(words.at(0), {Bytes("beat"), Heartbeat{}}, true); }
  void stuck(const std::vector<std::string>& words) { fail_send(words.at(0), {Bytes("beat"), Heartbeat{}}, false); }
  void undelivered(const std::vector<std::string>& words) {
    fail_send(words.at(0), last_request_.at(words.at(0)), true);
  }
  void fail_send(const std::string& peer, Message message, bool unreachable) {
    alive_.erase(peer);
    step(SendFailed{side_of(peer), Bytes(peer), unreachable, std::move(message)});
    if (broker().next_wake() <= now_) step(Tick{});
  }
  void shutdown(const std::vector<std::string>&) { step(ShutdownRequested{}); }
  void settings(const std::vector<std::string>& words) {
    for (const std::string& word : words) {
      const size_t sign = word.find('=');
      change(settings_, word.substr(0, sign), sign == std::string::npos ? "" : word.substr(sign + 1));
    }
    if (broker_) step(SettingsChanged{settings_});
  }

  // Made when the first thing happens, so that settings at the top of a script are those it starts with.
  Broker& broker() {
    if (!broker_) broker_ = std::make_unique<Broker>(settings_, 1, "instance-1", now_);
    return *broker_;
  }

  void step(Event event) {
    effects_.clear();
    broker().step(std::move(event), now_, effects_);
    broker().check_invariants();
    if (!effects_.records.empty()) show_records();
    for (const Send& send : effects_.sends) {
      show(send_text(send));
      if (std::holds_alternative<Request>(send.message.body)) last_request_[send.peer.str()] = send.message;
    }
    if (effects_.stop) show("the broker ends");
  }
  void show_records() {
    std::string text;
    for (const JobRecord& record : effects_.records) text += (text.empty() ? "" : ", ") + record_text(record);
    show(fmt::format("store {}: {}", effects_.commit, text));
  }
  void show(const std::string& line) {
    if (!moment_.empty()) out_ += fmt::format("{}{}\n", kIndent, std::exchange(moment_, ""));
    out_ += fmt::format("{}{}\n", kIndent, line);
  }

  BrokerSettings settings_;
  Instant now_ = kStart;
  std::unique_ptr<Broker> broker_;
  Effects effects_;
  std::set<std::string> alive_;
  std::map<std::string, Message> last_request_;
  std::string moment_;  // to be shown before the next line
  std::string out_;
};

}  // namespace

std::string run(std::string_view script) { return Runner().run(script); }

}  // namespace eventmq::transcripts
