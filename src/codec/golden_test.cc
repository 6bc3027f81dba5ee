// Every command's exact frames, in both directions: what is written here is the wire.
#include <gtest/gtest.h>

#include <ostream>

#include "src/codec/codec.h"
#include "testing/frames_text.h"
#include "testing/message_text.h"

namespace eventmq {
namespace {

using testing::frames_from_text;
using testing::frames_text;
using testing::message_text;

struct Golden {
  std::string name;    // of the test
  std::string frames;  // behind "(empty) | eMQP/1.0 | "
  Body body;           // the id is m1
};

void PrintTo(const Golden& golden, std::ostream* out) { *out << golden.frames; }

Bytes b(std::string_view text) { return Bytes(text); }

JobHeaders headers(std::string_view text) { return parse_headers(Bytes(text)).value(); }

Request request(std::string_view queue, std::string_view headers_text, uint32_t attempt) {
  return Request{b(queue), headers(headers_text), b("[\"run\", {}]"), attempt};
}

Reply reply(std::string_view id, uint32_t attempt, std::optional<Outcome> outcome) {
  return Reply{b("{\"value\": 5}"), b(id), attempt, outcome.has_value(), outcome.value_or(Outcome::kOk)};
}

template <class T>
T schedule(std::string_view interval, std::string_view cron, bool has_cron) {
  T result;
  result.queue = b("q");
  result.headers = headers("guarantee,nohaste");
  result.interval = b(interval);
  result.payload = b("[\"run\", {}]");
  result.cron = b(cron);
  result.has_cron = has_cron;
  return result;
}

Inform inform(PeerKind kind, std::vector<QueueWeight> queues) {
  Inform result;
  result.kind = kind;
  result.queues = std::move(queues);
  return result;
}

Inform informing(Inform result, std::string_view capabilities) {
  result.has_capabilities = true;
  result.capabilities = parse_capabilities(Bytes(capabilities));
  return result;
}

Inform resuming(std::string_view previous_id, std::vector<HeldJob> held) {
  Inform result = informing(inform(PeerKind::kWorker, {{10, b("default")}}), "settle,resume");
  result.previous_id = b(previous_id);
  result.held = std::move(held);
  return result;
}

std::vector<Golden> golden_messages() {
  const std::vector<QueueWeight> queues = {{20, b("heavy")}, {10, b("default")}};
  return {
      {"Ack", "ACK | m1 | j1", Ack{b("j1"), {}}},
      {"AckOfSeveral", "ACK | m1 | j1,j2,j3", Ack{b("j1,j2,j3"), {}}},
      {"AckOfInform", "ACK | m1 | j1 | settle,instance:i1", Ack{b("j1"), b("settle,instance:i1")}},
      {"Heartbeat", "HEARTBEAT | m1 | 1795354913.98", Heartbeat{b("1795354913.98")}},
      {"Disconnect", "DISCONNECT | m1", Disconnect{}},
      {"Goodbye", "KBYE | m1", Goodbye{}},
      {"Request", "REQUEST | m1 | default | (empty) | [\"run\", {}]", request("default", "", 0)},
      {"RequestWithHeaders", "REQUEST | m1 | q | reply-requested,shiny,timeout:0.5 | [\"run\", {}]",
       request("q", "reply-requested,shiny,timeout:0.5", 0)},
      {"RequestOnTheDefaultQueue", "REQUEST | m1 | (empty) | (empty) | [\"run\", {}]", request("", "", 0)},
      {"RequestWithAttempt", "REQUEST | m1 | q | (empty) | [\"run\", {}] | 1", request("q", "", 1)},
      {"RequestWithLateAttempt", "REQUEST | m1 | q | (empty) | [\"run\", {}] | 1001", request("q", "", 1001)},
      {"ReplyAsPublished", "REPLY | m1 | {\"value\": 5}", reply("", 0, {})},
      {"ReplyOfExistingWorker", "REPLY | m1 | {\"value\": 5} | j1", reply("j1", 0, {})},
      {"ReplyToClient", "REPLY | m1 | {\"value\": 5} | j1 | lost", reply("j1", 0, Outcome::kLost)},
      {"ReplyThatSettles", "REPLY | m1 | {\"value\": 5} | j1 | 2 | unknown-job", reply("j1", 2, Outcome::kUnknownJob)},
      {"Schedule", "SCHEDULE | m1 | q | guarantee,nohaste | 5 | [\"run\", {}] | (empty)",
       schedule<Schedule>("5", "", true)},
      {"ScheduleByCron", "SCHEDULE | m1 | q | guarantee,nohaste | -1 | [\"run\", {}] | */5 * * * *",
       schedule<Schedule>("-1", "*/5 * * * *", true)},
      {"ScheduleOfTheOldest", "SCHEDULE | m1 | q | guarantee,nohaste | 5 | [\"run\", {}]",
       schedule<Schedule>("5", "", false)},
      {"Unschedule", "UNSCHEDULE | m1 | q | guarantee,nohaste | -1 | [\"run\", {}] | (empty)",
       schedule<Unschedule>("-1", "", true)},
      {"PublishByPublisher", "PUBLISH | m1 | orders.new | {\"n\": 1}",
       Publish{b("orders.new"), false, {}, b("{\"n\": 1}")}},
      {"PublishByClient", "PUBLISH | m1 | orders.new | (empty) | {\"n\": 1}",
       Publish{b("orders.new"), true, {}, b("{\"n\": 1}")}},
      {"InformOfWorker", "INFORM | m1 | [[20, \"heavy\"], [10, \"default\"]] | worker",
       inform(PeerKind::kWorker, queues)},
      {"InformWithoutQueues", "INFORM | m1 | (empty) | worker", inform(PeerKind::kWorker, {})},
      {"InformOfScheduler", "INFORM | m1 | (empty) | scheduler", inform(PeerKind::kScheduler, {})},
      {"InformOfClient", "INFORM | m1 | (empty) | client | errors,progress,multi-ack",
       informing(inform(PeerKind::kClient, {}), "errors,progress,multi-ack")},
      {"InformWithoutAWord", "INFORM | m1 | (empty) | client | (empty)", informing(inform(PeerKind::kClient, {}), "")},
      {"InformOfSettlingWorker", "INFORM | m1 | [[10, \"default\"]] | worker | settle,errors,cancel,progress,resume",
       informing(inform(PeerKind::kWorker, {{10, b("default")}}), "settle,errors,cancel,progress,resume")},
      {"InformThatResumes", "INFORM | m1 | [[10, \"default\"]] | worker | settle,resume | w-7,1:j1,12:j2",
       resuming("w-7", {{b("j1"), 1}, {b("j2"), 12}})},
      {"InformThatResumesNothing", "INFORM | m1 | [[10, \"default\"]] | worker | settle,resume | w-7",
       resuming("w-7", {})},
      {"Ready", "READY | m1", Ready{}},
      {"Error", "ERROR | m1 | queue-full | the queue is full | j1",
       ErrorMessage{{ErrorCode::kQueueFull, "the queue is full"}, b("j1")}},
      {"ErrorWithoutAnId", "ERROR | m1 | bad-message | frame 3 is empty | (empty)",
       ErrorMessage{{ErrorCode::kBadMessage, "frame 3 is empty"}, {}}},
      {"Cancel", "CANCEL | m1 | j1", Cancel{b("j1")}},
      {"Progress", "PROGRESS | m1 | j1 | 0.25 | a quarter", Progress{b("j1"), 0.25, b("a quarter")}},
      {"ProgressWithoutText", "PROGRESS | m1 | j1 | 1 | (empty)", Progress{b("j1"), 1, {}}},
      {"Hello", "HELLO | m1", Hello{}},
      {"Status", "STATUS | m1", StatusQuery{}},
      {"ShowWorkers", "ROUTER_SHOW_WORKERS | m1", ShowWorkers{}},
      {"ShowSchedulers", "ROUTER_SHOW_SCHEDULERS | m1", ShowSchedulers{}},
      {"Query", "QUERY | m1 | jobs | {\"queue\": \"q\"}", Query{b("jobs"), b("{\"queue\": \"q\"}")}},
      {"QueryWithoutArguments", "QUERY | m1 | status | (empty)", Query{b("status"), {}}},
  };
}

class GoldenTest : public ::testing::TestWithParam<Golden> {
 protected:
  std::string line() const { return "(empty) | eMQP/1.0 | " + GetParam().frames; }
  Message message() const { return Message{b("m1"), GetParam().body}; }
};

TEST_P(GoldenTest, IsDecoded) {
  const auto decoded = decode(frames_from_text(line()));
  ASSERT_TRUE(decoded) << decoded.error().error.text;
  EXPECT_EQ(message_text(*decoded), message_text(message()));
}

TEST_P(GoldenTest, IsEncoded) { EXPECT_EQ(frames_text(encode(message())), line()); }

INSTANTIATE_TEST_SUITE_P(Commands, GoldenTest, ::testing::ValuesIn(golden_messages()),
                         [](const auto& instance) { return instance.param.name; });

TEST(GoldenListTest, EveryCommandIsThere) {
  std::vector<bool> met(std::variant_size_v<Body>);
  for (const Golden& golden : golden_messages()) met[golden.body.index()] = true;
  for (size_t index = 0; index < met.size(); ++index) EXPECT_TRUE(met[index]) << "alternative " << index << " of Body";
}

}  // namespace
}  // namespace eventmq
