// Whatever message we can make, its frames are accepted and say the same; and whatever garbled frames are
// accepted, they mean one thing. Messages come from a seeded generator, so a failure repeats.
#include <gtest/gtest.h>

#include <array>

#include "src/base/prng.h"
#include "src/codec/codec.h"
#include "testing/frames_text.h"
#include "testing/message_text.h"

namespace eventmq {
namespace {

using testing::frames_text;
using testing::message_text;

constexpr int kMessages = 20'000;

class Generator {
 public:
  explicit Generator(uint64_t seed) : prng_(seed) {}

  Message message() {
    Body body;
    make_body<0>(prng_.below(std::variant_size_v<Body>), body);
    return Message{id(), std::move(body)};
  }

  // Some of the frames of `frames` cut, replaced, swapped, doubled or left out.
  Frames garbled(const Frames& frames) {
    std::vector<Bytes> list(frames.begin(), frames.end());
    for (uint64_t change = 0; change <= prng_.below(3); ++change) garble(list);
    Frames result;
    for (size_t index = 0; index < list.size() && !result.full(); ++index) result.push(std::move(list[index]));
    return result;
  }

 private:
  template <size_t Index>
  void make_body(size_t wanted, Body& body) {
    if constexpr (Index < std::variant_size_v<Body>) {
      if (Index == wanted) {
        fill(body.emplace<Index>());
      } else {
        make_body<Index + 1>(wanted, body);
      }
    }
  }

  Bytes any_of(std::initializer_list<std::string_view> texts) {
    return Bytes(*(texts.begin() + prng_.below(texts.size())));
  }
  Bytes id() {
    if (prng_.chance(50)) return any_of({"j1", "8e590ffa-d414-49fd-840c-f81685945570", "admin:1", "!~[]\"'"});
    std::string text;
    for (uint64_t left = 1 + prng_.below(limits::kIdBytes); left > 0; --left) {
      const char c = static_cast<char>(0x21 + prng_.below(0x7e - 0x21 + 1));
      text += c == ',' ? '.' : c;
    }
    return Bytes(text);
  }
  Bytes queue_name() {
    if (prng_.chance(30)) return any_of({"default", "a\"b\\c", "it's", "[1: 'x']", " ", "\xf0\x9f\x90\x8d"});
    return Bytes("queue-" + std::to_string(prng_.below(1'000'000)));
  }
  Bytes payload() { return any_of({"", "[\"run\", {}]", "\xff\xfe", "{\"value\": 5}", "a | b"}); }
  Bytes text() { return any_of({"", "half way", "caf\xc3\xa9", "1795354913.98", "*/5 * * * *"}); }
  JobHeaders headers() {
    const Bytes text = any_of({"", "guarantee", "reply-requested,timeout:0.5,x:y", " retry-count: 3 , nohaste,",
                               "unique:k,trace:00-1-2-01,priority:9,delay:1,expires:2,backoff:3,run_count:4"});
    return parse_headers(text).value();
  }
  uint32_t attempt() { return 1 + static_cast<uint32_t>(prng_.below(prng_.chance(80) ? 12 : UINT32_MAX)); }

