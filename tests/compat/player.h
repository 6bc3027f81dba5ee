// Plays a recorded peer against a real broker, or a broker of the published protocol against our programs: frames go
// out as they were recorded, and what comes back is compared frame by frame.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "src/transport/transport_test_support.h"
#include "testing/frames_text.h"
#include "testing/transcript_file.h"

namespace eventmq::compat {

using Json = nlohmann::json;
using Texts = std::vector<std::string>;

// A message as frames: what stands before the command is checked and left out.
struct Heard {
  std::string command;
  std::string id;
  Texts frames;  // from frame 4 on
};

inline Heard heard_from(const Frames& message) {
  Texts texts = test::texts_of(message);
  if (texts.size() < 4 || !texts[0].empty() || texts[1] != "eMQP/1.0") {
    ADD_FAILURE() << "not a message: " << testing::frames_text(message);
    return {};
  }
  return {texts[2], texts[3], Texts(texts.begin() + 4, texts.end())};
}

inline Frames frames_from(const Texts& texts) {
  Frames frames;
  frames.push(Bytes());
  frames.push(Bytes("eMQP/1.0"));
  for (const std::string& text : texts) frames.push(Bytes(text));
  return frames;
}

// The recorded conversation whose title begins so.
inline std::vector<testing::TranscriptLine> recorded(std::string_view title) {
  const auto all = testing::read_transcript_file(EVENTMQ_SOURCE_DIR "/tests/compat/python_peers.txt");
  if (!all) {
    ADD_FAILURE() << all.error().text;
    return {};
  }
  for (const testing::Conversation& conversation : *all) {
    if (conversation.title.starts_with(title)) return conversation.lines;
  }
  ADD_FAILURE() << "no conversation " << title;
  return {};
}

// A peer of the broker. Heartbeats are heard but not returned.
class Player {
 public:
  Player(ZmqContext& context, const std::string& endpoint, const std::string& routing_id)
      : socket_(context, test::small_options()) {
    const Result<void> connected = socket_.connect(endpoint, routing_id);
    EXPECT_TRUE(connected) << connected.error().text;
  }

  void say(const Frames& frames) { EXPECT_TRUE(socket_.send(frames)); }
  // The command, the id and what follows.
  void say(const Texts& texts) { say(frames_from(texts)); }

  Heard hear() {
    for (;;) {
      Heard heard = hear_anything();
      if (heard.command != "HEARTBEAT") return heard;
      ++heartbeats_;
    }
  }
  Heard hear(const std::string& command) {
    Heard heard = hear();
    EXPECT_EQ(heard.command, command) << ::testing::PrintToString(heard.frames);
    return heard;
  }
  void expect_ack_of(const std::string& id) { EXPECT_EQ(hear("ACK").frames, Texts{id}); }
  void expect_heartbeats(int count) {
    for (const int until = heartbeats_ + count; heartbeats_ < until; ++heartbeats_) {
      const Heard heard = hear_anything();
      ASSERT_EQ(heard.command, "HEARTBEAT");
      ASSERT_EQ(heard.frames.size(), 1u);
      EXPECT_GT(std::stod(heard.frames[0]), 1e9) << "unix time as decimal text";
    }
  }
  bool hears_nothing_now() {
    Frames frames;
    DealerInput input = socket_.receive(frames);
    if (input == DealerInput::kConnected) input = socket_.receive(frames);
    return input == DealerInput::kNothing;
  }

 private:
  Heard hear_anything() {
    for (;;) {
      Frames frames;
      const DealerInput input = test::wait_input(socket_, frames);
      if (input == DealerInput::kConnected) continue;
      if (input == DealerInput::kMessage) return heard_from(frames);
      throw std::runtime_error("nothing came");
    }
  }

  DealerSocket socket_;
  int heartbeats_ = 0;
};

// A broker that knows the published protocol only, and one peer of it.
class PublishedBroker {
 public:
  PublishedBroker() : socket_(hub_, test::small_options()) {
    const Result<void> bound = socket_.bind("tcp://127.0.0.1:*");
    EXPECT_TRUE(bound) << bound.error().text;
  }
  const std::string& endpoint() const { return socket_.endpoint(); }

  // Whatever comes next.
  Heard hear_anything() {
    Frames frames;
    if (!test::wait_message(socket_, peer_, frames)) throw std::runtime_error("nothing came");
    return heard_from(frames);
  }
  // The next message that is no HEARTBEAT.
  Heard hear() {
    for (;;) {
      Heard heard = hear_anything();
      if (heard.command != "HEARTBEAT") return heard;
    }
  }
  Heard hear(const std::string& command) {
    Heard heard = hear();
    EXPECT_EQ(heard.command, command) << ::testing::PrintToString(heard.frames);
    return heard;
  }
  // To the peer that spoke last.
  void say(const Frames& frames) { EXPECT_EQ(socket_.send(peer_, frames), SendResult::kSent); }
  void say(const Texts& texts) { say(frames_from(texts)); }
  void acknowledge(const Heard& message) { say({"ACK", "ack-of-" + message.id, message.id}); }

 private:
  ConnectionHub hub_;
  RouterSocket socket_;
  Bytes peer_;
};

}  // namespace eventmq::compat
