// What emq makes of answers that no router gives: no command takes them for success.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "src/codec/codec.h"
#include "src/programs/emq_process.h"
#include "src/transport/poller.h"
#include "src/transport/router_socket.h"
#include "src/transport/wakeup.h"

namespace eventmq {
namespace {

using test::Ran;
using testing::HasSubstr;

// Answers every message with the same one, in a thread of its own.
class OddPeer {
 public:
  using Answer = std::function<Frames(const Message& question)>;

  explicit OddPeer(Answer answer) : answer_(std::move(answer)) {
    const Result<void> bound = socket_.bind("tcp://127.0.0.1:*");
    EXPECT_TRUE(bound) << bound.error().text;
    thread_ = std::thread([this] { run(); });
  }
  ~OddPeer() {
    stop_ = true;
    wakeup_.notify();
    thread_.join();
  }
  const std::string& address() const { return socket_.endpoint(); }

 private:
  void run() {
    Poller poller;
    while (!stop_) {
      Bytes peer;
      for (Frames frames; socket_.receive(peer, frames); frames = Frames()) {
        if (const auto question = decode(frames)) socket_.send(peer, answer_(*question));
      }
      poller.clear();
      poller.watch(socket_);
      poller.watch_readable(wakeup_.fd());
      poller.wait(Duration{-1});
    }
  }

  Answer answer_;
  ConnectionHub hub_;
  RouterSocket socket_{hub_, SocketOptions{}};
  Wakeup wakeup_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

OddPeer::Answer always(std::function<Body(const Bytes& id)> body) {
  return [body = std::move(body)](const Message& question) {
    return encode(Message{Bytes("an-answer"), body(question.id)});
  };
}

class OddAnswersTest : public testing::Test {
 protected:
  Ran ask(const OddPeer& peer, std::vector<std::string> words) {
    words.insert(words.end(), {"-a", peer.address()});
    return test::run_emq(words, environment_);
  }
  void expect_failure(const OddPeer& peer, const std::vector<std::string>& words, const std::string& sentence) {
    const Ran ran = ask(peer, words);
    EXPECT_EQ(ran.code, 1) << words[0];
    EXPECT_THAT(ran.err, HasSubstr(sentence)) << words[0];
    EXPECT_EQ(ran.out, "") << words[0];
  }

  static constexpr const char* kNoRouter = "is no administrative socket of a router: ";
  const std::vector<std::vector<std::string>> views_ = {
      {"status"}, {"queues"}, {"workers"}, {"schedulers"}, {"jobs", "list"}, {"jobs", "cancel", "j"}, {"dead", "list"}};
  test::ScratchFolder folder_;
  std::map<std::string, std::string> environment_ = test::environment_in(folder_);
};

TEST_F(OddAnswersTest, AnErrorIsNoSuccess) {
  const OddPeer peer(always([](const Bytes& id) { return ErrorMessage{{ErrorCode::kForbidden, "not for you"}, id}; }));
  expect_failure(peer, {"shutdown"}, "emq: not for you\n");
  for (const auto& view : views_) expect_failure(peer, view, "emq: not for you\n");
}

TEST_F(OddAnswersTest, AReplyToShutdownIsNoSuccess) {
  const OddPeer peer(always([](const Bytes&) { return Reply{Bytes("{}"), Bytes()}; }));
  expect_failure(peer, {"shutdown"}, std::string(kNoRouter) + "it answered DISCONNECT with REPLY");
}

TEST_F(OddAnswersTest, AnAckToAQuestionIsNoAnswer) {
  const OddPeer peer(always([](const Bytes& id) { return Ack{id, Bytes()}; }));
  for (const auto& view : views_) expect_failure(peer, view, std::string(kNoRouter) + "it answered QUERY with ACK");
}

TEST_F(OddAnswersTest, AnotherCommandIsNoAnswer) {
  const OddPeer peer(always([](const Bytes&) { return Goodbye{}; }));
  expect_failure(peer, {"shutdown"}, std::string(kNoRouter) + "it answered DISCONNECT with KBYE");
  for (const auto& view : views_) expect_failure(peer, view, std::string(kNoRouter) + "it answered QUERY with KBYE");
}

TEST_F(OddAnswersTest, WhatIsNoMessageIsNoAnswer) {
  const OddPeer peer([](const Message&) {
    Frames frames;
    frames.push(Bytes("hello"));
    return frames;
  });
  expect_failure(peer, {"shutdown"}, std::string(kNoRouter) + "frame 0 (empty) is not empty");
  for (const auto& view : views_) expect_failure(peer, view, std::string(kNoRouter) + "frame 0 (empty) is not empty");
}

TEST_F(OddAnswersTest, AnObjectWithoutWhatWasAskedForIsNoAnswer) {
  const char* const of_wrong_types =
      R"({"queues":null,"workers":5,"jobs":"x","schedulers":1,"dead":{},"totals":[],"deleted":-1,"cancelled":"maybe"})";
  for (const char* text : {"{}", "[]", "no JSON", of_wrong_types}) {
    const OddPeer peer(always([text](const Bytes& id) { return Reply{Bytes(std::string_view(text)), id}; }));
    for (const auto& view : views_) expect_failure(peer, view, "is no JSON object with ");
    expect_failure(peer, {"dead", "delete", "--all"}, "is no JSON object with deleted");
  }
}

TEST_F(OddAnswersTest, AValueThatTheRouterRefusesIsWrongUsage) {
  const OddPeer peer(always([](const Bytes& id) {
    return ErrorMessage{{ErrorCode::kBadValue, "there is no cause banana"}, id};
  }));
  EXPECT_EQ(ask(peer, {"dead", "list", "--cause", "banana"}).code, 2);
  EXPECT_EQ(ask(peer, {"dead", "delete", "--cause", "banana"}).code, 2);
}

}  // namespace
}  // namespace eventmq
