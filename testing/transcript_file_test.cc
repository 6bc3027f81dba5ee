#include "testing/transcript_file.h"

#include <gtest/gtest.h>

#include "testing/frames_text.h"

namespace eventmq::testing {
namespace {

TEST(TranscriptFileTest, ConversationsAreRead) {
  const auto conversations = parse_transcript(
      "# About the file.\n"
      "# More about it.\n"
      "\n"
      "# First\n"
      "   0.16 peer> (empty) | eMQP/1.0 | READY | m1\n"
      "  12.50 peer< (empty) | eMQP/1.0 | ACK | m2 | m1\n"
      "# Second\n"
      "   0.08 peer> a\n");
  ASSERT_TRUE(conversations) << conversations.error().text;
  ASSERT_EQ(conversations->size(), 2u);
  const Conversation& first = conversations->at(0);
  EXPECT_EQ(first.title, "First");
  ASSERT_EQ(first.lines.size(), 2u);
  EXPECT_TRUE(first.lines[0].from_peer);
  EXPECT_EQ(first.lines[0].at, milliseconds(160));
  EXPECT_EQ(first.lines[0].number, 5);
  EXPECT_FALSE(first.lines[1].from_peer);
  EXPECT_EQ(first.lines[1].at, milliseconds(12'500));
  ASSERT_EQ(first.lines[1].frames.size(), 5u);
  EXPECT_TRUE(first.lines[1].frames[0].empty());
  EXPECT_EQ(first.lines[1].frames[4], "m1");
  EXPECT_EQ(conversations->at(1).title, "Second");
  EXPECT_EQ(conversations->at(1).lines[0].text, "a");
}

TEST(TranscriptFileTest, OtherLinesAreRefusedByTheirNumber) {
  for (const char* line : {"nonsense", "x peer> a", "0.1 peer= a", "0.1"}) {
    const auto conversations = parse_transcript("# Title\n" + std::string(line) + "\n");
    ASSERT_FALSE(conversations) << line;
    EXPECT_EQ(conversations.error().text, "line 2 is no message: '" + std::string(line) + "'");
  }
}

TEST(TranscriptFileTest, MissingFileIsAnError) {
  const auto conversations = read_transcript_file(EVENTMQ_SOURCE_DIR "/tests/compat/no_such_file.txt");
  ASSERT_FALSE(conversations);
  EXPECT_EQ(conversations.error().code, ErrorCode::kSystem);
}

TEST(FramesTextTest, FramesAreWrittenAsTheyAreRead) {
  const std::string line = "(empty) | eMQP/1.0 | PUBLISH | m1 | topic | [\"update\", \"1\"] | (empty)";
  EXPECT_EQ(frames_text(frames_from_text(line)), line);
  EXPECT_EQ(frames_text(make_message_frames({"READY", "m1"})), "(empty) | eMQP/1.0 | READY | m1");
}

TEST(FramesTextTest, TooManyFramesAreMarked) {
  std::string line = "a";
  for (size_t frame = 1; frame < limits::kFramesPerMessage; ++frame) line += " | a";
  EXPECT_FALSE(frames_from_text(line).overflow());
  EXPECT_TRUE(frames_from_text(line + " | a").overflow());
}

}  // namespace
}  // namespace eventmq::testing