  void fill(Ack& ack) {
    ack.acknowledged = prng_.chance(70) ? id() : Bytes(id().str() + "," + id().str());
    ack.capabilities = any_of({"", "settle,instance:i1", "shiny"});
  }
  void fill(Heartbeat& heartbeat) { heartbeat.time = text(); }
  void fill(Request& request) {
    request = {prng_.chance(20) ? Bytes() : queue_name(), headers(), payload(), prng_.chance(50) ? attempt() : 0};
  }
  void fill(Reply& reply) {
    reply.payload = payload();
    if (prng_.chance(20)) return;
    reply.request_id = id();
    if (prng_.chance(30)) return;
    reply.has_outcome = true;
    reply.outcome = static_cast<Outcome>(prng_.below(static_cast<uint64_t>(Outcome::kExpired) + 1));
    reply.attempt = prng_.chance(50) ? attempt() : 0;
  }
  void fill(ScheduleFields& schedule) {
    schedule.queue = queue_name();
    schedule.headers = headers();
    schedule.interval = any_of({"-1", "0", "5", "0.25", "86400"});
    schedule.payload = payload();
    schedule.has_cron = prng_.chance(80);
    if (schedule.has_cron) schedule.cron = text();
    if (schedule.cron.empty() && schedule.interval == "-1") schedule.interval = Bytes("5");  // never due is refused
  }
  void fill(Publish& publish) {
    publish = {text(), prng_.chance(50), Bytes(), payload()};
    if (publish.has_headers) publish.headers = text();
  }
  void fill(Inform& inform) {
    inform.kind = static_cast<PeerKind>(prng_.below(3));
    const bool works = inform.kind == PeerKind::kWorker;
    for (uint64_t left = works ? prng_.below(4) : 0; left > 0; --left) add_queue(inform.queues);
    inform.has_capabilities = prng_.chance(60);
    if (!inform.has_capabilities) return;
    inform.capabilities = parse_capabilities(any_of({"", "settle,errors", "resume,instance:i1", "settle,resume"}));
    if (!works || !inform.capabilities.resume || prng_.chance(30)) return;
    inform.previous_id = any_of({"w-7", "caf\xc3\xa9", "8e590ffa-d414-49fd-840c-f81685945570"});
    for (uint64_t job = prng_.below(4); job > 0; --job) {
      inform.held.push_back({Bytes(std::to_string(job) + ":j"), attempt()});
    }
  }
  void add_queue(std::vector<QueueWeight>& queues) {
    const QueueWeight queue{static_cast<uint32_t>(prng_.below(limits::kQueueWeight + 1)), queue_name()};
    for (const QueueWeight& other : queues) {
      if (other.name == queue.name) return;
    }
    queues.push_back(queue);
  }
  void fill(ErrorMessage& message) {
    message.error.code = static_cast<ErrorCode>(prng_.below(static_cast<uint64_t>(ErrorCode::kSystem) + 1));
    message.error.text = text().str();
    if (prng_.chance(50)) message.offending_id = id();
  }
  void fill(Cancel& cancel) { cancel.request_id = id(); }
  void fill(Progress& progress) { progress = {id(), static_cast<double>(prng_.below(1'000'000)) / 999'999.0, text()}; }
  void fill(Query& query) { query = {text(), payload().view().starts_with('\xff') ? Bytes() : text()}; }
  template <class T>
  requires std::is_empty_v<T>
  void fill(T&) {}

  void garble(std::vector<Bytes>& list) {
    if (list.empty()) return;
    Bytes& frame = list[prng_.below(list.size())];
    switch (prng_.below(6)) {
      case 0:
        frame = Bytes(frame.view().substr(0, prng_.below(frame.size() + 1)));
        break;
      case 1:
        frame = Bytes(frame.str() + static_cast<char>(prng_.below(256)));
        break;
      case 2:
        frame = list[prng_.below(list.size())];
        break;
      case 3:
        list.push_back(frame);
        break;
      case 4:
        list.erase(list.begin() + static_cast<ptrdiff_t>(prng_.below(list.size())));
        break;
      default:
        frame = flipped(frame);
    }
  }
  Bytes flipped(const Bytes& frame) {
    std::string text = frame.str();
    if (!text.empty()) text[prng_.below(text.size())] ^= static_cast<char>(1 << prng_.below(8));
    return Bytes(text);
  }

  Prng prng_;
};

TEST(RoundTripTest, EveryMessageComesBackAsItWas) {
  Generator generator(1);
  for (int number = 0; number < kMessages; ++number) {
    const Message message = generator.message();
    const Frames frames = encode(message);
    const auto decoded = decode(frames);
    ASSERT_TRUE(decoded) << "message " << number << ": " << decoded.error().error.text << "\n" << frames_text(frames);
    ASSERT_EQ(message_text(*decoded), message_text(message)) << "message " << number;
    ASSERT_EQ(frames_text(encode(*decoded)), frames_text(frames)) << "message " << number;
  }
}

TEST(RoundTripTest, GarbledFramesAreRefusedOrMeanOneThing) {
  Generator generator(2);
  int refused = 0;
  for (int number = 0; number < kMessages; ++number) {
    const Frames frames = generator.garbled(encode(generator.message()));
    const auto decoded = decode(frames);
    if (!decoded) {
      ++refused;
      ASSERT_FALSE(decoded.error().error.text.empty());
      continue;
    }
    const auto again = decode(encode(*decoded));
    ASSERT_TRUE(again) << "message " << number << ": " << frames_text(frames);
    ASSERT_EQ(message_text(*again), message_text(*decoded)) << "message " << number;
  }
  EXPECT_GT(refused, kMessages / 10);
  EXPECT_LT(refused, kMessages);
}

}  // namespace
}  // namespace eventmq
