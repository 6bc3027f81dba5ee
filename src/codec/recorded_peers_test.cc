// Everything that existing peers said and were told in the recorded conversations is understood, and what we
// would say in its place is the same, frame by frame.
#include <gtest/gtest.h>

#include <map>

#include "src/codec/codec.h"
#include "testing/frames_text.h"
#include "testing/transcript_file.h"

namespace eventmq {
namespace {

using testing::Conversation;
using testing::TranscriptLine;

std::vector<Conversation> recorded() {
  auto conversations = testing::read_transcript_file(EVENTMQ_SOURCE_DIR "/tests/compat/python_peers.txt");
  EXPECT_TRUE(conversations) << conversations.error().text;
  return conversations.value_or(std::vector<Conversation>());
}

TEST(RecordedPeersTest, EveryKindOfPeerIsThere) {
  const std::vector<Conversation> conversations = recorded();
  ASSERT_EQ(conversations.size(), 4u);
  EXPECT_EQ(conversations[0].title.find("A job manager"), 0u);
  EXPECT_EQ(conversations[1].title.find("A client"), 0u);
  EXPECT_EQ(conversations[2].title.find("A scheduler"), 0u);
  EXPECT_EQ(conversations[3].title.find("The CLI"), 0u);
}

TEST(RecordedPeersTest, EveryLineIsDecoded) {
  for (const Conversation& conversation : recorded()) {
    for (const TranscriptLine& line : conversation.lines) {
      const auto message = decode(line.frames);
      EXPECT_TRUE(message) << "line " << line.number << ": " << message.error().error.text;
    }
  }
}

TEST(RecordedPeersTest, EveryLineIsEncodedToTheSameFrames) {
  for (const Conversation& conversation : recorded()) {
    for (const TranscriptLine& line : conversation.lines) {
      const auto message = decode(line.frames);
      ASSERT_TRUE(message) << "line " << line.number;
      EXPECT_EQ(testing::frames_text(encode(*message)), line.text) << "line " << line.number;
    }
  }
}

TEST(RecordedPeersTest, EveryCommandOfExistingPeersIsThere) {
  std::map<std::string, int> counts;
  for (const Conversation& conversation : recorded()) {
    for (const TranscriptLine& line : conversation.lines) {
      if (line.from_peer) ++counts[line.frames[2].str()];
    }
  }
  for (const char* command : {"INFORM", "READY", "REPLY", "HEARTBEAT", "REQUEST", "SCHEDULE", "UNSCHEDULE", "PUBLISH",
                              "HELLO", "STATUS", "ROUTER_SHOW_WORKERS", "ROUTER_SHOW_SCHEDULERS", "DISCONNECT"}) {
    EXPECT_GT(counts[command], 0) << command;
  }
}

}  // namespace
}  // namespace eventmq
