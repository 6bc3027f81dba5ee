// The lines of the worker protocol, as docs/worker_protocol.md describes them.
#include "src/executor/worker_protocol.h"

#include <gmock/gmock.h>

#include "src/executor/line_channel.h"
#include "src/executor/manager_channel.h"

#include <sys/socket.h>
#include <unistd.h>

namespace eventmq {
namespace {

using ::testing::HasSubstr;

template <class M>
M read(const std::string& line) {
  const Result<WorkerMessage> message = parse_worker_line(line);
  if (!message) ADD_FAILURE() << message.error().text;
  return message ? std::get<M>(*message) : M{};
}

std::string line_refusal(const std::string& line) {
  const Result<WorkerMessage> message = parse_worker_line(line);
  return message ? "accepted" : message.error().text;
}

TEST(WorkerProtocolTest, LinesToTheWorkerAreAsDocumented) {
  EXPECT_EQ(hello_line({"a", "b", "c"}), R"({"type":"hello","protocol":1,"setup":"a","entry":"b","exit":"c"})"
                                         "\n");
  const std::string message = "[\"run\",{\"path\":\"m\",\"callable\":\"f\",\"args\":[1,\n2]}]";
  EXPECT_EQ(job_line("id", 2, "q", *parse_job_message(message), milliseconds(1500)),
            R"({"type":"job","id":"id","attempt":2,"queue":"q","name":"m.f","path":"m","callable":"f","timeout":1.5,)"
            R"("args":[1, 2],"kwargs":{},"class_args":[],"class_kwargs":{}})"
            "\n");
  EXPECT_EQ(cancel_line("id"), R"({"type":"cancel","id":"id"})"
                               "\n");
  EXPECT_EQ(stop_line(), R"({"type":"stop"})"
                         "\n");
}

TEST(WorkerProtocolTest, ReadySaysWhatItKnows) {
  EXPECT_EQ(read<WorkerReady>(R"({"type":"ready","protocol":1,"names":["a","b"]})").names->size(), 2u);
  EXPECT_FALSE(read<WorkerReady>(R"({"type":"ready","protocol":1})").names);
}

TEST(WorkerProtocolTest, ValueIsPassedOnAsItIsWritten) {
  const auto result = read<WorkerResult>(R"({"type":"result","id":"7","outcome":"ok","value": {"n":1.50}})");
  EXPECT_EQ(result.id, "7");
  EXPECT_EQ(result.outcome, Outcome::kOk);
  EXPECT_EQ(result.payload, R"({"value":{"n":1.50}})");
}

TEST(WorkerProtocolTest, FailureBecomesValueAndError) {
  const auto result = read<WorkerResult>(
      R"({"type":"result","id":"7","outcome":"error","error":{"type":"T","message":"m","details":[1],"more":2}})");
  EXPECT_EQ(result.outcome, Outcome::kError);
  EXPECT_EQ(result.payload, R"({"value":"m","error":{"type":"T","message":"m","details":[1]}})");
}

TEST(WorkerProtocolTest, ProgressIsMovedIntoItsRange) {
  EXPECT_EQ(read<WorkerProgress>(R"({"type":"progress","id":"7","fraction":7})").fraction, 1.0);
  EXPECT_EQ(read<WorkerProgress>(R"({"type":"progress","id":"7","fraction":-1,"text":"t"})").text, "t");
}

TEST(WorkerProtocolTest, FailedIsFinalOnlyIfItSaysSo) {
  EXPECT_TRUE(read<WorkerFailed>(R"({"type":"failed","message":"m","final":true})").final);
  EXPECT_FALSE(read<WorkerFailed>(R"({"type":"failed","message":"m","final":false})").final);
  EXPECT_FALSE(read<WorkerFailed>(R"({"type":"failed","message":"m"})").final);
}

TEST(WorkerProtocolTest, EachBrokenRuleIsNamed) {
  EXPECT_THAT(line_refusal("x"), HasSubstr("not JSON"));
  EXPECT_THAT(line_refusal("[]"), HasSubstr("not an object"));
  EXPECT_THAT(line_refusal("{}"), HasSubstr("no \"type\""));
  EXPECT_THAT(line_refusal(R"({"type":"hello"})"), HasSubstr("is none of"));
  EXPECT_THAT(line_refusal(R"({"type":"ready"})"), HasSubstr("\"protocol\""));
  EXPECT_THAT(line_refusal(R"({"type":"ready","protocol":1,"names":[1]})"), HasSubstr("\"names\""));
  EXPECT_THAT(line_refusal(R"({"type":"result","outcome":"ok","value":1})"), HasSubstr("no \"id\""));
  EXPECT_THAT(line_refusal(R"({"type":"result","id":5,"outcome":"ok","value":1})"),
              HasSubstr("\"id\" is not a string"));
  EXPECT_THAT(line_refusal(R"({"type":"result","id":"7","outcome":"ok"})"), HasSubstr("no \"value\""));
  EXPECT_THAT(line_refusal(R"({"type":"result","id":"7","outcome":"lost","value":1})"), HasSubstr("\"outcome\""));
  EXPECT_THAT(line_refusal(R"({"type":"result","id":"7","outcome":"error"})"), HasSubstr("no \"error\""));
  EXPECT_THAT(line_refusal(R"({"type":"result","id":"7","outcome":"error","error":{"type":"T"}})"),
              HasSubstr("\"message\""));
  EXPECT_THAT(line_refusal(R"({"type":"progress","id":"7"})"), HasSubstr("\"fraction\""));
  EXPECT_THAT(line_refusal(R"({"type":"log"})"), HasSubstr("no \"text\""));
}

// --- The two ends of the channel ---

struct Ends {
  Ends() { socketpair(AF_UNIX, SOCK_STREAM, 0, descriptors); }
  ~Ends() {
    close(descriptors[0]);
    close(descriptors[1]);
  }
  int descriptors[2] = {-1, -1};
};

TEST(LineChannelTest, LinesArriveWholeHoweverTheyAreCut) {
  Ends ends;
  LineChannel channel(ends.descriptors[0], 1000);
  ManagerChannel worker(ends.descriptors[1]);
  std::string_view line;
  ASSERT_EQ(send(ends.descriptors[1], "one\ntw", 6, 0), 6);
  channel.receive(1000);
  ASSERT_TRUE(channel.take_line(line));
  EXPECT_EQ(line, "one");
  EXPECT_FALSE(channel.take_line(line));
  worker.write_line("o");
  channel.receive(1000);
  ASSERT_TRUE(channel.take_line(line));
  EXPECT_EQ(line, "two");
  EXPECT_FALSE(channel.closed());
}

TEST(LineChannelTest, LineOverTheLimitIsNoticed) {
  Ends ends;
  LineChannel channel(ends.descriptors[0], 10);
  ASSERT_EQ(send(ends.descriptors[1], "12345678901", 11, 0), 11);
  channel.receive(1000);
  std::string_view line;
  EXPECT_FALSE(channel.take_line(line));
  EXPECT_TRUE(channel.too_long());
}

TEST(LineChannelTest, WhatDoesNotFitIsSentLater) {
  Ends ends;
  LineChannel channel(ends.descriptors[0], 10);
  const std::string text(4 * 1024 * 1024, 'x');
  channel.send(text + "\n");
  ASSERT_TRUE(channel.has_unsent());
  size_t received = 0;
  std::string chunk(1024 * 1024, '\0');
  while (channel.has_unsent()) {
    received += static_cast<size_t>(recv(ends.descriptors[1], chunk.data(), chunk.size(), 0));
    channel.flush();
  }
  while (received < text.size() + 1)
    received += static_cast<size_t>(recv(ends.descriptors[1], chunk.data(), chunk.size(), 0));
  EXPECT_EQ(received, text.size() + 1);
}

TEST(LineChannelTest, ClosedEndIsNoticedAfterItsLastLine) {
  Ends ends;
  LineChannel channel(ends.descriptors[0], 10);
  ASSERT_EQ(send(ends.descriptors[1], "end\n", 4, 0), 4);
  shutdown(ends.descriptors[1], SHUT_RDWR);
  channel.receive(1000);
  channel.receive(1000);
  EXPECT_TRUE(channel.closed());
  std::string_view line;
  EXPECT_TRUE(channel.take_line(line));
  channel.send("into the void\n");
  EXPECT_FALSE(channel.has_unsent());
}

TEST(ManagerChannelTest, PollNeverWaits) {
  Ends ends;
  ManagerChannel channel(ends.descriptors[1]);
  std::string line;
  EXPECT_FALSE(channel.poll_line(line));
  ASSERT_EQ(send(ends.descriptors[0], "a\nb\n", 4, 0), 4);
  EXPECT_TRUE(channel.poll_line(line));
  EXPECT_EQ(line, "a");
  EXPECT_TRUE(channel.read_line(line));
  EXPECT_EQ(line, "b");
  shutdown(ends.descriptors[0], SHUT_RDWR);
  EXPECT_FALSE(channel.read_line(line));
}

}  // namespace
}  // namespace eventmq
